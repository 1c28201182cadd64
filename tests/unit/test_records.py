"""Structs and schema files say the same, field by field; personal data is marked."""

import types
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from schemas.codec import STRUCT_OF, STRUCTS
from schemas.registry import latest
from schemas.shapes import bare, named_types, resolved

# What identifies a person by itself or holds a person's words.
PERSONAL = {
    "Touchpoint": {"subject_id", "matter", "product", "staff", "device", "attributes"},
    "Feedback": {"subject_id", "text", "matter", "product", "staff", "device", "attributes"},
    "Customer": {"subject_id", "name", "identifiers", "value", "owner", "attributes"},
    "Identifier": {"value"},
    "ActionUpdate": {"subject_id", "by", "note", "attributes", "to"},
    "Experience": {"subject_id", "matter"},
    "Action": {"subject_id", "assignee", "parameters", "text", "matter"},
    "Notification": {"subject_id", "assignee", "parameters", "text", "matter"},
    "Holdout": {"subject_id", "matter"},
    "Suppression": {"subject_id", "matter"},
    "Episode": {"subject_id", "owner"},
    "Cause": {"subject_id", "product", "staff"},
    "Staff": {"staff_id", "name"},
}  # fmt: skip


def record_documents() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Each record of each schema file, nested ones too, with the named types around it."""
    for schema in STRUCTS:
        names = named_types(latest(schema).document)
        yield from ((name, node, names) for name, node in names.items() if node["type"] == "record")


def python_type(node: Any, names: dict[str, Any]) -> Any:
    """The annotation that a schema type must have."""
    node = resolved(node, names)
    if isinstance(node, list):
        assert len(node) == 2
        assert node[0] == "null", "null first, so that the default can be null"
        return python_type(node[1], names) | None
    if node["type"] == "record":
        return STRUCT_OF[bare(node["name"])]
    if node["type"] == "enum":
        return Literal[tuple(node["symbols"])]
    if node["type"] == "array":
        return list[python_type(node["items"], names)]  # type: ignore[misc]
    if node["type"] == "map":
        return dict[str, python_type(node["values"], names)]  # type: ignore[misc]
    if node["type"] == "bytes":
        assert (node["logicalType"], node["precision"], node["scale"]) == ("decimal", 18, 4)
        return Decimal
    return {"string": str, "int": int, "long": int, "double": float, "boolean": bool}[node["type"]]


def plain_annotation(annotation: Any) -> Any:
    """Both ways to write an optional type, as one."""
    if get_origin(annotation) in (Union, types.UnionType):
        return frozenset(plain_annotation(item) for item in get_args(annotation))
    if get_origin(annotation) is list:
        return ("list", plain_annotation(get_args(annotation)[0]))
    return annotation


@pytest.mark.parametrize(("name", "node", "names"), [pytest.param(*item, id=item[0]) for item in record_documents()])
def test_structs_and_schema_files_are_the_same(name: str, node: Any, names: dict[str, Any]) -> None:
    struct = STRUCT_OF[name]
    assert struct.__doc__ == node["doc"]
    fields = msgspec.structs.fields(struct)
    assert [field.name for field in fields] == [field["name"] for field in node["fields"]]
    hints = get_type_hints(struct)
    for ours, written in zip(fields, node["fields"], strict=True):
        expected = python_type(written["type"], names)
        assert plain_annotation(hints[ours.name]) == plain_annotation(expected), ours.name
        default = ours.default if ours.default_factory is msgspec.NODEFAULT else ours.default_factory()
        assert ("default" in written) == (default is not msgspec.NODEFAULT), ours.name
        if "default" in written:
            assert (default, type(default)) == (written["default"], type(written["default"])), ours.name


def test_every_struct_stands_in_a_schema_file() -> None:
    assert {name for name, _, _ in record_documents()} == set(STRUCT_OF)
    assert [struct.__name__ for struct in STRUCTS.values()] == [
        bare(latest(schema).document["name"]) for schema in STRUCTS
    ]


def test_namespace_and_enums() -> None:
    for schema in STRUCTS:
        document = latest(schema).document
        assert document["namespace"] == "touchstone"
        for name, node in named_types(document).items():
            if node["type"] == "enum":
                assert node["symbols"][0] == node["default"] == "unknown", name


def test_personal_data_is_marked() -> None:
    for name, node, _ in record_documents():
        marked = {field["name"] for field in node["fields"] if field.get("pii")}
        assert marked == PERSONAL.get(name, set()), name


def test_the_same_field_is_marked_everywhere() -> None:
    marks: dict[str, set[bool]] = {}
    for _, node, _ in record_documents():
        for field in node["fields"]:
            if field["name"] in ("subject_id", "text", "matter", "product", "staff_id", "parameters", "attributes"):
                marks.setdefault(field["name"], set()).add(field.get("pii", False))
    assert set(map(frozenset, marks.values())) == {frozenset({True})}
