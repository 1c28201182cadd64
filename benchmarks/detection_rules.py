"""The work of detection job v0, the same in every Python engine: schemas, a customer's state as bytes, three rules, the action.

State rests as bytes; a touch is encoded once and copied from then on (`msgspec.Raw`). Imports nothing of Touchstone: a peer's
own environment has to run it.
"""

import hashlib
import io
import math
from collections.abc import Iterable
from typing import Any

import fastavro
import msgspec

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
TOUCHPOINT_ID, FEEDBACK_ID, ACTION_ID = 1, 2, 3


def encode(schema: Any, schema_id: int, record: dict[str, Any]) -> bytes:
    """Confluent wire format."""
    out = io.BytesIO()
    out.write(b"\0" + schema_id.to_bytes(4, "big"))
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()


def decode(schema: Any, schema_id: int, value: bytes) -> dict[str, Any]:
    """Raises ValueError for another schema's bytes, and for bytes after the datum."""
    if value[:5] != b"\0" + schema_id.to_bytes(4, "big"):
        raise ValueError("not this topic's schema")
    buffer = io.BytesIO(value)
    buffer.seek(5)
    record: Any = fastavro.schemaless_reader(buffer, schema, None)
    if buffer.tell() != len(value):
        raise ValueError("bytes after the datum")
    return record  # type: ignore[no-any-return]


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


def fold(key: bytes, state: bytes | None, records: Iterable[dict[str, Any]]) -> tuple[bytes, list[bytes]]:
    """A customer's decoded records, in order: the new state, and the actions as messages. Feedback is what has a score."""
    held = State() if state is None else _read_state(state)
    actions: list[bytes] = []
    for record in records:
        _fold(key, held, record, actions)
    return _write(held), actions


def _fold(key: bytes, held: State, record: dict[str, Any], actions: list[bytes]) -> None:
    at = record["occurred_at"]
    friction = held.friction * math.exp((held.updated_at - at) / HOUR_US)
    held.updated_at = at
    if "score" in record:
        held.friction = friction
        if record["score"] <= 6 and friction > 0.5:
            _fire(key, held, 2, at, actions)
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
        _fire(key, held, 0, at, actions)
    if outcome == "abandoned" and friction > 0.8:
        _fire(key, held, 1, at, actions)


def _fire(key: bytes, held: State, rule: int, at: int, actions: list[bytes]) -> None:
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
    actions.append(encode(ACTION_SCHEMA, ACTION_ID, action))
