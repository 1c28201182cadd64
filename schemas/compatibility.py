"""May a schema follow its earlier versions? BACKWARD_TRANSITIVE, and more: what Avro's own rule would let through.

New readers read old messages; old readers (subscribers) go on reading new ones; amounts and instants keep their scale;
personal data stays marked; no shape that a hostile message could abuse.
"""

import json
from collections.abc import Iterator
from typing import Any

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.errors import AvroException
from avro.schema import parse

from schemas.registry import SchemaFile, schema_files
from schemas.shapes import forbidden_shape, named_types, resolved, undocumented


def breaks(reader: str, writer: str) -> list[str]:
    """Why data written with one schema cannot be read with another (schema texts); empty: it can."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(parse(reader), parse(writer))
    found = [] if result.compatibility is SchemaCompatibilityType.compatible else sorted(result.messages)
    return found + list(_scale_changes(json.loads(reader), json.loads(writer)))


def _scale_changes(reader: Any, writer: Any) -> Iterator[str]:
    """Fields whose number would be read as another one: Avro compares only the bytes' types."""
    theirs = named_types(writer)
    for name, record in named_types(reader).items():
        written = {field["name"]: field["type"] for field in theirs.get(name, {}).get("fields", ())}
        for field in record.get("fields", ()):
            if field["name"] not in written:
                continue
            ours, other = _scale(field["type"]), _scale(written[field["name"]])
            if ours != other:
                yield f"{name}.{field['name']} is {ours or 'a plain number'}, was {other or 'a plain number'}"


def _scale(kind: Any) -> str:
    """What a number means: its logical type and its decimals."""
    for branch in kind if isinstance(kind, list) else [kind]:
        node = resolved(branch, {})
        if isinstance(node, dict) and "logicalType" in node:
            scale = node.get("scale")
            return str(node["logicalType"]) if scale is None else f"{node['logicalType']} with {scale} decimals"
    return ""


def _unmarked(newer: Any, older: Any) -> Iterator[str]:
    """Fields that were marked as personal data and are not any more."""
    now = named_types(newer)
    for name, record in named_types(older).items():
        marks = {field["name"]: field.get("pii", False) for field in now.get(name, {}).get("fields", ())}
        for field in record.get("fields", ()):
            if field.get("pii", False) and not marks.get(field["name"], True):
                yield f"{name}.{field['name']} has lost its pii mark"


def _successor(newer: SchemaFile, older: SchemaFile) -> Iterator[str]:
    yield from (f"cannot read v{older.version}: {why}" for why in breaks(newer.text, older.text))
    yield from (f"readers of v{older.version} cannot read it: {why}" for why in breaks(older.text, newer.text))
    yield from (f"against v{older.version}: {why}" for why in _unmarked(newer.document, older.document))


def _alone(file: SchemaFile) -> Iterator[str]:
    shape = forbidden_shape(file.document)
    if shape:
        yield shape
    yield from undocumented(file.document)


def problems(files: tuple[SchemaFile, ...] | None = None) -> list[str]:
    """Everything wrong with the schema files, each with its place."""
    files = schema_files() if files is None else files
    found = []
    readable = []
    for file in files:
        label = f"{file.name}.v{file.version}.avsc"
        try:
            parse(file.text)
            found += [f"{label}: {why}" for why in _alone(file)]
            readable.append(file)
        except (AvroException, KeyError, TypeError, ValueError) as error:
            found.append(f"{label}: no Avro schema: {error}")
    for newer in readable:
        for older in readable:
            if older.name == newer.name and older.version < newer.version:
                found += [f"{newer.name}.v{newer.version}.avsc: {why}" for why in _successor(newer, older)]
    return found + list(_two_meanings(readable))


def _two_meanings(files: list[SchemaFile]) -> Iterator[str]:
    """Types of one name must be the same everywhere: generated classes have only one place for each."""
    newest = {file.name: file for file in sorted(files, key=lambda file: file.version)}
    seen: dict[str, tuple[str, str]] = {}
    for file in newest.values():
        for name, document in named_types(file.document).items():
            meaning = json.dumps(_without_definitions(document), sort_keys=True)
            first, where = seen.setdefault(name, (meaning, file.name))
            if first != meaning:
                yield f"{file.name}.v{file.version}.avsc: {name} is another type than in {where}"


def _without_definitions(node: Any, top: bool = True) -> Any:
    """A named type with the types inside it by name only: it does not matter where they are written out."""
    if isinstance(node, list):
        return [_without_definitions(item, False) for item in node]
    if isinstance(node, dict):
        if not top and node.get("type") in ("record", "enum"):
            return node["name"]
        return {key: _without_definitions(value, False) for key, value in node.items()}
    return node
