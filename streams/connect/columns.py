"""A column's name → the field that it fills: `occurred_at`, or dotted for what lies deeper (`attributes.gate`, `pack.name`).

A cell becomes what the JSON form of that field would hold; a field that is a list, a map or a record itself takes JSON.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from schemas.json_form import BadRecord, instant
from schemas.registry import latest

Cell = str | int | float | bool | datetime | date | time | None
EXACT_DIGITS_MAX: Final = 10**15  # spreadsheets keep 15 digits of a number and lose the rest
_EXCEL_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"})
ZONES_HINT: Final = "name a zone of the IANA database: Asia/Shanghai, Europe/Berlin, UTC"


class Column(NamedTuple):
    """Where a cell goes (`path`) and what turns it into JSON's value (`convert`, raises BadRecord)."""

    path: tuple[str, ...]
    convert: Callable[[Cell], Any]


def required(record: str) -> tuple[str, ...]:
    """Fields without which there is no such record."""
    return tuple(field["name"] for field in latest(record).document["fields"] if "default" not in field)


def column(record: str, name: str, zone: ZoneInfo | None) -> Column:
    """The field that a column's name means in a record. Raises BadRecord, with the nearest name."""
    document = latest(record).document
    named: dict[str, Any] = {}
    _collect(document, named)
    kind: Any = document
    path: tuple[str, ...] = ()
    rest = name
    while rest:
        kind = _branch(kind, named)
        if isinstance(kind, dict) and kind["type"] == "map":
            path, rest, kind = (*path, rest), "", kind["values"]
            break
        if not (isinstance(kind, dict) and kind["type"] == "record"):
            raise BadRecord(f"{'.'.join(path)} of {record} has nothing inside it, so {name!r} is no column")
        fields = {field["name"]: field["type"] for field in kind["fields"]}
        first, _, rest = rest.partition(".")
        if first not in fields:
            raise BadRecord(_unknown(record, ".".join((*path, first)), path, fields))
        path, kind = (*path, first), fields[first]
    return Column(path, _converter(_branch(kind, named), zone))


def _unknown(record: str, name: str, path: tuple[str, ...], fields: dict[str, Any]) -> str:
    near = get_close_matches(name.rpartition(".")[2], fields, 1)
    hint = f"did you mean {'.'.join((*path, near[0]))}?" if near else f"the fields are {', '.join(fields)}"
    return f"{record} has no field {name!r}; {hint}"


def _collect(node: Any, named: dict[str, Any]) -> None:
    if isinstance(node, list):
        for item in node:
            _collect(item, named)
    elif isinstance(node, dict):
        if "name" in node and "type" in node and node["type"] in ("record", "enum"):
            named[node["name"]] = node
        for field in node.get("fields", ()):
            _collect(field["type"], named)
        for inner in ("items", "values"):
            _collect(node.get(inner), named)


def _branch(kind: Any, named: dict[str, Any]) -> Any:
    """The type inside a nullable union, a name resolved."""
    if isinstance(kind, list):
        kind = next(item for item in kind if item != "null")
    return named.get(kind, kind) if isinstance(kind, str) else kind


def _converter(kind: Any, zone: ZoneInfo | None) -> Callable[[Cell], Any]:
    if isinstance(kind, dict):
        if kind.get("logicalType") == "timestamp-micros":
            return lambda cell: _instant(cell, zone)
        if kind.get("logicalType") == "decimal":
            return _decimal
        if kind["type"] == "enum":
            symbols = tuple(kind["symbols"])
            return lambda cell: _symbol(cell, symbols)
        return _json
    return {"double": _number, "int": _integer, "long": _integer, "boolean": _truth}.get(kind, _text)


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        if abs(cell) >= EXACT_DIGITS_MAX:
            raise BadRecord(f"{cell} has more digits than a spreadsheet keeps; format the column as text")
        return str(int(cell)) if cell == int(cell) else repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if cell in _EXCEL_ERRORS:
        raise BadRecord(f"the cell holds the spreadsheet's error {cell}")
    return str(cell)


def _symbol(cell: Cell, symbols: tuple[str, ...]) -> str:
    text = _text(cell).strip()
    if text not in symbols:
        raise BadRecord(f"{text!r} is none of {', '.join(symbols)}")
    return text


def _number(cell: Cell) -> float:
    try:
        if isinstance(cell, bool) or not isinstance(cell, str | int | float):
            raise ValueError
        return float(cell)
    except ValueError:
        raise BadRecord(f"{_text(cell)!r} is no number; write 4.5") from None


def _integer(cell: Cell) -> int:
    try:
        if isinstance(cell, float) and cell == int(cell):
            return int(cell)
        if isinstance(cell, bool) or not isinstance(cell, str | int):
            raise ValueError
        return int(cell)
    except ValueError:
        raise BadRecord(f"{_text(cell)!r} is no whole number; write 4") from None


def _decimal(cell: Cell) -> str:
    text = _text(cell).strip()
    try:
        Decimal(text)
    except InvalidOperation:
        raise BadRecord(f"{text!r} is no amount; write 1234.50") from None
    return text


def _truth(cell: Cell) -> bool:
    text = _text(cell).strip().lower()
    if text not in ("true", "false", "1", "0"):
        raise BadRecord(f"{text!r} is neither true nor false")
    return text in ("true", "1")


def _json(cell: Cell) -> Any:
    text = _text(cell)
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise BadRecord(f'{text[:40]!r} is no JSON; write {{"name": "value"}}, or [{{…}}] for a list') from None


def _instant(cell: Cell, zone: ZoneInfo | None) -> int:
    if isinstance(cell, bool | int | float):
        if isinstance(cell, int) and not isinstance(cell, bool):
            return cell
        raise BadRecord(f"{cell} is a number; format the column as a date, or write 2026-03-01T09:30:00Z")
    if isinstance(cell, str) and cell.strip().isdecimal():
        return int(cell)
    at = cell if isinstance(cell, datetime) else _parsed(cell)
    if at.tzinfo is None:
        if zone is None:
            fix = "write 2026-03-01T09:30:00+08:00, or name the file's zone with --time-zone Asia/Shanghai"
            raise BadRecord(f"{at} has no time zone; {fix}")
        at = at.replace(tzinfo=zone)
    return instant(at.astimezone(UTC).isoformat())


def _parsed(cell: Cell) -> datetime:
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return datetime(cell.year, cell.month, cell.day)
    text = _text(cell).strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise BadRecord(f"{text!r} is no instant; write 2026-03-01T09:30:00Z") from None
