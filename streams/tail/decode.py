"""A message → what can be shown of it: its record, or the fields up to where it breaks, or its bytes as hex.

A dead letter is shown by its reason, and decoded as a message of the topic that it was refused from.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import fastavro
import msgspec
from fastavro.schema import parse_schema

from schemas.codec import HEADER_BYTES, STRUCTS, Codec
from schemas.json_form import instant_text, to_json
from schemas.registry import latest
from schemas.topics import Topic, find
from streams.engine.job import Message
from streams.errors import InvalidEvent, Unavailable
from streams.tail.pii import MASKED, key_is_personal, masked

HEX_BYTES: Final = 64  # as many are shown
DEAD_LETTERS: Final = "cx-dead-letters"
_REASON: Final = "touchstone.reason"
_CONNECT: Final = "__connect.errors."
_MARK: Final = "touchstone.stream-time"


class Shown(msgspec.Struct, omit_defaults=True):
    """A message as `tail --json` prints it. `value`: JSON form of the record, or of the fields that could be read.

    `problem`: why it is not a whole record. `refused`: why a dead letter was refused, and where it stood.
    """

    topic: str
    partition: int
    offset: int
    arrived_at_ms: int
    key: str | None = None
    key_hex: str | None = None
    record: str | None = None
    value: dict[str, Any] | None = None
    problem: str | None = None
    value_bytes: int | None = None
    hex: str | None = None
    refused: dict[str, str] | None = None
    stream_time: int | None = None


class Decoder:
    """`mask` hides personal data; `prefix` is what the cluster's names have before ours."""

    def __init__(self, codec: Codec, *, mask: bool = False, prefix: str = "") -> None:
        self._codec = codec
        self._mask = mask
        self._prefix = prefix

    def show(self, message: Message) -> Shown:
        """Never raises for what stands in the message."""
        shown = Shown(message.topic, message.partition, message.offset, message.timestamp_ms)
        topic = _topic(message.topic)
        self._key(shown, message.key, personal=topic is None or key_is_personal(topic))
        headers = {name: value.decode("utf-8", "replace") for name, value in message.headers}
        schema = topic.schema if topic is not None else None
        if message.topic == DEAD_LETTERS:
            schema = self._dead_letter(shown, headers)
        if message.value is None:
            shown.stream_time = _number(headers.get(_MARK))
            shown.problem = None if shown.stream_time is not None else "no value"
        else:
            shown.value_bytes = len(message.value)
            self._value(shown, message.value, schema)
        return shown

    def _key(self, shown: Shown, key: bytes | None, *, personal: bool) -> None:
        if key is None:
            return
        if self._mask and personal:
            shown.key = MASKED
            return
        try:
            shown.key = key.decode("utf-8")
        except UnicodeDecodeError:
            shown.key_hex = key.hex()

    def _dead_letter(self, shown: Shown, headers: Mapping[str, str]) -> str | None:
        """Fills `refused`; the schema of the topic that the message comes from."""
        names = {"topic": "topic", "partition": "partition", "offset": "offset", "detail": "exception.message"}
        shown.refused = {"reason": headers.get(_REASON, "unknown")}
        for name, header in names.items():
            if f"{_CONNECT}{header}" in headers and not (self._mask and name == "detail"):
                shown.refused[name] = headers[f"{_CONNECT}{header}"]
        origin = _topic(shown.refused.get("topic", "").removeprefix(self._prefix))
        return origin.schema if origin is not None else None

    def _value(self, shown: Shown, value: bytes, schema: str | None) -> None:
        if schema is None:
            self._hex(shown, value)
            return
        try:
            document = _json(self._codec.decode(value, STRUCTS[schema]))
        except (InvalidEvent, Unavailable) as error:
            detail = "" if self._mask or not isinstance(error, InvalidEvent) else f": {error.detail}"
            shown.problem = f"{error.reason}{detail}" if isinstance(error, InvalidEvent) else str(error)
            document = partial(value, schema)
            self._hex(shown, value)
        if document:
            shown.record = schema
            shown.value = masked(schema, document) if self._mask else document

    def _hex(self, shown: Shown, value: bytes) -> None:
        if not self._mask:
            shown.hex = value[:HEX_BYTES].hex()


def partial(payload: bytes, record: str) -> dict[str, Any]:
    """The fields of a datum that can be read before it breaks, if its schema id is that of our newest version."""
    if len(payload) < HEADER_BYTES or payload[0] != 0:
        return {}
    if int.from_bytes(payload[1:HEADER_BYTES], "big") != latest(record).id:
        return {}
    buffer, found, named = BytesIO(payload), dict[str, Any](), dict[str, Any]()
    buffer.seek(HEADER_BYTES)
    for field in latest(record).document["fields"]:
        try:
            schema = parse_schema(_plain(field["type"]), named_schemas=named, expand=True)
            value: Any = fastavro.schemaless_reader(buffer, schema, None)
        except Exception:  # noqa: BLE001 - fastavro raises unrelated types on malformed bytes
            break
        if value is not None:
            found[field["name"]] = _text_of_instant(value) if _is_instant(field["type"]) else value
    return found


def _plain(node: Any) -> Any:
    """The schema with instants as numbers: fastavro then builds no datetime, which could not hold them all."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if isinstance(node, dict):
        return "long" if node.get("logicalType") == "timestamp-micros" else {k: _plain(v) for k, v in node.items()}
    return node


def _is_instant(kind: Any) -> bool:
    branches = kind if isinstance(kind, list) else [kind]
    return any(isinstance(one, dict) and one.get("logicalType") == "timestamp-micros" for one in branches)


def _text_of_instant(at: int) -> str | int:
    try:
        return instant_text(at)
    except (ValueError, OverflowError, OSError):  # no calendar holds it
        return at


def _json(record: msgspec.Struct) -> dict[str, Any]:
    try:
        return to_json(record, named=False)
    except (ValueError, OverflowError, OSError):  # as above
        plain: dict[str, Any] = msgspec.to_builtins(record, enc_hook=str)
        return {name: value for name, value in plain.items() if value is not None}


def _topic(name: str) -> Topic | None:
    try:
        return find(name)
    except KeyError:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.lstrip("-").isdecimal() else None
