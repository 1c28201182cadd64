"""The codec against fastavro: the same bytes, the same values, and never a message that only we accept."""

import random
import tracemalloc
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import events
from schemas.codec import HEADER_BYTES, STRUCTS, Codec
from schemas.primitives import write_long, write_text
from schemas.refusals import DeadLetterReason, InvalidEvent
from schemas.registry import latest
from schemas.validate import check
from tests.avro_values import plain, plain_datum, record_strategy

CODEC = Codec()
REFERENCE = {name: fastavro.parse_schema(plain(latest(name).document)) for name in STRUCTS}
MUTATIONS = 3_000

# Where we are stricter than fastavro, in the words of the refusal: numbers beyond their type, amounts that no writer
# makes, symbols, branches and booleans whose number is negative or padded with zeros.
STRICTER = ("bits", "more than ten bytes", "an amount of", "no value has the number", "no branch", "a length of")


def by_fastavro(name: str, payload: bytes) -> Any:
    """The datum, or None when fastavro refuses the message or leaves bytes."""
    buffer = BytesIO(payload[HEADER_BYTES:])
    try:
        datum = fastavro.schemaless_reader(buffer, REFERENCE[name], None)
    except Exception:  # noqa: BLE001 - four unrelated types, that is why it is not in the product's path
        return None
    return datum if buffer.tell() == len(payload) - HEADER_BYTES else None


@pytest.mark.parametrize("name", STRUCTS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_round_trip_and_the_same_bytes_as_fastavro(name: str, data: st.DataObject) -> None:
    record = data.draw(record_strategy(latest(name).document))
    payload = CODEC.encode(record)
    decoded = CODEC.decode(payload, STRUCTS[name])
    assert decoded == record
    assert type(decoded) is STRUCTS[name]
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, REFERENCE[name], plain_datum(record))
    assert payload[HEADER_BYTES:] == buffer.getvalue()


def mutated(payload: bytes, rng: random.Random) -> bytes:
    """A message with some of its datum's bytes changed, cut, repeated or added."""
    body = bytearray(payload[HEADER_BYTES:])
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(body) + 1)
        change = rng.randrange(5)
        if change == 0:
            body[at : at + 1] = bytes([rng.randrange(256)])
        elif change == 1:
            body = body[:at]
        elif change == 2:
            body[at:at] = rng.randbytes(rng.choice((1, 2, 9)))
        elif change == 3:
            body[at : at + 1] = bytes([body[at] ^ (1 << rng.randrange(8))]) if at < len(body) else b"\xff"
        else:
            del body[at : at + rng.choice((1, 2, 8))]
    return payload[:HEADER_BYTES] + bytes(body)


@pytest.mark.parametrize("name", STRUCTS)
def test_mutated_messages_are_refused_or_read_as_fastavro_reads_them(name: str) -> None:
    rng = random.Random(name)
    strategy = record_strategy(latest(name).document)
    samples: list[msgspec.Struct] = []

    @settings(max_examples=20, deadline=None, database=None, derandomize=True)
    @given(strategy)
    def collect(record: msgspec.Struct) -> None:
        samples.append(record)

    collect()
    payloads = [payload for payload in map(CODEC.encode, samples) if len(payload) < 4_000]
    accepted = 0
    for _ in range(MUTATIONS):
        payload = mutated(rng.choice(payloads), rng)
        record = outcome(name, payload)
        reference = by_fastavro(name, payload)
        if isinstance(record, InvalidEvent):
            assert record.reason in (DeadLetterReason.MALFORMED, DeadLetterReason.TRAILING_BYTES)
            assert reference is None or any(words in record.detail for words in STRICTER), record.detail
        else:
            accepted += 1
            assert reference is not None, payload.hex()
            assert same(record, reference)
    assert accepted  # the test would be empty if every mutation were refused


ROOM = 16_384  # tracing memory makes decoding two hundred times slower
NOW = 1_770_000_000_000_000
BEGIN: dict[str, Any] = {"event_id": "e", "subject_type": "customer", "subject_id": "c", "occurred_at": NOW}


def hostile() -> dict[str, tuple[type[msgspec.Struct], bytes, str]]:
    """Messages that make the most of each byte, and what becomes of them."""
    touchpoint = CODEC.encode(events.Touchpoint(**BEGIN, touchpoint="t"))
    attributes, amount = len(touchpoint) - 1, len(touchpoint) - 10
    customer = CODEC.encode(events.Customer(**BEGIN))
    identifiers = len(customer) - 11
    names = [write_text(str(number)) + b"\0" for number in range(ROOM // 7)]
    kinds = events.Touchpoint, events.Customer
    return {
        "empty identifiers": (
            kinds[1],
            customer[:identifiers] + b"\2" + write_long(ROOM // 2) + b"\0" * (ROOM + 1) + customer[identifiers + 1 :],
            "too_large",
        ),
        "attributes of few bytes": (
            kinds[0],
            touchpoint[:attributes] + write_long(len(names)) + b"".join(names) + b"\0",
            "too_large",
        ),
        "a length of 2^62": (kinds[0], touchpoint[:5] + write_long(1 << 62) + b"x" * ROOM, "malformed"),
        "a count of 2^62": (kinds[0], touchpoint[:attributes] + write_long(1 << 62) + b"\0" * ROOM, "malformed"),
        "a count of -2^63": (kinds[0], touchpoint[:attributes] + write_long(-1 << 63) + b"\0" * ROOM, "malformed"),
        "a long amount": (
            kinds[0],
            touchpoint[:amount] + b"\2" + write_long(ROOM) + b"\x7f" * ROOM + touchpoint[amount + 1 :],
            "malformed: field amount: an amount of",
        ),
        "a number without end": (kinds[0], touchpoint[:5] + b"\xff" * ROOM, "malformed: field event_id: a number of"),
    }


@pytest.mark.parametrize("name", hostile())
def test_hostile_messages_are_refused_and_take_little_memory(name: str) -> None:
    expected, payload, words = hostile()[name]
    tracemalloc.start()
    try:
        with pytest.raises(InvalidEvent, match=words):
            check(CODEC.decode(payload, expected), b"c", len(payload))  # type: ignore[arg-type]
        assert tracemalloc.get_traced_memory()[1] < 64 * ROOM
    finally:
        tracemalloc.stop()


def outcome(name: str, payload: bytes) -> msgspec.Struct | InvalidEvent:
    """What becomes of a message; any other exception is a defect."""
    try:
        return CODEC.decode(payload, STRUCTS[name])
    except InvalidEvent as refusal:
        return refusal


def same(record: Any, datum: Any) -> bool:
    """A struct of ours and fastavro's datum, compared by what they print: NaN equals itself there."""
    return repr(canonical(record)) == repr(canonical(datum))


def canonical(value: Any) -> Any:
    """Structs as dicts, and amounts as numbers, whether or not their bytes were the shortest."""
    if isinstance(value, msgspec.Struct):
        return {field: canonical(getattr(value, field)) for field in value.__struct_fields__}
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, bytes):
        return ("amount", int.from_bytes(value, "big", signed=True))
    return ("amount", int(value.scaleb(4))) if hasattr(value, "scaleb") else value
