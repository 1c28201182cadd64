"""Confluent wire format ↔ records: magic byte 0, four-byte schema id, Avro datum.

Nothing passes that does not decode to its last byte; every failure is an `InvalidEvent` with its reason.
"""

import struct
from collections.abc import Callable, Mapping
from decimal import Decimal
from io import BytesIO
from typing import Any, Final, TypeVar

import fastavro
import msgspec
from fastavro.schema import SchemaParseException, parse_schema
from fastavro.types import Schema

from schemas import records
from schemas.compatibility import forbidden_shape
from schemas.refusals import DeadLetterReason, InvalidEvent
from schemas.registry import latest, schema_files

MESSAGE_BYTES_MAX: Final = 1_048_576
HEADER_BYTES: Final = 5

# Schema name → struct. The order is that of topics.yaml.
STRUCTS: Final[dict[str, type[msgspec.Struct]]] = {
    "touchpoint": records.Touchpoint,
    "feedback": records.Feedback,
    "customer": records.Customer,
    "action_update": records.ActionUpdate,
    "experience": records.Experience,
    "action": records.Action,
    "notification": records.Notification,
    "episode": records.Episode,
    "cause": records.Cause,
    "control": records.Control,
}
NAMES: Final[dict[type[msgspec.Struct], str]] = {struct_: name for name, struct_ in STRUCTS.items()}

RecordT = TypeVar("RecordT", bound=msgspec.Struct)

# Fields that hold structs, by struct: (field, struct, is a list). Their dicts become structs after decoding.
_NESTED: Final[dict[type[msgspec.Struct], tuple[tuple[str, type[msgspec.Struct], bool], ...]]] = {
    records.Customer: (("identifiers", records.Identifier, True), ("consents", records.Consent, True)),
    records.Experience: (("context", records.Context, False), ("evidence", records.Evidence, True)),
    records.Action: (("evidence", records.Evidence, True), ("losers", records.Loser, True)),
    records.Episode: (("evidence", records.Evidence, True),),
    records.Control: (
        ("pack", records.PackInForce, False),
        ("unit", records.Unit, False),
        ("limit", records.Limit, False),
        ("incident", records.Incident, False),
    ),
    records.Unit: (("staff", records.Staff, True), ("opening_hours", records.Opening, True)),
}


def plain_instants(node: Any) -> Any:
    """The schema with timestamps as plain longs: fastavro then gives µs instead of building datetimes."""
    if isinstance(node, list):
        return [plain_instants(item) for item in node]
    if isinstance(node, dict):
        if node.get("logicalType") == "timestamp-micros":
            return "long"
        return {key: plain_instants(value) for key, value in node.items() if not key.startswith("__")}
    return node


class _Writer(msgspec.Struct):
    """A schema that messages were written with. `resolve_to` None: it is the newest version itself."""

    name: str
    schema: Schema
    resolve_to: Schema | None


def _parse(document: Any) -> Schema:
    return parse_schema(plain_instants(document), expand=False, _write_hint=True)


FetchSchema = Callable[[int], str | None]


class Codec:
    """Decodes and encodes with the ids of one registry.

    `ids`: schema name → id to write with (default: ids.yaml). `fetch`: text of a schema by an id that is not ours, or
    None where there is none; it may raise `Unavailable`.
    """

    def __init__(self, ids: Mapping[str, int] | None = None, fetch: FetchSchema | None = None) -> None:
        self._readers = {name: _parse(latest(name).document) for name in STRUCTS}
        self._fetch = fetch
        self._writers: dict[int, _Writer] = {}
        self._heads: dict[str, bytes] = {}
        known = dict(ids) if ids is not None else {name: latest(name).id for name in STRUCTS}
        for name, schema_id in known.items():
            self._heads[name] = struct.pack(">bI", 0, schema_id)
            self._writers[schema_id] = _Writer(name, self._readers[name], None)
        if ids is None:
            for file in schema_files():
                if file.id not in self._writers:
                    self._writers[file.id] = _Writer(file.name, _parse(file.document), self._readers[file.name])

    def _writer(self, schema_id: int) -> _Writer:
        writer = self._writers.get(schema_id)
        if writer is None:
            text = self._fetch(schema_id) if self._fetch is not None else None
            if text is None:
                raise InvalidEvent(DeadLetterReason.UNKNOWN_SCHEMA, f"schema id {schema_id} is not registered")
            writer = self._writers[schema_id] = self._foreign(schema_id, text)
        return writer

    def _foreign(self, schema_id: int, text: str) -> _Writer:
        """A producer's own version of one of our schemas: same full name, resolved to our newest version."""
        try:
            document = msgspec.json.decode(text)
            schema = _parse(document)
        except (msgspec.DecodeError, SchemaParseException, fastavro.schema.UnknownType) as error:
            raise InvalidEvent(DeadLetterReason.UNKNOWN_SCHEMA, f"schema id {schema_id} is not Avro: {error}") from None
        shape = forbidden_shape(document)
        if shape is not None:
            raise InvalidEvent(DeadLetterReason.WRONG_SCHEMA, f"schema id {schema_id}: {shape}")
        full_name = schema.get("name") if isinstance(schema, dict) else None
        for name in STRUCTS:
            if full_name == f"touchstone.{STRUCTS[name].__name__}":
                return _Writer(name, schema, self._readers[name])
        raise InvalidEvent(DeadLetterReason.WRONG_SCHEMA, f"schema id {schema_id} is {full_name}, none of ours")

    def decode(self, payload: bytes | None, expected: type[RecordT]) -> RecordT:
        """The record in a message's value. Raises InvalidEvent, or Unavailable from `fetch`."""
        if not payload:
            raise InvalidEvent(DeadLetterReason.EMPTY_VALUE, "the value is null or empty")
        if len(payload) > MESSAGE_BYTES_MAX:
            raise InvalidEvent(DeadLetterReason.TOO_LARGE, f"{len(payload)} bytes, at most {MESSAGE_BYTES_MAX}")
        if payload[0] != 0:
            raise InvalidEvent(
                DeadLetterReason.WRONG_MAGIC, f"first byte is {payload[0]}, expected 0 (Confluent wire format)"
            )
        if len(payload) < HEADER_BYTES:
            raise InvalidEvent(DeadLetterReason.MALFORMED, f"{len(payload)} bytes: too short for a schema id")
        writer = self._writer(int.from_bytes(payload[1:HEADER_BYTES], "big"))
        if STRUCTS[writer.name] is not expected:
            raise InvalidEvent(DeadLetterReason.WRONG_SCHEMA, f"a {writer.name}, expected a {NAMES[expected]}")
        buffer = BytesIO(payload)
        buffer.seek(HEADER_BYTES)
        try:
            datum: Any = fastavro.schemaless_reader(buffer, writer.schema, writer.resolve_to)
        except Exception as error:  # noqa: BLE001 - fastavro raises unrelated types on malformed bytes
            raise InvalidEvent(DeadLetterReason.MALFORMED, f"{type(error).__name__}: {str(error)[:200]}") from None
        if buffer.tell() != len(payload):
            raise InvalidEvent(
                DeadLetterReason.TRAILING_BYTES, f"{len(payload) - buffer.tell()} bytes after the record"
            )
        return structured(datum, expected)

    def encode(self, record: msgspec.Struct) -> bytes:
        """Wire format of a record. Raises ValueError or TypeError for a value that its schema cannot hold."""
        name = NAMES[type(record)]
        buffer = BytesIO()
        buffer.write(self._heads[name])
        fastavro.schemaless_writer(buffer, self._readers[name], unstructured(record))
        return buffer.getvalue()


def structured(datum: dict[str, Any], expected: type[RecordT]) -> RecordT:
    """Dicts → struct, nested ones too. The datum is used up."""
    for field, struct_, is_list in _NESTED.get(expected, ()):
        value = datum[field]
        if value is not None:
            datum[field] = [structured(item, struct_) for item in value] if is_list else structured(value, struct_)
    return expected(**datum)


def unstructured(record: msgspec.Struct) -> dict[str, Any]:
    """Struct → dicts, nested ones too."""
    datum = msgspec.structs.asdict(record)
    for field, _, is_list in _NESTED.get(type(record), ()):
        value = datum[field]
        if value is not None:
            datum[field] = [unstructured(item) for item in value] if is_list else unstructured(value)
    return datum


def money(value: Decimal | float | str) -> Decimal:
    """An amount with the four decimals that the schemas keep."""
    return Decimal(str(value)).quantize(Decimal("0.0001"))
