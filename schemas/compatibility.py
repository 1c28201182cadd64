"""May a schema follow its earlier versions? BACKWARD_TRANSITIVE, and more: what Avro's own rule would let through.

New readers read old messages; old readers (subscribers) go on reading new ones; amounts and instants keep their scale;
personal data stays marked; no shape that a hostile message could abuse.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from schemas.registry import SchemaFile, schema_files
from schemas.shapes import PROMOTIONS, Names, bare, forbidden_shape, named_types, resolved, undocumented

# What a text that is no schema may raise, in the JSON parser and in fastavro.
NO_SCHEMA: Final = (
    SchemaParseException,
    UnknownType,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
)
_NONE: Final = object()


def parsed(text: str) -> Any:
    """A schema's document. Raises one of NO_SCHEMA."""
    document = json.loads(text)
    fastavro.parse_schema(json.loads(text))
    return document


def breaks(reader: Any, writer: Any) -> list[str]:
    """Why data written with one schema cannot be read with another; empty: it can."""
    readers, writers = named_types(reader), named_types(writer)
    found = list(_unreadable(reader, writer, readers, writers, bare(reader["name"])))
    return found + list(_scale_changes(reader, writer))


def _unreadable(reader: Any, writer: Any, readers: Names, writers: Names, place: str) -> Iterator[str]:
    """Avro's rules of schema resolution."""
    reader, writer = resolved(reader, readers), resolved(writer, writers)
    if isinstance(writer, list):
        for branch in writer:
            yield from _unreadable(reader, branch, readers, writers, place)
    elif isinstance(reader, list):
        if all(any(_unreadable(branch, writer, readers, writers, place)) for branch in reader):
            yield f"{place}: {_called(writer)} is none of {', '.join(_called(resolved(item, readers)) for item in reader)}"
    elif reader["type"] != writer["type"]:
        if (writer["type"], reader["type"]) not in PROMOTIONS:
            yield f"{place}: {_called(writer)} is not {_called(reader)}"
    elif reader["type"] in ("array", "map"):
        inner = "items" if reader["type"] == "array" else "values"
        yield from _unreadable(reader[inner], writer[inner], readers, writers, place)
    elif "name" in reader:
        yield from _unreadable_named(reader, writer, readers, writers, place)


def _unreadable_named(reader: Any, writer: Any, readers: Names, writers: Names, place: str) -> Iterator[str]:
    if bare(reader["name"]) != bare(writer["name"]) or reader.get("size") != writer.get("size"):
        yield f"{place}: {_called(writer)} is not {_called(reader)}"
    elif reader["type"] == "enum" and "default" not in reader:
        yield from (f"{place}: no symbol {symbol}" for symbol in writer["symbols"] if symbol not in reader["symbols"])
    elif reader["type"] == "record":
        written = {field["name"]: field["type"] for field in writer["fields"]}
        for field in reader["fields"]:
            inner = f"{place}.{field['name']}"
            if field["name"] in written:
                yield from _unreadable(field["type"], written[field["name"]], readers, writers, inner)
            elif "default" not in field:
                yield f"{inner}: missing, and it has no default"


def _called(node: Any) -> str:
    return f"{node['type']} {bare(node['name'])}" if "name" in node else str(node["type"])


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


def _lost(newer: Any, older: Any) -> Iterator[str]:
    """What Avro does not mind: personal data that is not marked any more, symbols that are gone, another default."""
    now = named_types(newer)
    for name, then in named_types(older).items():
        if name not in now:
            continue
        for symbol in then.get("symbols", ()):
            if symbol not in now[name].get("symbols", ()):
                yield f"{name} has lost the symbol {symbol}"
        fields = {field["name"]: field for field in now[name].get("fields", ())}
        for old in then.get("fields", ()):
            field = fields.get(old["name"], old)
            if old.get("pii", False) and not field.get("pii", False):
                yield f"{name}.{old['name']} has lost its pii mark"
            if "default" in old and old["default"] != field.get("default", _NONE):
                yield f"{name}.{old['name']} has another default: messages without it would change their meaning"


def _successor(newer: SchemaFile, older: SchemaFile) -> Iterator[str]:
    yield from (f"cannot read v{older.version}: {why}" for why in breaks(newer.document, older.document))
    yield from (f"readers of v{older.version} cannot read it: {why}" for why in breaks(older.document, newer.document))
    yield from (f"against v{older.version}: {why}" for why in _lost(newer.document, older.document))


def problems(files: Iterable[SchemaFile] | None = None) -> list[str]:
    """Everything wrong with what the schema files say, each with its place."""
    files = list(schema_files() if files is None else files)
    found = []
    readable = []
    for file in files:
        label = f"{file.name}.v{file.version}.avsc"
        try:
            parsed(file.text)
            shape = forbidden_shape(file.document)
            if shape is None:
                readable.append(file)
            else:
                found.append(f"{label}: {shape}")
            found += [f"{label}: {why}" for why in undocumented(file.document)]
        except NO_SCHEMA as error:
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
