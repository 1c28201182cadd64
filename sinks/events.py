"""What customers did and said, read back from ClickHouse as records, in the order of event time; a day at a time."""

from collections.abc import Iterator
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec

from schemas.events import Feedback, Touchpoint
from sinks.database import Database, ask

_DAY: Final = 86_400_000_000
_TABLES: Final[dict[type[msgspec.Struct], str]] = {Touchpoint: "touchpoints_current", Feedback: "feedback_current"}


def read_events(database: Database, since: int, until: int, *, said: bool = True) -> Iterator[Touchpoint | Feedback]:
    """Both tables (only what customers did, with `said` false) from an instant (µs) to another, that one excluded;
    duplicates once.
    """
    for start in range(since, until, _DAY):
        rows: list[Any] = []
        for record, table in _TABLES.items():
            if said or record is not Feedback:
                rows += _rows(database, record, table, start, min(until, start + _DAY))
        yield from sorted(rows, key=lambda one: (one.occurred_at, isinstance(one, Feedback), one.event_id))


def span(database: Database) -> tuple[int, int] | None:
    """Event time of the first and the last of them (µs); None: there are none."""
    found = []
    for table in _TABLES.values():
        query = f"SELECT count(), toUnixTimestamp64Micro(min(occurred_at)), toUnixTimestamp64Micro(max(occurred_at)) FROM {table}"  # noqa: S608 - a name from the list above
        [(count, first, last)] = ask(database, query)
        if count:
            found.append((int(str(first)), int(str(last))))
    return (min(one[0] for one in found), max(one[1] for one in found)) if found else None


def _rows(database: Database, record: type[msgspec.Struct], table: str, since: int, until: int) -> list[Any]:
    hints = get_type_hints(record)
    columns = [f"toUnixTimestamp64Micro(`{name}`)" if name.endswith("_at") else f"`{name}`" for name in hints]
    query = (
        f"SELECT {', '.join(columns)} FROM {table} "  # noqa: S608 - names of the record's fields and of the list above
        "WHERE occurred_at >= fromUnixTimestamp64Micro(%(since)s) AND occurred_at < fromUnixTimestamp64Micro(%(until)s)"
    )
    empty = {name for name, hint in hints.items() if _optional_text(hint)}
    return [
        record(
            **{name: None if name in empty and value == "" else value for name, value in zip(hints, row, strict=True)}
        )
        for row in ask(database, query, {"since": since, "until": until})
    ]


def _optional_text(hint: Any) -> bool:
    """Stored as an empty text where there is none."""
    kinds = get_args(hint)
    return type(None) in kinds and any(kind is str or get_origin(kind) is Literal for kind in kinds)
