"""Puts the schema files into a registry: every version under the subject of each topic that carries it.

Safe to run again: what stands there already is left as it is.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from schemas.confluent import COMPATIBILITY, INCOMPATIBLE, STRONG_ENOUGH, Refused, Registry
from schemas.registry import SchemaFile, versions

Outcome = Literal["there", "registered", "missing", "refused"]


class Row(NamedTuple):
    """What became of one version under one subject. `missing`: it would be registered; `refused`: `detail` says why."""

    subject: str
    schema: str
    version: int | None
    id: int | None
    outcome: Outcome
    detail: str = ""


def register(registry: Registry, wanted: dict[str, str], *, dry_run: bool = False) -> Iterator[Row]:
    """A row a subject and version. Raises Unreachable or Unauthorised; what a registry refuses is a row."""
    for subject, schema in wanted.items():
        try:
            if not dry_run and registry.level(subject) not in STRONG_ENOUGH:
                registry.set_level(subject, COMPATIBILITY)
        except Refused as refused:
            yield Row(subject, schema, None, None, "refused", f"compatibility cannot be set: {refused}")
            continue
        yield from (_version(registry, subject, file, dry_run) for file in versions(schema))


def _version(registry: Registry, subject: str, file: SchemaFile, dry_run: bool) -> Row:
    try:
        there = registry.find(subject, file.text)
        if there is not None:
            return Row(subject, file.name, there.version, there.id, "there")
        if dry_run:
            return Row(subject, file.name, None, None, "missing")
        schema_id = registry.register(subject, file.text)
        made = registry.find(subject, file.text)
        return Row(subject, file.name, made.version if made else None, schema_id, "registered")
    except Refused as refused:
        why = f"{file.name}.v{file.version} may not follow what stands there: " if refused.code in INCOMPATIBLE else ""
        return Row(subject, file.name, None, None, "refused", f"{why}{refused}")
