"""Which fields are personal data (`"pii": true` in the schemas), and JSON forms without them."""

from functools import lru_cache
from typing import Any, Final

from schemas.registry import latest, schema_files
from schemas.topics import Topic

MASKED: Final = "***"


def masked(record: str, document: dict[str, Any]) -> dict[str, Any]:
    """The JSON form of a record with its personal fields hidden; what is absent stays absent."""
    named: dict[str, Any] = {}
    schema = latest(record).document
    _collect(schema, named)
    hidden = _hidden(schema, document, named)
    return hidden if isinstance(hidden, dict) else {}


@lru_cache(maxsize=64)
def key_is_personal(topic: Topic) -> bool:
    """Does the message key name somebody? Yes for subjects, and for any key that is not known better."""
    fields = [field for file in schema_files() for field in file.document["fields"] if field["name"] == topic.key]
    if fields:
        return any(field.get("pii", False) for field in fields)
    return topic.key != "touchpoint and cause"


def _hidden(schema: Any, value: Any, named: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        schema = next(item for item in schema if item != "null")
    schema = named.get(schema, schema) if isinstance(schema, str) else schema
    if value is None or not isinstance(schema, dict):
        return value
    if schema["type"] == "record" and isinstance(value, dict):
        fields = {field["name"]: field for field in schema["fields"]}
        return {name: item if name not in fields else _field(fields[name], item, named) for name, item in value.items()}
    if schema["type"] == "array" and isinstance(value, list):
        return [_hidden(schema["items"], item, named) for item in value]
    return value


def _field(field: dict[str, Any], value: Any, named: dict[str, Any]) -> Any:
    if field.get("pii", False):
        return MASKED if value is not None else None
    return _hidden(field["type"], value, named)


def _collect(node: Any, named: dict[str, Any]) -> None:
    if isinstance(node, list):
        for item in node:
            _collect(item, named)
    elif isinstance(node, dict):
        if node.get("type") in ("record", "enum"):
            named[node["name"]] = node
        for field in node.get("fields", ()):
            _collect(field["type"], named)
        for inner in ("items", "values"):
            _collect(node.get(inner), named)
