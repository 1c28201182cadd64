"""A mapping: rows of any table or JSON lines → events, by a YAML file; no code. What a row says is text under its own names.

    events:
      - record: touchpoint
        when: has(row.CustomerID)
        set: {subject_type: customer, touchpoint: purchase}
        take: {event_id: row.InvoiceNo, subject_id: row.CustomerID, occurred_at: 'instant(row.InvoiceDate, "%Y-%m-%d %H:%M")'}

`when` and `take` are expressions as in packs (docs/conditions.md); one row may give several events, or none. See docs/mapping.md.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import msgspec

from schemas.json_form import BadRecord, from_json
from streams.connect.mapped_row import MappedRow, Reading
from streams.experience.conditions import EvaluationError, Expression

_DECIMALS: Final = Decimal("0.0001")  # of money


class Taken(NamedTuple):
    """A field, and what gives it."""

    path: tuple[str, ...]
    value: Expression[Any]
    money: bool


class MappedEvent(NamedTuple):
    """What one event of a row is made of."""

    record: str
    when: Expression[bool] | None
    given: dict[str, Any]
    taken: list[Taken]
    required: tuple[str, ...]


class RowMapping(NamedTuple):
    """A mapping, checked. `columns`: those that it names."""

    events: list[MappedEvent]
    reading: Reading
    columns: frozenset[str]
    encoding: str | None

    def records(self, row: Mapping[str, object], line: int) -> Iterator[msgspec.Struct]:
        """The events that a row gives. Raises BadRecord, which names the field."""
        frame = MappedRow(row, line, self.reading)
        for number, event in enumerate(self.events):
            try:
                if event.when is not None and not event.when.run(frame):
                    continue
            except EvaluationError as error:
                raise BadRecord(f"events[{number}].when: {error}") from None
            document = _document(event, frame, number)
            try:
                yield from_json(document, event.record)
            except BadRecord as error:
                raise BadRecord(f"events[{number}]: {error}") from None

    def strange(self, names: Iterable[str]) -> list[str]:
        """The columns that are named and not there."""
        return sorted(self.columns.difference(names))


def _document(event: MappedEvent, frame: MappedRow, number: int) -> dict[str, Any]:
    document: dict[str, Any] = {**event.given}
    for path, value, money in event.taken:
        try:
            found = value.run(frame)
        except EvaluationError as error:
            raise BadRecord(f"events[{number}].take.{'.'.join(path)}: {error}") from None
        if found is None or found == "":
            continue
        if money:
            found = _money(found)
        if len(path) == 2:
            document[path[0]] = {**document.get(path[0], {}), path[1]: found}
        else:
            document[path[0]] = found
    if "event_id" not in document:
        document["event_id"] = f"{frame.fingerprint()}/{number}"
    for name in event.required:
        if name not in document:
            fix = 'pass the row over by `when:`, or give it something else: `has(row.NAME) ? row.NAME : "…"`'
            raise BadRecord(f"events[{number}].take.{name}: nothing stands there in this row; {fix}")
    return document


def _money(value: float) -> str:
    """With four decimals at most; what is too much for them is told by the record itself."""
    try:
        return str(Decimal(repr(value)).quantize(_DECIMALS))
    except InvalidOperation:
        return repr(value)
