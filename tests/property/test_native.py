"""What C reads and writes is what the Python of the same plan reads and writes, down to the error."""

import gc
import random
import sys
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import decoder as decoders
from schemas.codec import STRUCTS
from schemas.decoder import decoder, native, python_decoder
from schemas.encoder import encoder, python_encoder
from schemas.plan import plan
from schemas.registry import latest
from schemas.shapes import named_types
from tests.avro_values import record_strategy, struct_of

pytestmark = pytest.mark.skipif(native is None, reason="schemas/native.c is not compiled: there was no C compiler")

HEAD = b"\0\0\0\0\7"
MUTATIONS = 600
CALLS = 5_000


def structs_of(document: Any) -> dict[str, type]:
    """Its records' structs by name."""
    return {name: struct_of(name) for name, node in named_types(document).items() if "fields" in node}


def both(name: str) -> tuple[Any, Any, Any, Any]:
    """Decoder and encoder of a schema, each in C and in Python."""
    document = latest(name).document
    wanted = plan(document, document, structs_of(document))
    in_c = decoder(document, document, structs_of(document)), encoder(document)
    return in_c[0], python_decoder(wanted), in_c[1], python_encoder(document)


def result(function: Any, *given: Any) -> Any:
    """What it gives or raises, comparable."""
    try:
        return function(*given)
    except Exception as error:  # noqa: BLE001 - whichever it is, it must be the same
        return type(error), str(error)


def samples_of(name: str) -> list[msgspec.Struct]:
    """Twenty records of a schema."""
    samples: list[msgspec.Struct] = []

    @settings(max_examples=20, deadline=None, database=None, derandomize=True)
    @given(record_strategy(latest(name).document))
    def collect(record: msgspec.Struct) -> None:
        samples.append(record)

    collect()
    return samples


@pytest.mark.parametrize("name", STRUCTS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_same_bytes_and_the_same_record(name: str, data: st.DataObject) -> None:
    decode, decode_python, encode, encode_python = both(name)
    record = data.draw(record_strategy(latest(name).document))
    message = encode(record, HEAD)
    assert message == encode_python(record, HEAD)
    assert decode(message, len(HEAD)) == decode_python(message, len(HEAD)) == (record, len(message))


@pytest.mark.parametrize("name", STRUCTS)
def test_mutated_messages_are_read_or_refused_alike(name: str) -> None:
    decode, decode_python, encode, _ = both(name)
    samples = samples_of(name)
    messages = [message for record in samples if len(message := encode(record, HEAD)) < 4_000]
    rng, read = random.Random(name), 0
    for _ in range(MUTATIONS):
        message = bytearray(rng.choice(messages))
        for _ in range(rng.choice((1, 2, 5))):
            at = rng.randrange(len(HEAD), len(message) + 1)
            message[at : at + rng.choice((0, 1, 1, 8))] = rng.randbytes(rng.choice((0, 1, 1, 9)))
        found = result(decode, bytes(message), len(HEAD))
        assert repr(found) == repr(result(decode_python, bytes(message), len(HEAD))), message.hex()
        read += isinstance(found[0], msgspec.Struct)
    assert read  # the test would be empty if every mutation were refused


@pytest.mark.parametrize(
    "change",
    [
        {"occurred_at": 1 << 63}, {"occurred_at": -(1 << 63)}, {"occurred_at": True}, {"occurred_at": 1.0}, {"occurred_at": None},
        {"touchpoint": None}, {"touchpoint": 1}, {"touchpoint": "\ud800"}, {"touchpoint": "长" * 5_000}, {"touchpoint": b"x"},
        {"outcome": "unheard of"}, {"outcome": 1}, {"duration_seconds": 1}, {"duration_seconds": "1"},
        {"amount": Decimal("NaN")}, {"amount": Decimal("0.00001")}, {"amount": Decimal(10) ** 15}, {"amount": 1},
        {"attributes": {"a": 1}}, {"attributes": {1: "a"}}, {"attributes": None}, {"attributes": [("a", "b")]},
        {"attributes": {str(number): "x" * number for number in range(300)}},
    ],
    ids=str,
)  # fmt: skip
def test_values_of_other_types_are_written_or_refused_alike(change: dict[str, Any]) -> None:
    _, _, encode, encode_python = both("touchpoint")
    record = STRUCTS["touchpoint"](
        event_id="e", subject_type="customer", subject_id="c", occurred_at=1_770_000_000_000_000, touchpoint="t"
    )
    assert result(encode, record, HEAD) == result(encode_python, record, HEAD)
    changed = msgspec.structs.replace(record, **change)
    assert result(encode, changed, HEAD) == result(encode_python, changed, HEAD)


def test_positions_beyond_the_message_are_refused_alike() -> None:
    decode, decode_python, _, _ = both("touchpoint")
    for start in (0, 1, 3, 4):
        assert result(decode, b"\2a\2", start) == result(decode_python, b"\2a\2", start)
    for wrong in ((b"",), ("text", 0), (b"", "0"), (b"", 1 << 70)):
        with pytest.raises(TypeError):
            decode(*wrong)


def test_nothing_is_kept_of_what_was_read_written_or_refused() -> None:
    decode, _, encode, _ = both("action")
    record = max(samples_of("action"), key=lambda sample: len(encode(sample, HEAD)))
    message = encode(record, HEAD)
    cut = message[:-3]

    def run(times: int) -> None:
        for _ in range(times):
            decode(message, len(HEAD))
            encode(record, HEAD)
            result(decode, cut, len(HEAD))

    run(500)
    gc.collect()
    before = sys.getallocatedblocks()
    run(CALLS)
    gc.collect()
    assert sys.getallocatedblocks() - before < CALLS // 50


def test_without_a_compiler_everything_is_read_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "native", None)
    document = latest("touchpoint").document
    decode = decoder(document, document, structs_of(document))
    assert type(decode).__name__ == "function"
