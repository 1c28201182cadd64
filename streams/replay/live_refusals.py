"""What the workers refused as too late when it was live, from their dead letters: keys of subjects and causes, places of controls.

The same message can be in time in a replay, which sorts by event time: what then differs is no fault of the rules.
"""

from typing import NamedTuple

from schemas.refusals import DeadLetterReason
from streams.connect.log import read_log
from streams.engine.job import Message
from streams.settings import Settings


class LateInLive(NamedTuple):
    """`keys`: of inputs and causes; `controls`: (partition, offset) on cx-controls."""

    keys: set[bytes]
    controls: set[tuple[int, int]]


def late_in_live(settings: Settings) -> LateInLive:
    """Raises Unavailable."""
    late = LateInLive(set(), set())
    for message in read_log(settings, ["cx-dead-letters"]):
        reason = _header(message, "touchstone.reason")
        if reason == DeadLetterReason.TOO_LATE and message.key is not None:
            late.keys.add(message.key)
        elif reason == DeadLetterReason.CONTROL_TOO_LATE:
            place = _header(message, "__connect.errors.partition"), _header(message, "__connect.errors.offset")
            late.controls.add((int(place[0]), int(place[1])))
    return late


def _header(message: Message, name: str) -> str:
    return next((value.decode("utf-8", "replace") for key, value in reversed(message.headers) if key == name), "")
