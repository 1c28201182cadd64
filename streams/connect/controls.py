"""A control (a pack in force, a unit, a limit) → a copy on every partition of cx-controls, all acknowledged or an error.

Each task reads its own partition only: with a copy missing, tasks would judge by different packs. Writing again is safe:
the copies share their control_id, and repeats are ignored.
"""

import time
from collections.abc import Callable
from typing import Final

from schemas.controls import Control
from schemas.validate import check_control
from streams.admin import Admin
from streams.codec import codec
from streams.connect.log import read_log
from streams.connect.outgoing import CONTROLS
from streams.connect.publisher import Publisher
from streams.engine.dead_letter import TOPIC as DEAD_LETTERS
from streams.errors import DeadLetterReason, InvalidEvent, Unavailable, UserError
from streams.settings import Settings

PATIENCE_SECONDS: Final = 120.0
ATTEMPT_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.5


def send_control(
    control: Control,
    settings: Settings,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    waiting: Callable[[set[int]], None] = lambda _: None,
) -> int:
    """Writes a copy on each partition; the number of copies. Tries again until all are acknowledged.

    `waiting` gets the partitions that still lack one, before each new attempt. Raises UserError for a control that every
    worker would refuse or a missing topic, Unavailable when the patience ends; then the copies so far stay.
    """
    key = control.control_id.encode()
    try:
        check_control(control, key)
    except InvalidEvent as error:
        raise UserError(f"control {control.control_id}: {error.detail}", "put it right and send it again") from None
    return write_copies(
        key,
        codec(settings, writes=("control",)).encode(control),
        settings,
        patience_seconds=patience_seconds,
        waiting=waiting,
    )


def write_copies(
    key: bytes,
    value: bytes,
    settings: Settings,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    waiting: Callable[[set[int]], None] = lambda _: None,
) -> int:
    """As `send_control`, for a control that has been checked and encoded."""
    deadline = time.monotonic() + patience_seconds
    partitions = _partitions(settings)
    missing = set(range(partitions))
    while True:
        missing -= _attempt(key, value, missing, settings)
        if not missing:
            return partitions
        if time.monotonic() + _PAUSE_SECONDS >= deadline:
            listed = ", ".join(map(str, sorted(missing)))
            raise Unavailable(
                f"control {key.decode()}: partitions {listed} of {settings.topic(CONTROLS)} did not acknowledge their copy; "
                "the others hold it: send it again as soon as the broker answers, repeats are ignored"
            )
        waiting(missing)
        time.sleep(_PAUSE_SECONDS)


def _partitions(settings: Settings) -> int:
    with Admin(settings) as admin:
        state = admin.topics().get(settings.topic(CONTROLS))
    if state is None:
        raise UserError(f"topic {settings.topic(CONTROLS)} does not exist", "`touchstone topics create` makes it")
    return state.partitions


def _attempt(key: bytes, value: bytes, missing: set[int], settings: Settings) -> set[int]:
    """The partitions that acknowledged."""
    try:
        publisher = Publisher(settings, ATTEMPT_SECONDS)
    except UserError:
        return set()
    try:
        for partition in missing:
            publisher.send(CONTROLS, key, value, line=partition, partition=partition)
        publisher.wait(ATTEMPT_SECONDS + 1)
    finally:
        publisher.close()
    failed = {failure.line for failure in publisher.failures}
    return set() if publisher.under_way else missing - failed


def refused_controls(settings: Settings) -> dict[str, set[int]]:
    """Control id → partitions whose workers refused it as too late, as far back as the dead letters reach."""
    found: dict[str, set[int]] = {}
    for message in read_log(settings, [DEAD_LETTERS]):
        headers = dict(message.headers)
        if headers.get("touchstone.reason", b"").decode() == DeadLetterReason.CONTROL_TOO_LATE and message.key:
            place = int(headers["__connect.errors.partition"])
            found.setdefault(message.key.decode("utf-8", "replace"), set()).add(place)
    return found
