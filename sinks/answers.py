"""Experiences as they hold now, read back from ClickHouse as records: for the gap table. Without their evidence."""

from collections.abc import Iterator
from typing import Any, Final

from schemas.decisions import Context, Experience
from sinks.database import Database, ask

# Columns that are read, and those of them in which an empty text stands for none.
_INSTANTS: Final = ("occurred_at", "about_at")
_TEXTS: Final = ("brand", "channel", "journey", "matter", "unit", "dimension", "reason")
_OTHERS: Final = (
    "event_id",
    "revision",
    "subject_type",
    "subject_id",
    "touchpoint",
    "kind",
    "respondent",
    "experience",
    "expectation",
    "expectation_source",
    "importance",
    "ideal",
    "satisfaction",
    "weighted",
    "gap",
    "score",
    "pack",
    "pack_version",
    "trust",
)
_CONTEXT: Final = ("contacts", "failures", "channels", "score")


def read_answers(database: Database, since: int, until: int) -> Iterator[Experience]:
    """Answers with a level that are about a time from an instant (µs) to another, that one excluded."""
    columns = (
        *(f"toUnixTimestamp64Micro({name})" for name in _INSTANTS),
        *_TEXTS,
        *_OTHERS,
        *(f"context_{name}" for name in _CONTEXT),
    )
    query = (
        f"SELECT {', '.join(columns)} FROM experiences_current WHERE experience IS NOT NULL "  # noqa: S608 - names from the lists above
        "AND about_at >= fromUnixTimestamp64Micro(%(since)s) AND about_at < fromUnixTimestamp64Micro(%(until)s)"
    )
    names = (*_INSTANTS, *_TEXTS, *_OTHERS)
    for row in ask(database, query, {"since": since, "until": until}):
        values: tuple[Any, ...] = tuple(row)
        fields = dict(zip(names, values, strict=False))
        fields |= {name: fields[name] or None for name in _TEXTS}
        yield Experience(**fields, context=Context(**dict(zip(_CONTEXT, values[len(names) :], strict=True))))
