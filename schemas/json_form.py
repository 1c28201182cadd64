"""JSON ↔ records: what files hold, what `tail` prints, what the examples are.

Instants are RFC 3339 text (or µs as integers), money is text or a number; a line says what it is by `"record": "touchpoint"`,
or is known by a field that only one kind has.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from schemas.codec import NAMES, STRUCTS, money
from schemas.registry import latest
from schemas.validate import MONEY_LIMIT

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONG: Final = 1 << 63

# A field that only one kind of input has.
_TELLING = (("status", "action_update"), ("kind", "feedback"), ("touchpoint", "touchpoint"), ("in_force_at", "control"))


class BadRecord(ValueError):
    """A JSON object that is no record: the message says which field and why."""


def instant(text: str | int) -> int:
    """µs since 1970 UTC from RFC 3339 text or from µs. Raises BadRecord."""
    if isinstance(text, int) and not isinstance(text, bool):
        if not -_LONG <= text < _LONG:
            raise BadRecord(f"{text} is no instant in µs since 1970")
        return text
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise BadRecord(f"{text!r} is no instant; write 2026-03-01T09:30:00Z") from None
    if at.tzinfo is None:
        raise BadRecord(f"{text!r} has no time zone; write 2026-03-01T09:30:00Z or +08:00")
    delta = at - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def instant_text(at: int) -> str:
    """RFC 3339 text of µs since 1970 UTC. Raises OverflowError outside of the years 1 to 9999."""
    text = (_EPOCH + timedelta(microseconds=at)).replace(tzinfo=None).isoformat()
    return f"{text}Z"


def amount(value: Decimal | float | str) -> Decimal:
    """Money of at most 18 digits, four of them decimals; nothing is rounded. Raises BadRecord."""
    try:
        exact = Decimal(str(value))
        kept = money(exact)
        if exact.is_finite() and kept == exact and abs(kept) < MONEY_LIMIT:
            return kept
    except InvalidOperation:
        pass
    raise BadRecord(f"{value!r} is no amount with at most four decimals and 18 digits; write 12.50")


def kind_of(document: dict[str, Any], record: str | None = None) -> str:
    """Which schema a JSON object belongs to. Raises BadRecord."""
    name = document.get("record", record)
    if name is None:
        name = next((name for field, name in _TELLING if field in document), None)
    if name not in STRUCTS:
        raise BadRecord(f'cannot tell what this is: add "record": one of {", ".join(STRUCTS)}')
    return str(name)


def from_json(document: Any, record: str | None = None) -> msgspec.Struct:
    """A record from a JSON object. Raises BadRecord, which names the field."""
    if not isinstance(document, dict):
        raise BadRecord(f"expected a JSON object, got {type(document).__name__}")
    name = kind_of(document, record)
    fields = {key: value for key, value in document.items() if key != "record"}
    plain = _convert(latest(name).document, fields, name)
    try:
        made = msgspec.convert(plain, STRUCTS[name], strict=True)
        msgspec.json.encode(made)  # half of a surrogate pair, which JSON can hold and UTF-8 cannot
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise BadRecord(f"{name}: {error}") from None
    return made


def to_json(record: msgspec.Struct, *, named: bool = True, defaults: bool = False) -> dict[str, Any]:
    """The JSON form of a record; nulls and empty defaults are left out unless `defaults`."""
    name = NAMES[type(record)]
    body = _present(latest(name).document, record, defaults)
    return {"record": name, **body} if named else body


def _branch(kind: Any) -> Any:
    """The type inside a nullable union."""
    return next(item for item in kind if item != "null") if isinstance(kind, list) else kind


def _convert(schema: Any, value: Any, path: str) -> Any:
    if value is None or not isinstance(schema, dict):
        return value
    try:
        if schema.get("logicalType") == "timestamp-micros":
            return instant(value)
        if schema.get("logicalType") == "decimal":
            return amount(value)
    except BadRecord as error:
        raise BadRecord(f"{path}: {error}") from None
    if schema["type"] == "array" and isinstance(value, list):
        return [_convert(schema["items"], item, f"{path}[{index}]") for index, item in enumerate(value)]
    if schema["type"] == "record" and isinstance(value, dict):
        types = {field["name"]: _branch(field["type"]) for field in schema["fields"]}
        unknown = sorted(set(value) - set(types))
        if unknown:
            raise BadRecord(f"{path}: unknown field {unknown[0]!r}; the fields are {', '.join(types)}")
        return {key: _convert(types[key], item, f"{path}.{key}") for key, item in value.items()}
    return value


def _instant_or_number(at: int) -> str | int:
    try:
        return instant_text(at)
    except OverflowError:  # a message that nobody has checked
        return at


def _present(schema: Any, value: Any, defaults: bool) -> Any:
    if value is None or not isinstance(schema, dict):
        return value
    if schema.get("logicalType") == "timestamp-micros":
        return _instant_or_number(value)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if schema["type"] == "array":
        return [_present(schema["items"], item, defaults) for item in value]
    if schema["type"] != "record":
        return value
    body = {}
    for field in schema["fields"]:
        item = getattr(value, field["name"])
        if defaults or "default" not in field or item != field["default"]:
            body[field["name"]] = _present(_branch(field["type"]), item, defaults)
    return body
