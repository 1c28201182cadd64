"""What the expressions of a mapping see of one row: its cells as text, and functions that read numbers and instants out of them.

Cells are trimmed; those that say "nothing here" (`empty:` of the mapping) are not there. What cannot be read is an EvaluationError
that says which column, what stands there and what to do.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from streams.experience.conditions import DOUBLE, INT, MAP, STRING, Environment, EvaluationError, Expression, Signature
from streams.experience.conditions.errors import nearest

ROW: Final = {"row": MAP(STRING)}
FUNCTIONS: Final = {
    "text": Signature((STRING,), STRING),
    "whole": Signature((STRING,), STRING),
    "number": Signature((STRING,), DOUBLE),
    "instant": Signature((STRING, STRING), INT),
    "instant_at": Signature((STRING, STRING, STRING), INT),
    "instant_in": Signature((STRING, STRING, STRING), INT),
    "later": Signature((INT, DOUBLE), INT),
    "seconds_between": Signature((INT, INT), DOUBLE),
    "look_up": Signature((STRING, STRING), STRING),
    "fingerprint": Signature((), STRING),
    "line": Signature((), STRING),
}
ENVIRONMENT: Final = Environment(ROW, FUNCTIONS)
BY_COLUMN: Final = ("text", "whole", "number")  # functions whose first argument names a column

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SERIAL_EPOCH: Final = datetime(1899, 12, 30)  # of spreadsheets, as they have counted since 1900-03-01
_UNITS: Final = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6}  # since 1970
_SIGNS: Final = "$€£¥₹ \u00a0\u202f"  # currencies and blanks around a number
_GROUPED: Final = {
    ".": re.compile(r"([-+]?)(\d{1,3}(?:([, '\u00a0\u202f])\d{3})(?:\3\d{3})*)(?:\.(\d*))?\Z"),
    ",": re.compile(r"([-+]?)(\d{1,3}(?:([. '\u00a0\u202f])\d{3})(?:\3\d{3})*)(?:,(\d*))?\Z"),
}
_WHOLE: Final = re.compile(r"[-+]?\d+(\.0*)?\Z|[-+]?\d(\.\d+)?[eE]\+?\d\d?\Z")
_CLOCK: Final = re.compile(r"(\d{1,2}?):?([0-5]\d)(?::?([0-5]\d)(?:\.\d+)?)?(?:\.0*)?\s*([AaPp])?\.?([Mm]\.?)?\Z")


class Reading(NamedTuple):
    """How the cells of a mapping are read."""

    zone: ZoneInfo
    empty: frozenset[str]
    mark: str  # of decimals
    tables: Mapping[str, Mapping[str, str]]
    named: Mapping[str, Expression[Any]]  # `let`


class Cells(dict[str, str]):
    """The cells that hold something. `there`: the names of all columns of the row."""

    __slots__ = ("there",)

    def __init__(self, row: Mapping[str, object], empty: frozenset[str]) -> None:
        self.there = row
        for name, value in row.items():
            text = as_text(value).strip()
            if text and text not in empty:
                self[name] = text

    def __missing__(self, name: str) -> str:
        if name in self.there:
            raise EvaluationError(f'column {name!r} is empty here; ask first: has(row["{name}"])')
        raise EvaluationError(f"there is no column {name!r}; {nearest(name, self.there)}")


class MappedRow:
    """A row, as expressions see it. `let` gives it more functions, each run once at most."""

    def __init__(self, row: Mapping[str, object], line: int, reading: Reading) -> None:
        self.row = Cells(row, reading.empty)
        self._line = line
        self._reading = reading

    def __getattr__(self, name: str) -> Any:
        value = self._reading.named[name].run(self)
        self.__dict__[name] = given = lambda: value
        return given

    def text(self, name: str) -> str:
        """The cell, or nothing where it is empty."""
        return self.row.get(name, "")

    def whole(self, name: str) -> str:
        """A number that names something, as a whole one: `17850.0` and `1.785e4` are 17850. Any other text as it is."""
        text = self.row.get(name, "")
        if not _WHOLE.match(text) or text.isdecimal():
            return text
        found = float(text)
        return str(int(found)) if found.is_integer() and abs(found) < 1e15 else text

    def number(self, name: str) -> float:
        """The cell as a number; 0 where it is empty."""
        text = self.row.get(name)
        if text is None:
            return 0.0
        return read_number(name, text, self._reading.mark)

    def instant(self, text: str, form: str) -> int:
        """µs since 1970. Where the text names no zone, that of the mapping holds."""
        return _in_us(_read(text, form), self._reading.zone)

    def instant_in(self, text: str, form: str, zone: str) -> int:
        """The same, in a zone of its own."""
        return _in_us(_read(text, form), _zone(zone))

    def instant_at(self, day: str, form: str, clock: str) -> int:
        """A day, at what a clock on the wall shows then: `517`, `0517`, `5:17`, `5:17 PM`; `2400` is the next midnight."""
        at = _read(day, form).replace(hour=0, minute=0, second=0, microsecond=0)
        days, seconds = divmod(_clock_seconds(clock), 86_400)
        wall = (datetime.min + timedelta(seconds=seconds)).time()
        try:
            wanted = at + timedelta(days=days)
        except OverflowError:
            raise EvaluationError(f"{day[:80]!r} is no day that has a next one; pass the row over by `when:`") from None
        return _in_us(datetime.combine(wanted, wall, at.tzinfo), self._reading.zone)

    def later(self, at: int, seconds: float) -> int:
        """So many seconds after an instant."""
        microseconds = seconds * 1_000_000
        if not math.isfinite(microseconds):
            raise EvaluationError(f"{seconds!r} seconds later is no instant; pass the row over by `when:`")
        return at + round(microseconds)

    def seconds_between(self, begin: int, end: int) -> float:
        """Seconds from one instant to another."""
        return (end - begin) / 1_000_000

    def look_up(self, table: str, text: str) -> str:
        """What a table of the mapping makes of a text; nothing where it does not know it."""
        known = self._reading.tables.get(table)
        if known is None:
            raise EvaluationError(f"there is no table {table!r}; {nearest(table, self._reading.tables)}")
        return known.get(text, "")

    def fingerprint(self) -> str:
        """A name for what stands in the row: the same for rows that are the same in all columns."""
        told = msgspec.json.encode(sorted(self.row.items()))
        return blake2b(told, digest_size=10).hexdigest()

    def line(self) -> str:
        """Number of the row's line in its file."""
        return str(self._line)


def as_text(value: object) -> str:
    """A value of JSON or of a cell as text; nothing where there is none."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value.is_integer():
            return str(int(value))
        return "" if math.isnan(value) else repr(value)
    if isinstance(value, int):
        return str(value)
    return msgspec.json.encode(value).decode()


def read_number(name: str, text: str, mark: str) -> float:
    """A number as tables write it: `-3.5`, `1e-3`, `1,234.50`, `£2.55`, `-£2.55`, `(3.50)`, `3.50-`."""
    plain = text.strip(_SIGNS)
    if plain[:1] in ("-", "+"):
        plain = plain[0] + plain[1:].lstrip(_SIGNS)
    negative = (plain.startswith("(") and plain.endswith(")")) or (plain.endswith("-") and len(plain) > 1)
    if negative:
        plain = plain.strip("()-").strip(_SIGNS)
    if grouped := _GROUPED[mark].match(plain):
        sign, whole, group, rest = grouped.groups()
        plain = f"{sign}{whole.replace(group, '')}.{rest or 0}"
    elif mark == ",":
        plain = plain.replace(",", ".", 1) if "." not in plain else "?"
    try:
        found = math.nan if "_" in plain else float(plain)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        fix = "a text that means nothing stands under empty:, in the mapping; a comma for decimals: decimal_mark"
        raise EvaluationError(f"{name} is {text[:80]!r}, no number; {fix}")
    return -found if negative else found


def _read(text: str, forms: str) -> datetime:
    """The first of the forms that fits."""
    for form in forms.split("|"):
        try:
            return _read_one(text, form.strip() if "|" in forms else form)
        except (ValueError, OverflowError):
            continue
    which = f"not of the form {forms!r}" if "|" not in forms else f"of none of the forms {forms!r}"
    raise EvaluationError(f"{text[:80]!r} is {which}; further forms stand after a |, such as `%d.%m.%Y %H:%M|iso`")


def _read_one(text: str, form: str) -> datetime:
    if form == "iso":
        return datetime.fromisoformat(text)
    if form in _UNITS:
        return _EPOCH + timedelta(seconds=float(text) * _UNITS[form])
    if form == "spreadsheet":
        return _SERIAL_EPOCH + timedelta(seconds=round(float(text) * 86_400))
    return datetime.strptime(text, form)


def _in_us(at: datetime, zone: ZoneInfo) -> int:
    delta = (at if at.tzinfo else at.replace(tzinfo=zone)) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise EvaluationError(f"{name[:80]!r} is no time zone; write Asia/Shanghai") from None


def _clock_seconds(text: str) -> int:
    """Seconds since midnight."""
    plain = text.strip()
    if plain.isdecimal() and len(plain) < 3:  # minutes after midnight: 5 is 00:05
        plain = f"0{plain.zfill(2)}"
    found = _CLOCK.match(plain)
    if found is not None:
        hours, minutes, seconds = int(found[1]), int(found[2]), int(found[3] or 0)
        if found[4] is not None and 1 <= hours <= 12:
            hours = hours % 12 + (12 if found[4] in "Pp" else 0)
        elif found[4] is not None:
            hours = 25
        if hours < 24 or (hours, minutes, seconds) == (24, 0, 0):
            return hours * 3600 + minutes * 60 + seconds
    raise EvaluationError(f"{text[:80]!r} is no time of day; write 517, 0517, 5:17, 05:17:30 or 5:17 PM")
