"""May a schema follow its earlier versions? BACKWARD_TRANSITIVE, and no shape that a hostile message could abuse."""

from collections.abc import Iterator
from typing import Any

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

from schemas.registry import SchemaFile, schema_files

_EMPTY = ("null",)


def forbidden_shape(document: Any, inside: tuple[str, ...] = ()) -> str | None:
    """What makes a schema unsafe to decode: recursion (deep messages overflow the stack), arrays or maps of zero-size items."""
    if isinstance(document, str):
        return f"recursion through {document}" if document.rpartition(".")[2] in inside else None
    if isinstance(document, list):
        return next((found for item in document if (found := forbidden_shape(item, inside))), None)
    kind = document.get("type")
    if kind == "record":
        names = (*inside, str(document["name"]).rpartition(".")[2])
        return next((found for field in document["fields"] if (found := forbidden_shape(field["type"], names))), None)
    if kind == "array":
        if _zero_size(document["items"]):
            return "an array of zero-size items"
        return forbidden_shape(document["items"], inside)
    if kind == "map":
        return forbidden_shape(document["values"], inside)
    if isinstance(kind, dict | list):
        return forbidden_shape(kind, inside)
    return None


def _zero_size(item: Any) -> bool:
    if isinstance(item, str):
        return item in _EMPTY
    if isinstance(item, dict):
        if item.get("type") == "record":
            return all(_zero_size(field["type"]) for field in item["fields"])
        if item.get("type") == "fixed":
            return int(item["size"]) == 0
        return isinstance(item.get("type"), str | dict) and _zero_size(item["type"])
    return False


def undocumented(document: Any, path: str = "") -> Iterator[str]:
    """Records and fields without a `doc`, enums without a default."""
    if isinstance(document, list):
        for item in document:
            yield from undocumented(item, path)
    if not isinstance(document, dict):
        return
    here = f"{path}/{document.get('name', '')}"
    if document.get("type") in ("record", "enum") and not document.get("doc"):
        yield f"{here}: no doc"
    if document.get("type") == "enum" and "default" not in document:
        yield f"{here}: an enum without a default symbol"
    for field in document.get("fields", ()):
        if not field.get("doc"):
            yield f"{here}.{field['name']}: no doc"
        yield from undocumented(field["type"], here)
    for inner in ("items", "values"):
        yield from undocumented(document.get(inner), here)


def breaks(newer: str, older: str) -> list[str]:
    """Why data written with `older` cannot be read with `newer` (schema texts); empty: it can."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(parse(newer), parse(older))
    return [] if result.compatibility is SchemaCompatibilityType.compatible else sorted(result.messages)


def problems(files: tuple[SchemaFile, ...] | None = None) -> list[str]:
    """Everything wrong with the schema files, each with its place."""
    files = schema_files() if files is None else files
    found = []
    for file in files:
        label = f"{file.name}.v{file.version}.avsc"
        shape = forbidden_shape(file.document)
        if shape:
            found.append(f"{label}: {shape}")
        found += [f"{label}: {where}" for where in undocumented(file.document)]
        for older in files:
            if older.name == file.name and older.version < file.version:
                found += [f"{label}: cannot read v{older.version}: {why}" for why in breaks(file.text, older.text)]
    return found
