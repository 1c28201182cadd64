"""What reports are made of: events with what the core makes of them, from a file or from ClickHouse."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from schemas.decisions import Experience
from schemas.events import Customer, CustomerEvent, Feedback, Touchpoint

if TYPE_CHECKING:
    from streams.connect.rows import Row
    from streams.settings import Settings

_Kind = TypeVar("_Kind", Touchpoint, Feedback, Customer)


class Material(NamedTuple):
    """`refused`: rows of the file, each with its place and the reason. From ClickHouse come customers only where a segment is asked for."""

    experiences: list[Experience]
    events: list[CustomerEvent]
    refused: list[str]

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """The events of one kind."""
        return [one for one in self.events if isinstance(one, kind)]


def of_file(file: Path, settings: "Settings", pack: str, mapping: Path | None = None) -> Material:
    """Events of a file, judged by a pack."""
    from streams.commands.decide import run_file
    from streams.connect.files import read_records

    events: list[CustomerEvent] = []

    def seen() -> Iterator["Row"]:
        for row in read_records(file, mapping=mapping):
            if isinstance(row.record, CustomerEvent):
                events.append(row.record)
            yield row

    decider, refused = run_file(seen(), file, settings, pack)
    return Material([one for one in decider.decided if isinstance(one, Experience)], events, refused)


def of_clickhouse(
    settings: "Settings",
    since: int | None,
    until: int | None,
    *,
    events: bool = True,
    said: bool = False,
    segment: str | None = None,
) -> Material:
    """What holds now there: answers about that time; events of it where they are wanted, feedback with `said`; what was
    told of a `segment`.
    """
    from schemas.validate import LATEST
    from sinks.answers import read_answers
    from sinks.database import connect
    from sinks.events import read_events, span
    from sinks.segments import read_customers

    database = connect(settings)
    try:
        answers = list(read_answers(database, since or 0, LATEST if until is None else until))
        found: list[Touchpoint | Feedback | Customer] = []
        if segment is not None:
            found += read_customers(database, segment)
        there = span(database) if events else None
        if there is None:
            return Material(answers, found, [])
        first, last = max(since or 0, there[0]), there[1] + 1 if until is None else min(until, there[1] + 1)
        return Material(answers, [*found, *read_events(database, first, last, said=said)], [])
    finally:
        database.disconnect()
