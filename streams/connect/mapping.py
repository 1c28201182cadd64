"""A mapping: rows of any table or JSON lines → events, by a YAML file; no code. What a row says is text under its own names.

    events:
      - record: touchpoint
        when: has(row.CustomerID)
        set: {subject_type: customer, touchpoint: purchase}
        take: {event_id: row.InvoiceNo, subject_id: row.CustomerID, occurred_at: 'instant(row.InvoiceDate, "%Y-%m-%d %H:%M")'}

`when` and `take` are expressions as in packs (docs/conditions.md); one row may give several events, or none. See docs/mapping.md.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from schemas.json_form import BadRecord, from_json, instant
from schemas.registry import latest
from streams.errors import UserError
from streams.experience.conditions import (
    BOOL,
    DOUBLE,
    INT,
    MAP,
    STRING,
    ConditionError,
    Environment,
    EvaluationError,
    Expression,
    Place,
    Signature,
    Type,
    compile_condition,
    compile_value,
)
from streams.experience.yaml_places import Data, Places, YamlError, load

RECORDS: Final = ("touchpoint", "feedback", "customer", "action_update")
ISO: Final = "iso"  # a format: RFC 3339, with or without its time zone
_DECIMALS: Final = Decimal("0.0001")  # of money
_SECTIONS: Final = ("mapping", "description", "time_zone", "events")
_PARTS: Final = ("record", "when", "set", "take")
_ENVIRONMENT: Final = Environment(
    {"row": MAP(STRING)},
    {
        "text": Signature((STRING,), STRING),
        "number": Signature((STRING,), DOUBLE),
        "instant": Signature((STRING, STRING), INT),
        "later": Signature((INT, DOUBLE), INT),
    },
)


class _Row:
    """What the expressions of one row see."""

    def __init__(self, row: dict[str, str], zone: ZoneInfo) -> None:
        self.row = row
        self._zone = zone

    def text(self, name: str) -> str:
        """The field, or nothing where it is missing."""
        return self.row.get(name, "")

    def number(self, name: str) -> float:
        """The field as a number; 0 where it is missing."""
        text = self.row.get(name, "").strip()
        try:
            found = float(text) if text else 0.0
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            raise EvaluationError(f"{name} is {text!r}, no number")
        return found

    def instant(self, text: str, form: str) -> int:
        """µs since 1970. Where the text names no zone, that of the mapping holds."""
        try:
            at = datetime.fromisoformat(text) if form == ISO else datetime.strptime(text, form)
        except ValueError:
            raise EvaluationError(f"{text!r} is not of the form {form!r}") from None
        return instant((at if at.tzinfo else at.replace(tzinfo=self._zone)).isoformat())

    def later(self, at: int, seconds: float) -> int:
        """So many seconds after an instant."""
        return at + round(seconds * 1_000_000)


class _Taken(NamedTuple):
    path: tuple[str, ...]
    value: Expression[Any]
    money: bool


class _Event(NamedTuple):
    record: str
    when: Expression[bool] | None
    given: dict[str, Any]
    taken: list[_Taken]


class RowMapping(NamedTuple):
    """A mapping, checked."""

    events: list[_Event]
    zone: ZoneInfo

    def records(self, row: Mapping[str, object]) -> Iterator[msgspec.Struct]:
        """The events that a row gives. Raises BadRecord, which names the field."""
        frame = _Row({name: text for name, value in row.items() if (text := _text(value))}, self.zone)
        for number, event in enumerate(self.events):
            try:
                if event.when is not None and not event.when.run(frame):
                    continue
            except EvaluationError as error:
                raise BadRecord(f"events[{number}].when: {error}; ask first: has(row.NAME)") from None
            yield from_json(_document(event, frame, number), event.record)


def _document(event: _Event, frame: _Row, number: int) -> dict[str, Any]:
    document: dict[str, Any] = {**event.given}
    for path, value, money in event.taken:
        try:
            found = value.run(frame)
        except EvaluationError as error:
            raise BadRecord(f"events[{number}].take.{'.'.join(path)}: {error}") from None
        if found == "":
            continue
        if money:
            found = _money(found)
        if len(path) == 2:
            document[path[0]] = {**document.get(path[0], {}), path[1]: found}
        else:
            document[path[0]] = found
    return document


def _money(value: float) -> str:
    """With four decimals at most; what is too much for them is told by the record itself."""
    try:
        return str(Decimal(repr(value)).quantize(_DECIMALS))
    except InvalidOperation:
        return repr(value)


def _text(value: object) -> str:
    """A value of JSON or of a cell as text; nothing where there is none."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        return str(value)
    return msgspec.json.encode(value).decode()


def read_mapping(path: Path) -> RowMapping:
    """The mapping in a file. Raises UserError with line and column of what is wrong."""
    try:
        data, places = load(path.read_text(encoding="utf-8"), str(path))
        return _Reader(str(path), places).read(data)
    except OSError as error:
        raise UserError(f"--mapping {path}: {error.strerror}", "name a mapping: docs/mapping.md") from None
    except (YamlError, ConditionError) as error:
        raise UserError(str(error), "docs/mapping.md has examples") from None


class _Reader:
    """Reads and checks; every error names its place."""

    def __init__(self, file: str, places: Places) -> None:
        self._file = file
        self._places = places

    def read(self, data: Data) -> RowMapping:
        body = self._map(data, (), _SECTIONS)
        name = body.get("time_zone", "UTC")
        try:
            zone = ZoneInfo(str(name))
        except (ZoneInfoNotFoundError, ValueError):
            raise self._wrong(("time_zone",), f"{name!r} is no time zone", "write Asia/Shanghai") from None
        events = body.get("events")
        if not isinstance(events, list) or not events:
            raise self._wrong((), "no events", "events: is a list of what a row gives")
        return RowMapping([self._event(one, ("events", number)) for number, one in enumerate(events)], zone)

    def _event(self, data: Data, path: tuple[str | int, ...]) -> _Event:
        body = self._map(data, path, _PARTS)
        record = body.get("record", "touchpoint")
        if record not in RECORDS:
            raise self._wrong((*path, "record"), f"no record {record!r}", f"one of {', '.join(RECORDS)}")
        fields = {field["name"]: _branch(field["type"]) for field in latest(str(record)).document["fields"]}
        given = self._map(body.get("set", {}), (*path, "set"), tuple(fields))
        when = body.get("when")
        condition = None
        if when is not None:
            condition = compile_condition(str(when), _ENVIRONMENT, self._place((*path, "when")))
        taken = []
        for name, text in self._map(body.get("take", {}), (*path, "take"), None).items():
            kind, money = self._kind(name, fields, (*path, "take", name))
            place = self._place((*path, "take", name))
            value = compile_value(str(text), _ENVIRONMENT, place, returns=kind)
            taken.append(_Taken(tuple(name.split(".", 1)), value, money))
        there = {name.partition(".")[0] for name in (*given, *(one.path[0] for one in taken))}
        required = [one["name"] for one in latest(str(record)).document["fields"] if "default" not in one]
        if missing := [name for name in required if name not in there]:
            raise self._wrong(path, f"{missing[0]} is missing", f"a {record} needs {', '.join(required)}")
        return _Event(str(record), condition, dict(given), taken)

    def _kind(self, name: str, fields: dict[str, Any], path: tuple[str | int, ...]) -> tuple[Type[Any], bool]:
        """What the field's expression has to give."""
        whole, _, inner = name.partition(".")
        kind = fields.get(whole)
        if kind is None:
            raise self._wrong(path, f"no field {whole!r}", f"the fields are {', '.join(fields)}")
        shape = kind.get("type") if isinstance(kind, dict) else kind
        if inner and shape == "map":
            return STRING, False
        if isinstance(kind, dict) and kind.get("logicalType") == "decimal":
            return DOUBLE, True
        found: Type[Any] | None = {
            "string": STRING,
            "enum": STRING,
            "long": INT,
            "int": INT,
            "double": DOUBLE,
            "float": DOUBLE,
            "boolean": BOOL,
        }.get(str(shape))
        if inner or found is None:
            fix = "write attributes.NAME for an entry of a map; lists stand in set:"
            raise self._wrong(path, f"{name} cannot be taken", fix)
        return found, False

    def _map(self, data: Data, path: tuple[str | int, ...], known: tuple[str, ...] | None) -> dict[str, Data]:
        if not isinstance(data, dict):
            raise self._wrong(path, "a map is wanted here", "write `name: value`")
        for name in data:
            if known is not None and name not in known:
                raise self._wrong((*path, name), f"unknown {name!r}", f"known are {', '.join(known)}")
        return data

    def _place(self, path: tuple[str | int, ...]) -> Place:
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, Place(self._file, 1, 1))

    def _wrong(self, path: tuple[str | int, ...], what: str, fix: str) -> UserError:
        return UserError(f"{self._place(path)}: {what}", fix)


def _branch(kind: Any) -> Any:
    """The type inside a nullable union."""
    return next(item for item in kind if item != "null") if isinstance(kind, list) else kind
