"""The page docs/schemas.md: every topic, and every field of every schema, written from topics.yaml and the schema files."""

from collections.abc import Iterator
from typing import Any, Final

from schemas.registry import SchemaFile, latest
from schemas.shapes import Names, named_types, resolved
from schemas.topics import Topic, all_topics

_HEAD: Final = """# Topics and schemas

Written by `make docs` from `schemas/topics.yaml` and `schemas/*.avsc`. How to produce is in [contracts.md](contracts.md); examples of each schema are in
`schemas/examples/`.

A type with `?` may be null. *instant* is Avro's `timestamp-micros` (long, µs since 1970 UTC); *money* is `decimal(18, 4)` (bytes); ● marks personal data
(`"pii": true` in the schema file): what identifies a person by itself, or holds a person's words.
"""
_WORDS: Final = {"timestamp-micros": "instant", "decimal": "money"}


def page() -> str:
    """The text of the page."""
    topics = all_topics()
    parts = [_HEAD, *_topics(topics)]
    for name in dict.fromkeys(topic.schema for topic in topics.values() if topic.schema is not None):
        parts += _schema(latest(name), [topic for topic, entry in topics.items() if entry.schema == name])
    return "\n".join(parts)


def _topics(topics: dict[str, Topic]) -> Iterator[str]:
    yield "## Topics\n"
    yield "`inputs` partitions: the number of `TOUCHSTONE_KAFKA_PARTITIONS`, the same for all of them.\n"
    yield "| topic | what it holds | schema | key | partitions | kept | written by | read by |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, topic in topics.items():
        schema = f"[{topic.schema}](#{topic.schema})" if topic.schema else "–"
        kept = "for ever" if topic.retention == "forever" else f"{topic.retention} days"
        kept += ", compacted" if topic.cleanup == "compact" else ""
        people = [", ".join(who) for who in (topic.writers, topic.readers)]
        yield _row(f"`{name}`", topic.purpose, schema, topic.key, str(topic.partitions), kept, *people)
    yield ""


def _schema(file: SchemaFile, topics: list[str]) -> Iterator[str]:
    names = named_types(file.document)
    carried = ", ".join(f"`{topic}`" for topic in topics)
    yield f'## {file.name}\n<a id="{file.name}"></a>\n'
    yield f"`{file.document['namespace']}.{file.document['name']}`, version {file.version}, on {carried}; id {file.id} without a registry.\n"
    for record in names.values():
        if record["type"] == "record":
            yield from _record(record, names)


def _record(record: Any, names: Names) -> Iterator[str]:
    yield f"**{record['name']}**: {record['doc']}\n"
    yield "| field | type | default | | meaning |"
    yield "|---|---|---|---|---|"
    for field in record["fields"]:
        default = _default(field["default"]) if "default" in field else "required"
        doc = field["doc"] + _symbols(field["type"], names)
        yield _row(f"`{field['name']}`", _type(field["type"], names), default, "●" if field.get("pii") else "", doc)
    yield ""


def _type(node: Any, names: Names) -> str:
    node = resolved(node, names)
    if isinstance(node, list):
        return f"{_type(node[1], names)}?"
    if node["type"] == "array":
        return f"list of {_type(node['items'], names)}"
    if node["type"] == "map":
        return f"map of {_type(node['values'], names)}"
    return str(node.get("name") or _WORDS.get(node.get("logicalType", ""), node["type"]))


def _symbols(node: Any, names: Names) -> str:
    node = resolved(node, names)
    if isinstance(node, list):
        node = resolved(node[-1], names)
    return f" One of {', '.join(f'`{symbol}`' for symbol in node['symbols'])}." if node["type"] == "enum" else ""


def _default(value: Any) -> str:
    if value is None:
        return "null"
    return "empty" if value in ("", {}, []) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _row(*cells: str) -> str:
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"
