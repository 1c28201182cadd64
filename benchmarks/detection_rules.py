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


_write_action = writer(ACTION_SCHEMA, ACTION_ID)


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
_HEAD = struct.Struct(">dIIq3q")


class State(msgspec.Struct, gc=False):
    """Of a customer. `fired_*`: when each rule last fired, 0 for never. Touches: each with its length in two bytes before it."""

    friction: float = 0.0
    failures: int = 0
    contacts: int = 0
    updated_at: int = 0
    fired_1: int = 0
    fired_2: int = 0
    fired_3: int = 0
    rest: bytes = b""  # the state as it was stored; its touches from `first` on are still remembered
    first: int = 0
    new: list[bytes] = []  # touches since

    def remember(self, touch: bytes) -> None:
        """One more; the oldest goes when there are too many."""
        if self.contacts >= HISTORY_TOUCHES:
            rest, first = self.rest, self.first
            if first < len(rest):
                self.first = first + 2 + (rest[first] << 8 | rest[first + 1])
            else:
                del self.new[0]
        self.new.append(len(touch).to_bytes(2, "big") + touch)
        self.contacts += 1

    def history(self) -> bytes:
        """What is remembered."""
        return b"".join((self.rest[self.first :], *self.new))


def fold(key: bytes, state: bytes | None, records: Iterable[Record]) -> tuple[bytes, list[bytes]]:
    """A customer's decoded records, in order: the new state, and the actions as messages."""
    held = State() if state is None else State(*_HEAD.unpack_from(state), state, _HEAD.size)
    actions: list[bytes] = []
    for record in records:
        at = record.occurred_at
        held.friction *= math.exp((held.updated_at - at) / HOUR_US)
        held.updated_at = at
        if type(record) is Touchpoint:
            _touchpoint(key, held, record, actions)
        elif record.score <= 6 and held.friction > 0.5:
            _fire(key, held, "R3", "fired_3", actions)
    head = _HEAD.pack(
        held.friction, held.failures, held.contacts, held.updated_at, held.fired_1, held.fired_2, held.fired_3
    )
    return b"".join((head, held.rest[held.first :], *held.new)), actions


def _touchpoint(key: bytes, held: State, record: Touchpoint, actions: list[bytes]) -> None:
    outcome = record.outcome
    if outcome == "failure":
        held.friction += 1.0
        held.failures += 1
    elif outcome == "abandoned":
        held.friction += 0.5
    touch = Touch(
        record.event_id, record.occurred_at, record.channel, record.journey, record.touchpoint, outcome,
        record.duration_ms,
    )  # fmt: skip
    held.remember(_write_touch(touch))
    if held.failures >= 3 and held.friction > 1.5:
        _fire(key, held, "R1", "fired_1", actions)
    if outcome == "abandoned" and held.friction > 0.8:
        _fire(key, held, "R2", "fired_2", actions)


def _fire(key: bytes, held: State, rule: str, fired: str, actions: list[bytes]) -> None:
    at, last = held.updated_at, getattr(held, fired)
    if last and at - last < HOUR_US:
        return
    setattr(held, fired, at)
    action = {
        "action_id": hashlib.blake2b(b"%s %d %s" % (key, at, rule.encode()), digest_size=16).hexdigest(),
        "rule": rule,
        "customer_id": key.decode(),
        "at": at,
        "score": held.friction,
        "touches": [_read_touch(touch).event_id for touch in _pieces(held.history())[-3:]],
    }
    actions.append(_write_action(action))


def _pieces(history: bytes) -> list[bytes]:
    pieces, at = [], 0
    while at < len(history):
        start = at + 2
        at = start + (history[at] << 8 | history[at + 1])
        pieces.append(history[start:at])
    return pieces
