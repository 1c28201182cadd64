"""Everything wrong with the contracts, each with its place: files, ids, shapes, compatibility, topics, what is published."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from schemas import compatibility, registry
from schemas.registry import SchemaFile
from schemas.topics import Topic, all_topics


def problems(folder: Path = registry.FOLDER, topics: dict[str, Topic] | None = None) -> list[str]:
    """Empty: the contracts may be published."""
    files, found = registry.read(folder)
    carried = all_topics() if topics is None else topics
    return [*found, *compatibility.problems(files), *_orphans(files, carried), *_changed(files, folder)]


def fingerprint(document: Any) -> str:
    """SHA-256 of all that a schema says to programs: docs may be put better, and marks of personal data added."""
    text = json.dumps(_without(document, ("doc", "pii")), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _without(node: Any, keys: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_without(item, keys) for item in node]
    if isinstance(node, dict):
        return {key: _without(value, keys) for key, value in node.items() if key not in keys}
    return node


def _changed(files: Iterable[SchemaFile], folder: Path) -> Iterator[str]:
    published = yaml.safe_load((folder / "published.yaml").read_text(encoding="utf-8"))
    for file in files:
        label = f"{file.name}.v{file.version}.avsc"
        then, now = published.get(file.name, {}).get(file.version), fingerprint(file.document)
        if then is None:
            yield f"{label}: not in published.yaml; publish it with `{file.name}: {{{file.version}: {now}}}`"
        elif then != now:
            yield f"{label}: changed since it was published; leave it and write v{file.version + 1}"


def _orphans(files: Iterable[SchemaFile], topics: dict[str, Topic]) -> Iterator[str]:
    names = {file.name for file in files}
    for topic, entry in topics.items():
        if entry.schema is not None and entry.schema not in names:
            yield f"topics.yaml: {topic} carries {entry.schema}, which has no schema file"
    for name in sorted(names - {entry.schema for entry in topics.values()}):
        yield f"{name}: no topic in topics.yaml carries it"
