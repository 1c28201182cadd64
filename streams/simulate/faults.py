"""Faults of delivery: events that arrive minutes late, twice, or as bytes that nobody can read.

A malformed message comes in addition to the sound event, so that what is known of customers stays true. Faults have
chances of their own: switching them off changes nothing else.
"""

import math
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

import msgspec

from schemas.codec import Codec
from schemas.controls import Control
from schemas.events import ActionUpdate, Customer, Event, Feedback, Touchpoint
from schemas.refusals import DeadLetterReason
from schemas.validate import LATEST
from streams.simulate.plan import US_PER_SECOND, Plan
from streams.simulate.truth import Truth, when

TOPICS: Final[dict[type[msgspec.Struct], str]] = {
    Touchpoint: "cx-touchpoints",
    Feedback: "cx-feedback",
    Customer: "cx-customers",
    ActionUpdate: "cx-action-updates",
    Control: "cx-controls",
}
_LATE_SECONDS: Final = (60.0, 2_700.0)
_AGAIN_SECONDS: Final = 120.0


class Happening(NamedTuple):
    """A message, in order of arrival. Either `record` or, if nobody can read it, `raw`. `topic` without prefix; `fault` None: none."""

    at_us: int
    arrival_us: int
    topic: str
    key: bytes
    record: Event | Control | None
    raw: bytes | None = None
    fault: str | None = None
    reason: DeadLetterReason | None = None


class _Broken(NamedTuple):
    key: bytes
    raw: bytes


_Break = Callable[[Event, bytes, Codec, Random], _Broken]


class Faults:
    """Turns an event into what arrives of it."""

    def __init__(self, plan: Plan, codec: Codec) -> None:
        self._rng = Random(f"{plan.seed}/faults")  # noqa: S311 - a simulation, reproducible on purpose
        self._codec = codec
        self._run = plan.run
        self._broken = 0
        self._late = plan.late
        self._twice = plan.late + plan.duplicates
        self._malformed = plan.late + plan.duplicates + plan.malformed

    def arrivals(self, record: Event) -> tuple[Happening, ...]:
        """One message, or two."""
        random = self._rng.random
        at = record.occurred_at
        topic = TOPICS[type(record)]
        key = record.subject_id.encode()
        arrival = at + 50_000 + int(900_000 * random())
        draw = random()
        if draw >= self._malformed:
            return (Happening(at, arrival, topic, key, record),)
        if draw < self._late:
            low, high = _LATE_SECONDS
            late_at = arrival + int(low * math.exp(math.log(high / low) * random()) * US_PER_SECOND)
            return (Happening(at, late_at, topic, key, record, None, "late"),)
        if draw < self._twice:
            again_at = arrival + int(_AGAIN_SECONDS * random() * US_PER_SECOND)
            first = Happening(at, arrival, topic, key, record)
            return (first, Happening(at, again_at, topic, key, record, None, "duplicate"))
        return (Happening(at, arrival, topic, key, record), self._malformed_one(record, arrival))

    def _malformed_one(self, record: Event, arrival: int) -> Happening:
        names = tuple(_BREAKS)
        name = names[int(self._rng.random() * len(names))]
        reason, break_ = _BREAKS[name]
        self._broken += 1
        copy = msgspec.structs.replace(record, event_id=f"{self._run}-x{self._broken}")
        broken = break_(copy, record.subject_id.encode(), self._codec, self._rng)
        topic = "cx-feedback" if name == "nan_score" else TOPICS[type(record)]
        return Happening(record.occurred_at, arrival + 1, topic, broken.key, None, broken.raw, name, reason)


def tell_fault(happening: Happening, truth: Truth) -> None:
    """What was done to a message, told when it arrives."""
    truth.tell(
        "fault",
        fault=happening.fault,
        topic=happening.topic,
        event_id=None if happening.record is None else getattr(happening.record, "event_id", None),
        key=happening.key.decode(),
        at=when(happening.at_us),
        arrival=when(happening.arrival_us),
        reason=happening.reason,
    )


def _truncated(record: Event, key: bytes, codec: Codec, rng: Random) -> _Broken:
    value = codec.encode(record)
    return _Broken(key, value[: rng.randrange(6, len(value))])


def _wrong_magic(record: Event, key: bytes, codec: Codec, rng: Random) -> _Broken:
    return _Broken(key, bytes((rng.randrange(1, 256),)) + codec.encode(record)[1:])


def _unknown_schema(record: Event, key: bytes, codec: Codec, rng: Random) -> _Broken:
    return _Broken(key, b"\0" + (900_000 + rng.randrange(1000)).to_bytes(4, "big") + codec.encode(record)[5:])


def _trailing_bytes(record: Event, key: bytes, codec: Codec, rng: Random) -> _Broken:
    return _Broken(key, codec.encode(record) + bytes(rng.randrange(1, 9)))


def _wrong_key(record: Event, key: bytes, codec: Codec, _: Random) -> _Broken:
    return _Broken(key + b"-other", codec.encode(record))


def _missing_subject(record: Event, key: bytes, codec: Codec, _: Random) -> _Broken:
    return _Broken(key, codec.encode(msgspec.structs.replace(record, subject_id="")))


def _missing_id(record: Event, key: bytes, codec: Codec, _: Random) -> _Broken:
    return _Broken(key, codec.encode(msgspec.structs.replace(record, event_id="")))


def _in_1970(record: Event, key: bytes, codec: Codec, rng: Random) -> _Broken:
    return _Broken(key, codec.encode(msgspec.structs.replace(record, occurred_at=rng.randrange(1, 10**12))))


def _in_the_future(record: Event, key: bytes, codec: Codec, rng: Random) -> _Broken:
    return _Broken(key, codec.encode(msgspec.structs.replace(record, occurred_at=LATEST + rng.randrange(10**15))))


def _nan_score(record: Event, key: bytes, codec: Codec, _: Random) -> _Broken:
    feedback = Feedback(
        event_id=record.event_id,
        subject_type=record.subject_type,
        subject_id=record.subject_id,
        occurred_at=record.occurred_at,
        source="survey",
        kind="csat",
        score=math.nan,
        scale_min=1.0,
        scale_max=5.0,
    )
    return _Broken(key, codec.encode(feedback))


# Fault → the reason with which it must be refused, and how it is made.
_BREAKS: Final[dict[str, tuple[DeadLetterReason, _Break]]] = {
    "truncated": (DeadLetterReason.MALFORMED, _truncated),
    "wrong_magic": (DeadLetterReason.WRONG_MAGIC, _wrong_magic),
    "unknown_schema": (DeadLetterReason.UNKNOWN_SCHEMA, _unknown_schema),
    "trailing_bytes": (DeadLetterReason.TRAILING_BYTES, _trailing_bytes),
    "wrong_key": (DeadLetterReason.KEY_MISMATCH, _wrong_key),
    "missing_subject": (DeadLetterReason.MISSING_SUBJECT, _missing_subject),
    "missing_id": (DeadLetterReason.MISSING_ID, _missing_id),
    "in_1970": (DeadLetterReason.TIME_TOO_OLD, _in_1970),
    "in_the_future": (DeadLetterReason.TIME_IN_FUTURE, _in_the_future),
    "nan_score": (DeadLetterReason.OUT_OF_RANGE, _nan_score),
}
