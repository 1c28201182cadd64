"""Which schema has which id: from the files of this folder (ids.yaml), the same on every machine.

A schema's file is `<name>.v<version>.avsc`; its subjects are `<topic>-value` for each topic that carries it.
"""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from schemas.topics import all_topics

FOLDER = Path(__file__).parent
_FILE = re.compile(r"(?P<name>[a-z_]+)\.v(?P<version>\d+)\.avsc")


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


@lru_cache(maxsize=1)
def schema_files() -> tuple[SchemaFile, ...]:
    """All schema files, by name and version. Raises ValueError when a file lacks an id or an id lacks its file."""
    ids: dict[str, dict[int, int]] = yaml.safe_load((FOLDER / "ids.yaml").read_text(encoding="utf-8"))
    files = []
    for path in sorted(FOLDER.glob("*.avsc")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path}: a schema file is named <name>.v<version>.avsc")
        name, version = match["name"], int(match["version"])
        schema_id = ids.get(name, {}).pop(version, None)
        if schema_id is None:
            raise ValueError(f"{path}: no id in schemas/ids.yaml; give it the next free number")
        text = path.read_text(encoding="utf-8")
        files.append(SchemaFile(name, version, schema_id, text, json.loads(text)))
    orphans = {name: versions for name, versions in ids.items() if versions}
    if orphans:
        raise ValueError(f"schemas/ids.yaml names schemas without a file: {orphans}; ids are never reused or removed")
    return tuple(files)


def latest(name: str) -> SchemaFile:
    """The newest version of a schema. Raises KeyError."""
    versions = [file for file in schema_files() if file.name == name]
    if not versions:
        raise KeyError(f"no schema {name!r} in {FOLDER}")
    return max(versions, key=lambda file: file.version)


class LocalRegistry:
    """The repository's schemas by subject, as a Confluent registry would give them."""

    def __init__(self, audiences: tuple[str, ...] = ("care", "sales", "managers", "product", "customers")) -> None:
        self._by_subject: dict[str, list[SchemaFile]] = {}
        for topic, entry in all_topics().items():
            names = [topic.format(audience=audience) for audience in audiences] if "{" in topic else [topic]
            for name in names:
                if entry.schema is not None:
                    files = [file for file in schema_files() if file.name == entry.schema]
                    self._by_subject[f"{name}-value"] = sorted(files, key=lambda file: file.version)

    def subjects(self) -> list[str]:
        """All subjects."""
        return sorted(self._by_subject)

    def versions(self, subject: str) -> list[int]:
        """Versions of a subject. Raises KeyError."""
        return [file.version for file in self._by_subject[subject]]

    def schema(self, subject: str, version: int) -> RegisteredSchema:
        """One version of a subject. Raises KeyError."""
        for file in self._by_subject[subject]:
            if file.version == version:
                return RegisteredSchema(file.id, subject, version, file.text)
        raise KeyError(f"{subject} has no version {version}")

    def by_id(self, schema_id: int) -> RegisteredSchema:
        """The schema with an id, under its first subject. Raises KeyError."""
        for subject in self.subjects():
            for file in self._by_subject[subject]:
                if file.id == schema_id:
                    return RegisteredSchema(file.id, subject, file.version, file.text)
        raise KeyError(f"no schema with id {schema_id}")


@lru_cache(maxsize=1)
def local() -> LocalRegistry:
    """The repository's registry."""
    return LocalRegistry()
