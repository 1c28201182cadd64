"""Everything wrong with the contracts, each with its place: files, ids, shapes, compatibility, topics."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from schemas import compatibility, registry
from schemas.registry import SchemaFile
from schemas.topics import Topic, all_topics


def problems(folder: Path = registry.FOLDER, topics: dict[str, Topic] | None = None) -> list[str]:
    """Empty: the contracts may be published."""
    files, found = registry.read(folder)
    return [*found, *compatibility.problems(files), *_orphans(files, all_topics() if topics is None else topics)]


def _orphans(files: Iterable[SchemaFile], topics: dict[str, Topic]) -> Iterator[str]:
    names = {file.name for file in files}
    for topic, entry in topics.items():
        if entry.schema is not None and entry.schema not in names:
            yield f"topics.yaml: {topic} carries {entry.schema}, which has no schema file"
    for name in sorted(names - {entry.schema for entry in topics.values()}):
        yield f"{name}: no topic in topics.yaml carries it"
