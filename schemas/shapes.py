"""Walks through schema documents: named types, and the shapes that a hostile message could abuse."""

from collections.abc import Iterator
from typing import Any, Final

EXPANDED_FIELDS_MAX: Final = 10_000

Names = dict[str, Any]

# (writer, reader): what Avro reads as something wider.
PROMOTIONS: Final = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
    ("string", "bytes"),
    ("bytes", "string"),
}


def bare(name: Any) -> str:
    """A type's name without its namespace."""
    return str(name).rpartition(".")[2]


def named_types(document: Any) -> Names:
    """Records, enums and fixed of a schema by bare name. Raises ValueError when two share one."""
    found: Names = {}
    _collect(document, found)
    return found


def _collect(node: Any, found: Names) -> None:
    if isinstance(node, list):
        for item in node:
            _collect(item, found)
    elif isinstance(node, dict):
        if node["type"] in ("record", "error", "enum", "fixed"):
            name = bare(node["name"])
            if name in found:
                raise ValueError(f"two types have the name {name}")
            found[name] = node
        for field in node.get("fields", ()):
            _collect(field["type"], found)
        for inner in ("type", "items", "values"):
            _collect(node.get(inner), found)


def resolved(node: Any, names: Names) -> Any:
    """A type as a list (union) or as a dict whose `type` is a word."""
    if isinstance(node, str):
        return names.get(bare(node)) or {"type": node}
    if isinstance(node, dict) and isinstance(node["type"], dict | list):
        return resolved(node["type"], names)
    return node


def forbidden_shape(document: Any) -> str | None:
    """What makes a schema unsafe to decode, None when nothing does.

    Recursion (deep messages overflow the stack), arrays of zero-size items (five bytes build millions of them), and
    records that hold each other so often that a message of no bytes would build millions of fields.
    """
    names = named_types(document)
    return _forbidden(document, names, ()) or _too_wide(document, names)


def _forbidden(node: Any, names: Names, inside: tuple[str, ...]) -> str | None:
    if isinstance(node, str):
        return f"recursion through {node}" if bare(node) in inside else None
    if isinstance(node, list):
        return next((found for item in node if (found := _forbidden(item, names, inside))), None)
    kind = node["type"]
    if isinstance(kind, dict | list):
        return _forbidden(kind, names, inside)
    if kind in ("record", "error"):
        inner = (*inside, bare(node["name"]))
        return next((found for field in node["fields"] if (found := _forbidden(field["type"], names, inner))), None)
    if kind == "array":
        if zero_size(node["items"], names):
            return "an array of zero-size items"
        return _forbidden(node["items"], names, inside)
    return _forbidden(node["values"], names, inside) if kind == "map" else _forbidden(kind, names, inside)


def zero_size(node: Any, names: Names) -> bool:
    """Whether a value takes no byte at all."""
    node = resolved(node, names)
    if isinstance(node, list):
        return False  # the number of the branch takes a byte
    if node["type"] in ("record", "error"):
        return all(zero_size(field["type"], names) for field in node["fields"])
    return bool(node["type"] == "null" or (node["type"] == "fixed" and int(node["size"]) == 0))


def least_bytes(node: Any, names: Names) -> int:
    """The fewest bytes that a value can take. Not for recursive types."""
    node = resolved(node, names)
    if isinstance(node, list):
        return 1 + min(least_bytes(item, names) for item in node)
    if node["type"] in ("record", "error"):
        return sum(least_bytes(field["type"], names) for field in node["fields"])
    if node["type"] == "fixed":
        return int(node["size"])
    return {"null": 0, "float": 4, "double": 8}.get(node["type"], 1)


def _too_wide(document: Any, names: Names) -> str | None:
    widths: dict[str, int] = {}

    def width(node: Any) -> int:
        node = resolved(node, names)
        if isinstance(node, list):
            return max((width(item) for item in node), default=1)
        if node["type"] in ("array", "map"):
            return width(node["items"] if node["type"] == "array" else node["values"])
        if node["type"] not in ("record", "error"):
            return 1
        name = bare(node["name"])
        if name not in widths:
            widths[name] = 1 + sum(width(field["type"]) for field in node["fields"])
        return widths[name]

    fields = width(document)
    return f"{fields} fields when written out, at most {EXPANDED_FIELDS_MAX}" if fields > EXPANDED_FIELDS_MAX else None


def undocumented(document: Any, path: str = "") -> Iterator[str]:
    """Records, enums and fields without a `doc`, enums without a default symbol, instants that do not end in `_at`."""
    if isinstance(document, list):
        for item in document:
            yield from undocumented(item, path)
    if not isinstance(document, dict):
        return
    here = f"{path}/{document['name']}" if "name" in document else path
    if document["type"] in ("record", "enum") and not document.get("doc"):
        yield f"{here}: no doc"
    if document["type"] == "enum" and document.get("default") not in document["symbols"]:
        yield f"{here}: an enum without a default symbol"
    for field in document.get("fields", ()):
        if not field.get("doc"):
            yield f"{here}.{field['name']}: no doc"
        if _is_instant(field["type"]) != field["name"].endswith("_at"):
            yield f"{here}.{field['name']}: instants, and only they, end in _at"
        yield from undocumented(field["type"], here)
    for inner in ("type", "items", "values"):
        yield from undocumented(document.get(inner), here)


def _is_instant(kind: Any) -> bool:
    branches = kind if isinstance(kind, list) else [kind]
    return any(isinstance(item, dict) and item.get("logicalType") == "timestamp-micros" for item in branches)
