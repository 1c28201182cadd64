"""Messages of other versions of our schemas: resolved to ours when they can be, refused with the reason when not."""

import copy
import json
import random
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from typing import Any

import fastavro
import pytest

from schemas.codec import STRUCTS, Codec
from schemas.decoder import decoder
from schemas.events import Feedback, Touchpoint
from schemas.refusals import DeadLetterReason, InvalidEvent
from schemas.registry import latest
from schemas.shapes import named_types
from tests.avro_values import plain, random_datum, struct_of, variant

FOREIGN_ID = 4711
IDS = {name: index + 100 for index, name in enumerate(STRUCTS)}
STRUCTS_BY_NAME = {
    name: struct_of(name)
    for schema in STRUCTS
    for name, node in named_types(latest(schema).document).items()
    if "fields" in node
}


def document(name: str = "touchpoint") -> Any:
    """A schema of ours, to be changed."""
    return copy.deepcopy(latest(name).document)


def field(schema: Any, name: str) -> Any:
    """A field of it."""
    return next(item for item in schema["fields"] if item["name"] == name)


def codec(schema: Any) -> Codec:
    """A codec whose registry knows one more schema."""
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return Codec(IDS, {FOREIGN_ID: text}.get)


def message(schema: Any, datum: Any) -> bytes:
    """A message written with a schema."""
    buffer = BytesIO(FOREIGN_ID.to_bytes(5, "big"))
    buffer.seek(5)
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(plain(schema)), datum)
    return buffer.getvalue()


def minimal() -> dict[str, Any]:
    """The datum that a touchpoint cannot do without."""
    return {
        "event_id": "e1",
        "subject_type": "customer",
        "subject_id": "c1",
        "occurred_at": 1_770_000_000_000_000,
        "touchpoint": "checkout",
    }


def refusal(schema: Any, payload: bytes | None = None) -> InvalidEvent:
    """The refusal of a message with that schema."""
    with pytest.raises(InvalidEvent) as refused:
        codec(schema).decode(payload or bytes([0, *FOREIGN_ID.to_bytes(4, "big"), 0]), Touchpoint)
    return refused.value


def test_an_older_writer_lacks_fields_that_have_defaults() -> None:
    older = document()
    older["fields"] = [item for item in older["fields"] if item["name"] in minimal()]
    assert codec(older).decode(message(older, minimal()), Touchpoint) == Touchpoint(**minimal())


def test_a_newer_writer_has_fields_that_we_skip() -> None:
    newer = document()
    extra = [
        {"name": "x1", "type": {"type": "fixed", "name": "F", "size": 3}},
        {"name": "x2", "type": ["null", "float", {"type": "array", "items": "bytes"}]},
        {"name": "x3", "type": {"type": "map", "values": {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}}},
        {"name": "x4", "type": ["null", "R"]},
        {"name": "x5", "type": {"type": "enum", "name": "E", "symbols": ["a", "b"]}},
        {"name": "x6", "type": "null"},
    ]  # fmt: skip
    newer["fields"] = [*extra[:3], *newer["fields"], *extra[3:]]
    datum = minimal() | {
        "x1": b"abc",
        "x2": [b"x", b"yz"],
        "x3": {"k": {"a": -7}},
        "x4": {"a": 1},
        "x5": "b",
        "x6": None,
    }
    assert codec(newer).decode(message(newer, datum), Touchpoint) == Touchpoint(**minimal())


def test_a_symbol_that_we_do_not_know_becomes_the_enums_default() -> None:
    newer = document()
    field(newer, "outcome")["type"]["symbols"].append("postponed")
    newer["fields"].reverse()
    decoded = codec(newer).decode(message(newer, minimal() | {"outcome": "postponed"}), Touchpoint)
    assert decoded == Touchpoint(**minimal(), outcome="unknown")


def test_a_java_writer_and_another_order_of_a_union_and_a_narrower_number() -> None:
    java = document("feedback")
    for item in java["fields"]:
        if item["type"] == ["null", "string"]:
            item["type"] = [{"type": "string", "avro.java.string": "String"}, "null"]
            del item["default"]
        elif item["type"] == ["null", "double"]:
            item["type"] = ["int", "null"]
            del item["default"]
    datum = dict.fromkeys([item["name"] for item in java["fields"]]) | minimal() | {"source": "", "kind": "stars"}
    datum |= {"score": 2, "scale_min": 1, "scale_max": 5, "text": "太慢了", "attributes": {}, "touchpoint": "delivery"}
    datum |= {"scale_direction": "higher_is_better", "respondent": "customer"}
    decoded = codec(java).decode(message(java, datum), Feedback)
    assert (decoded.score, type(decoded.score), decoded.text, decoded.touchpoint) == (2.0, float, "太慢了", "delivery")


def test_the_same_version_in_a_registry_has_its_ids() -> None:
    local, registered = Codec(), Codec(IDS)
    record = Touchpoint(**minimal())
    assert registered.encode(record)[:5] == bytes([0, 0, 0, 0, IDS["touchpoint"]])
    assert registered.encode(record)[5:] == local.encode(record)[5:]
    assert registered.decode(registered.encode(record), Touchpoint) == record
    with pytest.raises(InvalidEvent, match="unknown_schema"):
        registered.decode(local.encode(record), Touchpoint)


def changed(change: Callable[[Any], object]) -> Any:
    """Our schema after a change."""
    schema = document()
    change(schema)
    return schema


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (changed(lambda s: s.update(name="Order")), "touchstone.Order is none of ours"),
        (changed(lambda s: s.update(namespace="shop")), "shop.Touchpoint is none of ours"),
        (changed(lambda s: s["fields"].pop(0)), "event_id"),
        (changed(lambda s: field(s, "amount")["type"][1].update(scale=2)), "2 decimals"),
        (changed(lambda s: field(s, "amount").update(type=["null", "bytes"])), "decimal with 4 decimals"),
        (changed(lambda s: field(s, "amount").update(type=["null", "double"])), "amount"),
        (changed(lambda s: field(s, "occurred_at")["type"].update(logicalType="timestamp-millis")), "timestamp-millis"),
        (changed(lambda s: field(s, "occurred_at").update(type="string")), "occurred_at"),
        (changed(lambda s: field(s, "touchpoint").update(type=["null", "string"])), "touchpoint"),
        (changed(lambda s: s["fields"].append({"name": "x", "type": {"type": "array", "items": "null"}})), "zero-size"),
        (changed(lambda s: s["fields"].append({"name": "x", "type": ["null", "Touchpoint"]})), "recursion"),
        ('"string"', "a schema that is no record"),
        ("{", "no Avro schema"),
        ('{"type": "record", "name": "touchstone.Touchpoint"}', "no Avro schema"),
        ("[" * 100_000, "no Avro schema"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_read_as_ours_is_refused_with_the_reason(schema: Any, words: str) -> None:
    refused = refusal(schema)
    assert refused.reason is DeadLetterReason.WRONG_SCHEMA
    assert words in refused.detail


def test_the_five_kilobytes_that_overflow_a_stack_and_the_five_bytes_that_build_millions() -> None:
    inner = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
    deep = changed(lambda s: s["fields"].insert(0, {"name": "node", "type": inner}))
    wide = changed(lambda s: s["fields"].insert(0, {"name": "nulls", "type": {"type": "array", "items": "null"}}))
    head = FOREIGN_ID.to_bytes(5, "big")
    tracemalloc.start()
    try:
        for schema, datum in ((deep, b"\2" * 5_000), (wide, bytes.fromhex("80c8ce1c00"))):
            assert refusal(schema, head + datum).reason is DeadLetterReason.WRONG_SCHEMA
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_a_known_schema_on_the_wrong_topic() -> None:
    with pytest.raises(InvalidEvent, match="wrong_schema: a touchpoint, expected a feedback"):
        Codec().decode(Codec().encode(Touchpoint(**minimal())), Feedback)


def test_a_refused_schema_is_asked_for_once_and_an_unknown_id_each_time() -> None:
    asked: list[int] = []

    def fetch(schema_id: int) -> str | None:
        asked.append(schema_id)
        return '"string"' if schema_id == FOREIGN_ID else None

    patient = Codec(IDS, fetch)
    for schema_id in (FOREIGN_ID, FOREIGN_ID, 5, 5):
        with pytest.raises(InvalidEvent):
            patient.decode(schema_id.to_bytes(5, "big") + b"\0", Touchpoint)
    assert asked == [FOREIGN_ID, 5, 5]  # the registry's client remembers for a while what is not there


@pytest.mark.parametrize("seed", range(60))
def test_any_variant_is_resolved_as_fastavro_resolves_it(seed: int) -> None:
    rng = random.Random(seed)
    name = rng.choice([name for name in STRUCTS if name != "control"])
    schema = variant(document(name), rng)
    reader = plain(document(name))
    decode = decoder(schema, reader, STRUCTS_BY_NAME)
    parsed, resolved = fastavro.parse_schema(schema), fastavro.parse_schema(reader)
    for _ in range(10):
        buffer = BytesIO()
        fastavro.schemaless_writer(buffer, parsed, random_datum(schema, named_types(schema), rng))
        payload = buffer.getvalue()
        record, end = decode(payload, 0)
        expected: Any = fastavro.schemaless_reader(BytesIO(payload), parsed, resolved)
        assert end == len(payload)
        assert as_dict(record) == expected


def as_dict(value: Any) -> Any:
    """A struct as fastavro gives it."""
    if hasattr(value, "__struct_fields__"):
        return {name: as_dict(getattr(value, name)) for name in value.__struct_fields__}
    return [as_dict(item) for item in value] if isinstance(value, list) else value
