"""Detection job v0, the reference job of the benchmarks: last 16 touches, friction that decays, three rules, one action a rule and hour.

State rests as bytes; a touch is encoded once and copied from then on (`msgspec.Raw`).
"""

import hashlib
import io
import math
from collections.abc import Sequence
from typing import Any

import fastavro
import msgspec

from streams.engine.job import Decoded, Message, Output, Refold, Step, Tick
from streams.errors import DeadLetterReason, InvalidEvent

TOUCHPOINTS, FEEDBACK, ACTIONS = "touchpoints", "feedback", "actions"
HOUR_US = 3_600_000_000


def _schema(name: str, *fields: tuple[str, Any]) -> Any:
    document = {"type": "record", "name": name, "fields": [{"name": field, "type": kind} for field, kind in fields]}
    return fastavro.parse_schema(document)


def _enum(name: str, *symbols: str) -> dict[str, Any]:
    return {"type": "enum", "name": name, "symbols": list(symbols)}


TOUCHPOINT_SCHEMA = _schema(
    "Touchpoint",
    ("event_id", "string"),
    ("customer_id", "string"),
    ("occurred_at", "long"),
    ("channel", "string"),
    ("journey", "string"),
    ("touchpoint", "string"),
    ("action", "string"),
    ("outcome", _enum("Outcome", "success", "failure", "abandoned")),
    ("duration_ms", ["null", "long"]),
    ("amount", ["null", "double"]),
    ("attributes", {"type": "map", "values": "string"}),
)
FEEDBACK_SCHEMA = _schema(
    "Feedback",
    ("event_id", "string"),
    ("customer_id", "string"),
    ("occurred_at", "long"),
    ("journey", "string"),
    ("touchpoint", "string"),
    ("kind", _enum("Kind", "nps", "csat", "ces")),
    ("score", "double"),
    ("text", ["null", "string"]),
)
ACTION_SCHEMA = _schema(
    "Action",
    ("action_id", "string"),
    ("rule", "string"),
    ("customer_id", "string"),
    ("at", "long"),
    ("score", "double"),
    ("touches", {"type": "array", "items": "string"}),
)
_SCHEMAS = {TOUCHPOINTS: (1, TOUCHPOINT_SCHEMA), FEEDBACK: (2, FEEDBACK_SCHEMA)}


def encode(schema: Any, schema_id: int, record: dict[str, Any]) -> bytes:
    """Confluent wire format."""
    out = io.BytesIO()
    out.write(b"\0" + schema_id.to_bytes(4, "big"))
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()


class Touch(msgspec.Struct, array_like=True):
    """One of the last 16."""

    event_id: str
    at: int
    channel: str
    journey: str
    touchpoint: str
    outcome: str
    duration_ms: int | None


class State(msgspec.Struct, array_like=True):
    """Of a customer. `fired`: when each rule last fired, 0 for never."""

    touches: list[msgspec.Raw] = []
    friction: float = 0.0
    failures: int = 0
    contacts: int = 0
    updated_at: int = 0
    fired: list[int] = msgspec.field(default_factory=lambda: [0, 0, 0])


_read_state = msgspec.msgpack.Decoder(State).decode
_write = msgspec.msgpack.Encoder().encode
_read_touch = msgspec.msgpack.Decoder(Touch).decode


class Detection:
    """The job. An input is a decoded record; feedback has a score."""

    name = "detection"
    inputs = (TOUCHPOINTS, FEEDBACK)
    outputs = (ACTIONS,)
    broadcast = None
    stream_time_to = None
    stream_time_from = None

    def decode(self, message: Message) -> Decoded[dict[str, Any]]:
        value = message.value
        schema_id, schema = _SCHEMAS[message.topic]
        if not value or message.key is None or value[:5] != b"\0" + schema_id.to_bytes(4, "big"):
            raise InvalidEvent(DeadLetterReason.WRONG_MAGIC, "not this topic's schema")
        buffer = io.BytesIO(value)
        buffer.seek(5)
        record: Any = fastavro.schemaless_reader(buffer, schema, None)
        if buffer.tell() != len(value):
            raise InvalidEvent(DeadLetterReason.TRAILING_BYTES, "bytes after the datum")
        return Decoded(message.key, record["occurred_at"], record)

    def step(
        self, key: bytes, state: bytes | None, inputs: Sequence[dict[str, Any] | Tick | Refold], controls: None
    ) -> Step:
        held = State() if state is None else _read_state(state)
        outputs: list[Output] = []
        for record in inputs:
            assert isinstance(record, dict)
            self._fold(key, held, record, outputs)
        return Step(_write(held), outputs)

    def _fold(self, key: bytes, held: State, record: dict[str, Any], outputs: list[Output]) -> None:
        at = record["occurred_at"]
        friction = held.friction * math.exp((held.updated_at - at) / HOUR_US)
        held.updated_at = at
        if "score" in record:
            held.friction = friction
            if record["score"] <= 6 and friction > 0.5:
                self._fire(key, held, 2, at, outputs)
            return
        outcome = record["outcome"]
        if outcome == "failure":
            friction += 1.0
            held.failures += 1
        elif outcome == "abandoned":
            friction += 0.5
        held.friction = friction
        held.contacts += 1
        touch = Touch(
            record["event_id"], at, record["channel"], record["journey"], record["touchpoint"], outcome,
            record["duration_ms"],
        )  # fmt: skip
        touches = held.touches
        touches.append(msgspec.Raw(_write(touch)))
        if len(touches) > 16:
            del touches[0]
        if held.failures >= 3 and friction > 1.5:
            self._fire(key, held, 0, at, outputs)
        if outcome == "abandoned" and friction > 0.8:
            self._fire(key, held, 1, at, outputs)

    def _fire(self, key: bytes, held: State, rule: int, at: int, outputs: list[Output]) -> None:
        if held.fired[rule] and at - held.fired[rule] < HOUR_US:
            return
        held.fired[rule] = at
        name = f"R{rule + 1}"
        action = {
            "action_id": hashlib.blake2b(b"%s %d %s" % (key, at, name.encode()), digest_size=16).hexdigest(),
            "rule": name,
            "customer_id": key.decode(),
            "at": at,
            "score": held.friction,
            "touches": [_read_touch(touch).event_id for touch in held.touches[-3:]],
        }
        outputs.append(Output(ACTIONS, key, encode(ACTION_SCHEMA, 3, action)))

    def new_controls(self) -> None:
        return None

    def control(self, controls: None, message: Message, stream_time: int | None) -> int | None:
        """Never called: this job has no broadcast."""
        return None
