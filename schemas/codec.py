"""Confluent wire format ↔ records: magic byte 0, four-byte schema id, Avro datum.

Nothing passes that does not decode to its last byte; every failure is an `InvalidEvent` with its reason.
"""

import struct
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from schemas import controls, decisions, events
from schemas.compiled import failed_field
from schemas.decoder import Decode, decoder
from schemas.encoder import Encode, encoder
from schemas.plan import Unresolvable
from schemas.refusals import DeadLetterReason as Reason
from schemas.refusals import InvalidEvent
from schemas.registry import SchemaFile, latest, schema_files
from schemas.shapes import forbidden_shape

MESSAGE_BYTES_MAX: Final = 1_048_576
HEADER_BYTES: Final = 5

# Schema name → struct. The order is that of topics.yaml.
STRUCTS: Final[dict[str, type[msgspec.Struct]]] = {
    "touchpoint": events.Touchpoint,
    "feedback": events.Feedback,
    "customer": events.Customer,
    "action_update": events.ActionUpdate,
    "experience": decisions.Experience,
    "action": decisions.Action,
    "notification": decisions.Notification,
    "episode": decisions.Episode,
    "holdout": decisions.Holdout,
    "suppression": decisions.Suppression,
    "cause": decisions.Cause,
    "control": controls.Control,
}
NAMES: Final[dict[type[msgspec.Struct], str]] = {struct_: name for name, struct_ in STRUCTS.items()}

# Record name in the schema files → struct, nested records too.
STRUCT_OF: Final[dict[str, type[msgspec.Struct]]] = {
    name: thing
    for module in (events, decisions, controls)
    for name, thing in vars(module).items()
    if isinstance(thing, type) and issubclass(thing, msgspec.Struct)
}
# What compiled code raises for malformed bytes, and for a value that does not belong in its field.
_UNREADABLE: Final = (IndexError, KeyError, ValueError, struct.error)
_UNWRITABLE: Final = (AttributeError, KeyError, TypeError, ValueError, OverflowError, struct.error)

FetchSchema = Callable[[int], str | None]
RecordT = TypeVar("RecordT", bound=msgspec.Struct)


class _Reader(NamedTuple):
    """How to read the messages of one schema id."""

    record: type[msgspec.Struct]
    decode: Decode


@lru_cache(maxsize=64)
def _own_decoder(name: str, version: int) -> Decode:
    document = next(file.document for file in schema_files() if (file.name, file.version) == (name, version))
    return decoder(document, latest(name).document, STRUCT_OF)


@lru_cache(maxsize=16)
def _own_encoder(name: str) -> Encode:
    return encoder(latest(name).document)


def _head(schema_id: int) -> bytes:
    return struct.pack(">bI", 0, schema_id)


class Codec:
    """Decodes and encodes with the ids of one registry.

    `ids`: schema name → id to write with (default: all, from ids.yaml); a schema without one cannot be written.
    `fetch`: text of a schema by an id that is not ours, or None where there is none; it may raise `Unavailable`.
    """

    def __init__(self, ids: Mapping[str, int] | None = None, fetch: FetchSchema | None = None) -> None:
        self._fetch = fetch
        self._readers: dict[bytes, _Reader] = {}
        self._refused: dict[bytes, str] = {}
        if ids is None:
            ids = {name: latest(name).id for name in STRUCTS}
            for file in schema_files():
                self._know(file, file.id)
        self._writers: dict[type[msgspec.Struct], tuple[Encode, bytes]] = {}
        for name, schema_id in ids.items():
            self._know(latest(name), schema_id)
            self._writers[STRUCTS[name]] = (_own_encoder(name), _head(schema_id))

    def _know(self, file: SchemaFile, schema_id: int) -> None:
        self._readers[_head(schema_id)] = _Reader(STRUCTS[file.name], _own_decoder(file.name, file.version))

    def decode(self, payload: bytes | None, expected: type[RecordT]) -> RecordT:
        """The record in a message's value. Raises InvalidEvent, or Unavailable from `fetch`."""
        if not payload:
            raise InvalidEvent(Reason.EMPTY_VALUE, "the value is null or empty")
        if len(payload) > MESSAGE_BYTES_MAX:
            raise InvalidEvent(Reason.TOO_LARGE, f"{len(payload)} bytes, at most {MESSAGE_BYTES_MAX}")
        reader = self._readers.get(payload[:HEADER_BYTES]) or self._reader(payload)
        if reader.record is not expected:
            raise InvalidEvent(Reason.WRONG_SCHEMA, f"a {NAMES[reader.record]}, expected a {NAMES[expected]}")
        try:
            record, end = reader.decode(payload, HEADER_BYTES)
        except _UNREADABLE as error:
            raise InvalidEvent(Reason.MALFORMED, _unreadable(error)) from None
        if end < len(payload):
            raise InvalidEvent(Reason.TRAILING_BYTES, f"{len(payload) - end} bytes after the record")
        if end > len(payload):
            raise InvalidEvent(Reason.MALFORMED, f"cut: {end - len(payload)} bytes are missing at its end")
        decoded: RecordT = record
        return decoded

    def encode(self, record: msgspec.Struct, like: type[msgspec.Struct] | None = None) -> bytes:
        """Wire format of a record, or of that part of it which makes a record of the type `like`.

        Raises ValueError for a value that its field cannot hold, KeyError without an id.
        """
        encode, head = self._writers[like or type(record)]
        try:
            return encode(record, head)
        except _UNWRITABLE as error:
            field = failed_field(error.__traceback__)
            raise ValueError(f"{NAMES[like or type(record)]}.{field}: {type(error).__name__}: {error}") from None

    def _reader(self, payload: bytes) -> _Reader:
        """For a head that has not been seen."""
        if payload[0] != 0:
            raise InvalidEvent(Reason.WRONG_MAGIC, f"first byte is {payload[0]}, expected 0 (Confluent wire format)")
        head = payload[:HEADER_BYTES]
        if len(head) < HEADER_BYTES:
            raise InvalidEvent(Reason.MALFORMED, f"{len(head)} bytes: too short for a schema id")
        schema_id = int.from_bytes(head[1:], "big")
        if head not in self._refused:
            text = self._fetch(schema_id) if self._fetch is not None else None
            if text is None:
                raise InvalidEvent(Reason.UNKNOWN_SCHEMA, f"schema id {schema_id} is not registered")
            try:
                reader = self._readers[head] = _foreign(text)
            except Unresolvable as error:
                self._refused[head] = str(error)
            else:
                return reader
        raise InvalidEvent(Reason.WRONG_SCHEMA, f"schema id {schema_id}: {self._refused[head]}")


def _foreign(text: str) -> _Reader:
    """A producer's own version of one of our schemas: same full name, resolved to our newest. Raises Unresolvable."""
    from schemas.compatibility import NO_SCHEMA, breaks, parsed

    try:
        document = parsed(text)
        shape = forbidden_shape(document)
    except NO_SCHEMA as error:
        raise Unresolvable(f"it is no Avro schema: {str(error)[:200]}") from None
    if shape is not None:
        raise Unresolvable(shape)
    name = next((name for name, struct_ in STRUCTS.items() if _full_name(document) == _full_name_of(struct_)), None)
    if name is None:
        raise Unresolvable(f"{_full_name(document)} is none of ours")
    ours = latest(name)
    why = breaks(ours.document, document)
    if why:
        raise Unresolvable(f"{name}.v{ours.version} cannot read it: {'; '.join(why)}")
    return _Reader(STRUCTS[name], decoder(document, ours.document, STRUCT_OF))


def _full_name(document: Any) -> str:
    if not isinstance(document, dict) or "name" not in document:
        return "a schema that is no record"
    name = str(document["name"])
    return name if "." in name else f"{document.get('namespace', '')}.{name}"


def _full_name_of(struct_: type[msgspec.Struct]) -> str:
    return f"touchstone.{struct_.__name__}"


def _unreadable(error: Exception) -> str:
    what = str(error)[:200]
    if isinstance(error, IndexError):
        what = "the message ends inside it"
    elif isinstance(error, KeyError):
        what = f"no value has the number {what}"
    return f"field {failed_field(error.__traceback__)}: {what}"


def money(value: Decimal | float | str) -> Decimal:
    """An amount with the four decimals that the schemas keep, half to even. Raises decimal.InvalidOperation."""
    return Decimal(str(value)).quantize(Decimal("0.0001"))
