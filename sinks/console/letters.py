"""A refused message: its bytes, the fields that can be read, and the way back to its topic once somebody has repaired it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from schemas.json_form import BadRecord, from_json
from schemas.topics import all_topics
from sinks.console.reader import Question, Reader, Row
from sinks.console.receipts import send
from sinks.console.scope import Scope
from streams.codec import codec
from streams.connect.outgoing import Preparation, Refusal
from streams.connect.rows import Row as FileRow
from streams.engine.job import Message
from streams.errors import UserError
from streams.settings import Settings
from streams.tail.decode import Decoder

HEX_LINE: Final = 32
HEX_BYTES_MAX: Final = 4_096
RECORD_BYTES_MAX: Final = 256 * 1024


class Letter(NamedTuple):
    """`fields`: what could be read; `problem`: why no more; `repair`: a record to begin with, as JSON."""

    row: Row
    kind: str
    fields: dict[str, Any]
    problem: str
    lines: list[tuple[int, str, str]]
    repair: str
    cut: int


class Letters:
    """Blocks: call it in a thread."""

    def __init__(self, settings: Settings, reader: Reader) -> None:
        self._settings, self._reader = settings, reader

    def read(self, scope: Scope, place: Mapping[str, str]) -> Letter | None:
        """None: there is none, or this scope may not see it. Raises Unavailable."""
        options = tuple((name, place[name]) for name in ("topic", "partition", "offset"))
        row = self._reader.once(Question("letter", scope, options))
        if row is None:
            return None
        value, key = bytes.fromhex(row["value_hex"]), bytes.fromhex(row["key_hex"])
        topic = row["source_topic"].removeprefix(self._settings.kafka_prefix)
        message = Message(topic, row["source_partition"], row["source_offset"], 0, key or None, value, ())
        shown = Decoder(codec(self._settings, writes=())).show(message)
        fields = dict(shown.value or {})
        fields.pop("record", None)
        kind = shown.record or _schema(topic) or ""
        repair = msgspec.json.format(msgspec.json.encode({"record": kind, **fields}), indent=2).decode()
        shown_bytes = value[:HEX_BYTES_MAX]
        return Letter(
            row, kind, fields, shown.problem or row["detail"], _dump(shown_bytes), repair, len(value) - len(shown_bytes)
        )

    def send(self, topic: str, text: str) -> None:
        """The record in `text` to `topic`, checked as the worker will check it. Raises UserError, Unavailable."""
        name = topic.removeprefix(self._settings.kafka_prefix)
        if len(text.encode()) > RECORD_BYTES_MAX:
            raise UserError("the record is too large for this form", "send it with `touchstone send`")
        schema = _schema(name)
        if schema is None:
            raise UserError(f"{topic} is no topic of records", "nothing was sent")
        try:
            record = from_json(msgspec.json.decode(text), schema)
        except (msgspec.DecodeError, BadRecord, RecursionError) as error:
            raise UserError(str(error), "put it right") from None
        preparation = Preparation(
            codec(self._settings, writes=(schema,)), self._settings.worker_future_limit_seconds, name
        )
        prepared = preparation.message(FileRow(1, record, None, b""))
        if isinstance(prepared, Refusal):
            raise UserError(prepared.detail, "put it right")
        if prepared.everywhere:
            raise UserError("a control needs a copy on every partition", "send it with `touchstone send`")
        send(self._settings, prepared.topic, prepared.key, prepared.value)


def _schema(topic: str) -> str | None:
    declared = all_topics().get(topic)
    return declared.schema if declared is not None else None


def _dump(value: bytes) -> list[tuple[int, str, str]]:
    """Place, hexadecimal, and as text, a line each."""
    lines = []
    for place in range(0, len(value), HEX_LINE):
        piece = value[place : place + HEX_LINE]
        text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in piece)
        lines.append((place, piece.hex(" "), text))
    return lines
