"""Which schema has which id: from the files of this folder (ids.yaml), the same on every machine.

A schema's file is `<name>.v<version>.avsc`; its subjects are `<topic>-value` for each topic that carries it.
"""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from schemas.topics import AUDIENCE, all_topics, find, notify_topic

FOLDER = Path(__file__).parent
_FILE = re.compile(r"(?P<name>[a-z_]+)\.v(?P<version>[1-9]\d*)\.avsc")


class SchemaFile(NamedTuple):
    """One version of one schema. `document` is the parsed JSON."""

    name: str
    version: int
    id: int
    text: str
    document: dict[str, Any]


class RegisteredSchema(NamedTuple):
    """A schema as a Confluent registry shows it."""

    id: int
    subject: str
    version: int
    text: str


def read(folder: Path = FOLDER) -> tuple[list[SchemaFile], list[str]]:
    """The schema files of a folder by name and version, and what is wrong with files and ids.yaml."""
    ids: dict[str, dict[int, int]] = yaml.safe_load((folder / "ids.yaml").read_text(encoding="utf-8")) or {}
    files, problems = [], []
    for path in sorted(folder.glob("*.avsc")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            problems.append(f"{path.name}: a schema file is named <name>.v<version>.avsc")
            continue
        name, version = match["name"], int(match["version"])
        schema_id = ids.get(name, {}).pop(version, None)
        if schema_id is None:
            problems.append(f"{path.name}: no id in ids.yaml; give it the next free number")
            continue
        text = path.read_text(encoding="utf-8")
        try:
            files.append(SchemaFile(name, version, schema_id, text, json.loads(text)))
        except ValueError as error:
            problems.append(f"{path.name}: no JSON: {error}")
    problems += [
        f"ids.yaml: {name} v{version} has no file; ids are never reused or removed"
        for name, versions in ids.items()
        for version in versions
    ]
    return sorted(files), problems + _twice(files)


def _twice(files: list[SchemaFile]) -> list[str]:
    owners: dict[int, SchemaFile] = {}
    found = []
    for file in files:
        first = owners.setdefault(file.id, file)
        if first is not file:
            found.append(
                f"ids.yaml: {file.id} is the id of {first.name} v{first.version} and {file.name} v{file.version}"
            )
    return found


@lru_cache(maxsize=1)
def schema_files() -> tuple[SchemaFile, ...]:
    """All schema files, by name and version. Raises ValueError when a file lacks an id or an id lacks its file."""
    files, problems = read()
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(files)


def versions(name: str) -> list[SchemaFile]:
    """All versions of a schema, the oldest first."""
    return [file for file in schema_files() if file.name == name]


def latest(name: str) -> SchemaFile:
    """The newest version of a schema. Raises KeyError."""
    found = versions(name)
    if not found:
        raise KeyError(f"no schema {name!r} in {FOLDER}")
    return found[-1]


class LocalRegistry:
    """The repository's schemas by subject, as a Confluent registry would give them.

    Any audience's notifications have their subject; those of `audiences` are listed.
    """

    def __init__(self, audiences: tuple[str, ...] = ("care", "sales", "managers", "product", "customers")) -> None:
        self._audiences = audiences

    def subjects(self) -> list[str]:
        """All subjects."""
        return sorted(subjects("", self._audiences))

    def versions(self, subject: str) -> list[int]:
        """Versions of a subject. Raises KeyError."""
        return [file.version for file in self._files(subject)]

    def schema(self, subject: str, version: int) -> RegisteredSchema:
        """One version of a subject. Raises KeyError."""
        for file in self._files(subject):
            if file.version == version:
                return RegisteredSchema(file.id, subject, version, file.text)
        raise KeyError(f"{subject} has no version {version}")

    def by_id(self, schema_id: int) -> RegisteredSchema:
        """The schema with an id, under its first subject. Raises KeyError."""
        for file in schema_files():
            if file.id == schema_id:
                first = min(subject for subject, name in subjects("", self._audiences).items() if name == file.name)
                return RegisteredSchema(file.id, first, file.version, file.text)
        raise KeyError(f"no schema with id {schema_id}")

    def _files(self, subject: str) -> list[SchemaFile]:
        topic = subject.removesuffix("-value")
        entry = find(topic)
        if topic == subject or entry.schema is None or topic == notify_topic(""):
            raise KeyError(f"no subject {subject}")
        return versions(entry.schema)


def subjects(prefix: str, audiences: Iterable[str]) -> dict[str, str]:
    """Subject (TopicNameStrategy: `<topic>-value`) → schema, for every topic that carries one."""
    found: dict[str, str] = {}
    for topic, entry in all_topics().items():
        names = [topic.replace(AUDIENCE, audience) for audience in audiences] if AUDIENCE in topic else [topic]
        if entry.schema is not None:
            found |= {f"{prefix}{name}-value": entry.schema for name in names}
    return found


@lru_cache(maxsize=1)
def local() -> LocalRegistry:
    """The repository's registry."""
    return LocalRegistry()
