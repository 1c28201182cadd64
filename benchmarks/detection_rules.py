"""The work of detection job v0, the same in every Python engine: records, a customer's state as bytes, three rules, the action.

State rests as bytes; a touch is encoded once and copied from then on. Of Touchstone only its Avro compiler is imported, which
needs nothing but the standard library: a peer's own environment has to run this file.
"""

import hashlib
import io
import json
import math
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
import msgspec

from schemas.decoder import decoder
from schemas.encoder import encoder

HOUR_US = 3_600_000_000


def _schema(name: str) -> Any:
    return json.loads((Path(__file__).with_name("detection_avro") / f"{name}.avsc").read_text(encoding="utf-8"))


TOUCHPOINT_SCHEMA, FEEDBACK_SCHEMA, ACTION_SCHEMA = map(_schema, ("touchpoint", "feedback", "action"))
TOUCHPOINT_ID, FEEDBACK_ID, ACTION_ID = 1, 2, 3


class Touchpoint(msgspec.Struct, gc=False):
    """A decoded touchpoint event; `occurred_at` in µs."""

    event_id: str
    customer_id: str
    occurred_at: int
    channel: str
    journey: str
    touchpoint: str
    action: str
    outcome: str
    duration_ms: int | None
    amount: float | None
    attributes: dict[str, str]


class Feedback(msgspec.Struct, gc=False):
    """A decoded feedback."""

    event_id: str
    customer_id: str
    occurred_at: int
    journey: str
    touchpoint: str
    kind: str
    score: float
    text: str | None


class Action(NamedTuple):
    """A decoded action."""

    action_id: str
    rule: str
    customer_id: str
    at: int
    score: float
    touches: list[str]


Record = Touchpoint | Feedback


def _reader(schema: Any, schema_id: int, record: type) -> Callable[[bytes], Any]:
    head, decode = b"\0" + schema_id.to_bytes(4, "big"), decoder(schema, schema, {schema["name"]: record})

    def read(value: bytes) -> Any:
        if not value.startswith(head):
            raise ValueError("not this topic's schema")
        try:
            read, end = decode(value, len(head))
        except (IndexError, KeyError, struct.error) as error:
            raise ValueError(f"cannot be read: {error!r}") from None
        if end != len(value):
            raise ValueError("does not end with the datum")
        return read

    return read


# Confluent wire format → record. They raise ValueError for bytes that are not of the schema, to the last one.
read_touchpoint: Callable[[bytes], Touchpoint] = _reader(TOUCHPOINT_SCHEMA, TOUCHPOINT_ID, Touchpoint)
read_feedback: Callable[[bytes], Feedback] = _reader(FEEDBACK_SCHEMA, FEEDBACK_ID, Feedback)
read_action: Callable[[bytes], Action] = _reader(ACTION_SCHEMA, ACTION_ID, Action)


def writer(schema: Any, schema_id: int) -> Callable[[dict[str, Any]], bytes]:
    """A record's fields → Confluent wire format."""
    head, parsed = b"\0" + schema_id.to_bytes(4, "big"), fastavro.parse_schema(schema)

    def write(record: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        out.write(head)
        fastavro.schemaless_writer(out, parsed, record)
        return out.getvalue()

    return write


_ACTION_HEAD, _write_action = b"\0" + ACTION_ID.to_bytes(4, "big"), encoder(ACTION_SCHEMA)


class Touch(msgspec.Struct, array_like=True, gc=False):
    """One of the last 16."""

    event_id: str
    at: int
    channel: str
    journey: str
    touchpoint: str
    outcome: str
    duration_ms: int | None


_write_touch = msgspec.msgpack.Encoder().encode
_read_touch = msgspec.msgpack.Decoder(Touch).decode

HISTORY_TOUCHES = 16
_HEAD = struct.Struct(">dIIq3q")  # friction, failures, contacts, when updated, when each rule last fired
_NEVER = -HOUR_US
_NEW = (0.0, 0, 0, 0, _NEVER, _NEVER, _NEVER)


def fold(key: bytes, state: bytes | None, records: Iterable[Record]) -> tuple[bytes, list[bytes]]:
    """A customer's decoded records, in order: the new state, and the actions as messages.

    One function on local variables: with a struct for the state and a function a kind of record it takes a quarter longer.
    """
    head = _NEW if state is None else _HEAD.unpack_from(state)
    friction, failures, contacts, updated_at, fired_1, fired_2, fired_3 = head
    history = [] if state is None else [state[_HEAD.size :]]  # touches, each with its length in two bytes before it
    actions: list[bytes] = []
    for record in records:
        at = record.occurred_at
        friction *= math.exp((updated_at - at) / HOUR_US)
        updated_at = at
        if type(record) is Feedback:
            if record.score <= 6 and friction > 0.5 and at - fired_3 >= HOUR_US:
                fired_3 = at
                actions.append(_action(key, at, "R3", friction, history))
            continue
        outcome = record.outcome
        if outcome == "failure":
            friction += 1.0
            failures += 1
        elif outcome == "abandoned":
            friction += 0.5
        touch = _touch(record)
        if contacts >= HISTORY_TOUCHES:
            oldest = history[0]
            history[0] = oldest[2 + (oldest[0] << 8 | oldest[1]) :]
            if not history[0]:
                del history[0]
        history.append(len(touch).to_bytes(2, "big") + touch)
        contacts += 1
        if failures >= 3 and friction > 1.5 and at - fired_1 >= HOUR_US:
            fired_1 = at
            actions.append(_action(key, at, "R1", friction, history))
        if outcome == "abandoned" and friction > 0.8 and at - fired_2 >= HOUR_US:
            fired_2 = at
            actions.append(_action(key, at, "R2", friction, history))
    head = _HEAD.pack(friction, failures, contacts, updated_at, fired_1, fired_2, fired_3)
    return b"".join((head, *history)), actions


def _touch(record: Touchpoint) -> bytes:
    return _write_touch(
        Touch(
            record.event_id, record.occurred_at, record.channel, record.journey, record.touchpoint, record.outcome,
            record.duration_ms,
        )
    )  # fmt: skip


def _action(key: bytes, at: int, rule: str, friction: float, history: list[bytes]) -> bytes:
    touches = [_read_touch(touch).event_id for touch in _touches(b"".join(history))[-3:]]
    action_id = hashlib.blake2b(b"%s %d %s" % (key, at, rule.encode()), digest_size=16).hexdigest()
    return _write_action(Action(action_id, rule, key.decode(), at, friction, touches), _ACTION_HEAD)


def _touches(history: bytes) -> list[bytes]:
    touches, at = [], 0
    while at < len(history):
        start = at + 2
        at = start + (history[at] << 8 | history[at + 1])
        touches.append(history[start:at])
    return touches
