"""What a schema may look like, and what its next version may change."""

import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any

import avro.errors
import avro.schema
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.codec import STRUCTS
from schemas.compatibility import breaks, problems
from schemas.registry import SchemaFile, latest, schema_files
from schemas.shapes import forbidden_shape
from tests.avro_values import plain, variant


def file(document: Any, version: int = 1, name: str = "touchpoint") -> SchemaFile:
    """A schema file that is not on the disk."""
    return SchemaFile(name, version, 1000 + version, json.dumps(document), document)


def next_version(change: Callable[[Any], object]) -> list[str]:
    """The problems of a second version of the touchpoint schema."""
    document = copy.deepcopy(latest("touchpoint").document)
    change(document)
    return problems((latest("touchpoint"), file(document, 2)))


def field(document: Any, name: str) -> Any:
    """A field of it."""
    return next(item for item in document["fields"] if item["name"] == name)


def test_our_schemas_have_no_problems() -> None:
    assert problems() == []


def test_a_good_second_version() -> None:
    def change(document: Any) -> None:
        document["fields"].append({"name": "lane", "type": ["null", "string"], "doc": "Lane.", "default": None})
        field(document, "outcome")["type"]["symbols"].append("postponed")
        field(document, "place")["pii"] = True
        document["fields"].reverse()

    assert next_version(change) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["fields"].append({"name": "lane", "type": "string", "doc": "Lane."}), "cannot read v1: .*lane"),
        (lambda d: field(d, "channel").update(type="string", default=""), "cannot read v1: .*channel"),
        (lambda d: field(d, "occurred_at").update(name="happened_at"), "cannot read v1: .*happened_at"),
        (lambda d: field(d, "duration_seconds").update(type=["null", "long"]), "cannot read v1"),
        (lambda d: field(d, "event_id").update(type=["null", "string"]), "readers of v1 cannot read it"),
        (lambda d: d["fields"].remove(field(d, "touchpoint")), "readers of v1 cannot read it: .*touchpoint"),
        (lambda d: d.update(name="Touch"), "cannot read v1"),
        (lambda d: field(d, "amount")["type"][1].update(scale=2), "amount is decimal with 2 decimals, was .* 4"),
        (lambda d: field(d, "promised_at")["type"][1].update(logicalType="timestamp-millis"), "timestamp-millis, was"),
        (lambda d: field(d, "staff").pop("pii"), "staff has lost its pii mark"),
        (lambda d: field(d, "staff").update(doc=""), "staff: no doc"),
        (lambda d: field(d, "outcome")["type"].pop("default"), "Outcome: an enum without a default symbol"),
        (lambda d: field(d, "outcome")["type"]["symbols"].remove("abandoned"), "Outcome has lost the symbol"),
        (lambda d: field(d, "source").update(default="web"), "source has another default"),
        (lambda d: field(d, "source").pop("default"), "source has another default"),
        (lambda d: field(d, "outcome")["type"].pop("doc"), "Outcome: no doc"),
        (lambda d: d.pop("doc"), "Touchpoint: no doc"),
        (lambda d: d["fields"].append({"name": "due", "type": {"type": "long", "logicalType": "timestamp-micros"}, "doc": "Due.", "default": 0}), "due: instants, and only they, end in _at"),
        (lambda d: d["fields"].append({"name": "seen_at", "type": "long", "doc": "Seen.", "default": 0}), "seen_at: instants"),
        (lambda d: d["fields"].append({"name": "x", "type": "Nothing", "doc": "X."}), "no Avro schema"),
    ],
)  # fmt: skip
def test_a_bad_second_version(change: Callable[[Any], object], words: str) -> None:
    found = next_version(change)
    assert found
    assert any(re.search(words, problem) for problem in found), found
    assert all(problem.startswith("touchpoint.v2.avsc: ") for problem in found)


def test_every_earlier_version_counts_not_only_the_last() -> None:
    first, second, third = (copy.deepcopy(latest("touchpoint").document) for _ in range(3))
    lane = {"name": "lane", "type": ["null", "string"], "doc": "Lane.", "default": None}
    first["fields"].append(lane)
    third["fields"].append(lane | {"type": ["null", "long"]})
    found = problems((file(first, 1), file(second, 2), file(third, 3)))
    assert found
    assert all("v1" in problem and problem.startswith("touchpoint.v3.avsc") for problem in found)


def test_a_type_is_the_same_in_every_schema() -> None:
    document = copy.deepcopy(latest("touchpoint").document)
    field(document, "subject_type")["type"]["symbols"].append("robot")
    files = tuple(item for item in schema_files() if item.name != "touchpoint")
    found = problems((*files, file(document, 2)))
    assert found
    assert all("SubjectType is another type than in" in problem for problem in found)


EMPTY = {"type": "record", "name": "Empty", "fields": []}
NULLS = {"type": "record", "name": "Nulls", "fields": [{"name": "a", "type": "null"}, {"name": "b", "type": EMPTY}]}


def record(*types: Any) -> dict[str, Any]:
    """A record of fields of these types."""
    return {"type": "record", "name": "R", "fields": [{"name": f"f{i}", "type": kind} for i, kind in enumerate(types)]}


def laughs(levels: int) -> list[Any]:
    """Records that each hold the one before twice."""
    kinds: list[Any] = [{"type": "record", "name": "L0", "fields": []}]
    for level in range(1, levels):
        inner = [{"name": "a", "type": f"L{level - 1}"}, {"name": "b", "type": f"L{level - 1}"}]
        kinds.append({"type": "record", "name": f"L{level}", "fields": inner})
    return kinds


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (record(["null", "R"]), "recursion through R"),
        (record({"type": "array", "items": "R"}), "recursion"),
        (record({"type": "map", "values": ["null", "ns.R"]}), "recursion"),
        (record({"type": "record", "name": "S", "fields": [{"name": "a", "type": ["null", "R"]}]}), "recursion"),
        (record({"type": "array", "items": "null"}), "zero-size"),
        (record({"type": "array", "items": {"type": "null"}}), "zero-size"),
        (record({"type": "array", "items": EMPTY}), "zero-size"),
        (record(EMPTY, {"type": "array", "items": "Empty"}), "zero-size"),
        (record({"type": "array", "items": NULLS}), "zero-size"),
        (record({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}), "zero-size"),
        (record(["null", {"type": "map", "values": {"type": "array", "items": EMPTY}}]), "zero-size"),
        (record({"type": {"type": "array", "items": "null"}}), "zero-size"),
        (record(*laughs(30)), "fields when written out"),
        (record({"type": "array", "items": "string"}, {"type": "map", "values": "null"}, EMPTY, "Empty"), None),
        (record({"type": "array", "items": ["null", EMPTY]}), None),
        (record(*laughs(5)), None),
    ],
)
def test_forbidden_shapes(schema: Any, words: str | None) -> None:
    found = forbidden_shape(schema)
    if words is None:
        assert found is None
    else:
        assert words in str(found)


def test_a_recursive_schema_is_reported_and_not_walked_without_end() -> None:
    document = copy.deepcopy(latest("touchpoint").document)
    document["fields"].append({"name": "next", "type": ["null", "Touchpoint"], "doc": "Next.", "default": None})
    assert problems((file(document, 1), file(document, 2))) == [
        "touchpoint.v1.avsc: recursion through Touchpoint",
        "touchpoint.v2.avsc: recursion through Touchpoint",
    ]


def disturbed(schema: Any, rng: random.Random) -> Any:
    """A schema in which one type is another; the rest of it stays."""
    place = rng.choice(schema["fields"])
    other = rng.choice(
        ("string", "int", "float", "bytes", ["null", "long"], ["string", "null"], {"type": "map", "values": "int"})
    )
    named = isinstance(place["type"], str | list) and "name" not in json.dumps(place["type"])
    if named or rng.random() < 0.3:
        place["type"] = other
    return schema


@pytest.mark.parametrize("seed", range(150))
def test_compatible_means_what_avros_own_library_means(seed: int) -> None:
    rng = random.Random(seed)
    reader = plain(latest(rng.choice([name for name in STRUCTS if name != "control"])).document)
    writer = disturbed(variant(reader, rng), rng)
    try:
        theirs = avro.schema.parse(json.dumps(writer))
    except avro.errors.AvroException:
        return  # the disturbance removed a definition that is used elsewhere
    checker = ReaderWriterCompatibilityChecker()
    answer = checker.get_compatibility(avro.schema.parse(json.dumps(reader)), theirs).compatibility
    assert (breaks(reader, writer) == []) == (answer is SchemaCompatibilityType.compatible)


def test_two_types_of_one_name() -> None:
    with pytest.raises(ValueError, match="two types have the name Empty"):
        forbidden_shape(record(EMPTY, EMPTY | {"namespace": "other"}))
