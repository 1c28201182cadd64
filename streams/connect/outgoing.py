"""A row of a file → the message that it becomes, or why it is refused: the worker's own checks, made before anything is sent."""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple, get_args

from schemas.codec import MESSAGE_BYTES_MAX, NAMES, Codec
from schemas.controls import Control
from schemas.events import Event
from schemas.topics import all_topics
from schemas.validate import check, check_control
from streams.connect.rows import Row
from streams.errors import DeadLetterReason, InvalidEvent

CONTROLS: Final = "cx-controls"
_INPUTS: Final = (*get_args(Event), Control)


class Outgoing(NamedTuple):
    """A message to send; `topic` without prefix. A control goes to every partition."""

    line: int
    topic: str
    key: bytes
    value: bytes
    everywhere: bool


class Refusal(NamedTuple):
    """A row that is not sent. `raw` is the row as it stood in the file."""

    line: int
    reason: DeadLetterReason
    detail: str
    raw: bytes


@lru_cache(maxsize=1)
def topics() -> dict[str, str]:
    """Record → the topic that takes it in, of those that somebody outside may write to."""
    kinds = {NAMES[struct] for struct in _INPUTS}
    return {topic.schema: name for name, topic in all_topics().items() if topic.schema in kinds}


class Preparation:
    """Turns rows into messages. `topic`: the only one that is wanted, None for any; `now` gives Unix seconds."""

    def __init__(
        self,
        codec: Codec,
        future_limit_seconds: float,
        topic: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._codec = codec
        self._limit_us = int(future_limit_seconds * 1e6)
        self._topic = topic
        self._now = now

    def message(self, row: Row) -> Outgoing | Refusal:
        """The row's message, checked as the worker will check it."""
        if row.record is None:
            return Refusal(row.line, DeadLetterReason.MALFORMED, row.error or "", row.raw)
        try:
            return self._checked(row)
        except InvalidEvent as error:
            return Refusal(row.line, error.reason, error.detail, row.raw)

    def _checked(self, row: Row) -> Outgoing:
        record = row.record
        if not isinstance(record, _INPUTS):
            what = NAMES[type(record)] if record is not None else "nothing"
            raise InvalidEvent(DeadLetterReason.WRONG_SCHEMA, f"a record of kind {what} is written by the worker only")
        topic = topics()[NAMES[type(record)]]
        if self._topic not in (None, topic):
            raise InvalidEvent(DeadLetterReason.WRONG_SCHEMA, f"belongs on {topic}, not on {self._topic}")
        if isinstance(record, Control):
            key = record.control_id.encode()
            check_control(record, key)
        else:
            key = record.subject_id.encode()
            check(record, key)
            ahead = record.occurred_at - int(self._now() * 1e6)
            if ahead > self._limit_us:
                detail = (
                    f"occurred_at is {ahead / 1e6:.0f} s from now, more than TOUCHSTONE_WORKER_FUTURE_LIMIT_SECONDS"
                )
                raise InvalidEvent(DeadLetterReason.TIME_IN_FUTURE, detail)
        return Outgoing(row.line, topic, key, self._encoded(record), isinstance(record, Control))

    def _encoded(self, record: Event | Control) -> bytes:
        try:
            value = self._codec.encode(record)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidEvent(DeadLetterReason.OUT_OF_RANGE, f"cannot be encoded: {error}") from None
        if len(value) > MESSAGE_BYTES_MAX:
            detail = f"{len(value)} bytes encoded, at most {MESSAGE_BYTES_MAX}"
            raise InvalidEvent(DeadLetterReason.TOO_LARGE, detail)
        return value
