"""Messages of topics, read from outside a consumer group: from the beginning, the end or an instant; to now, or for ever.

Reads committed only. Within a poll messages come in the order of their arrival, whatever their partition.
"""

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final, Literal

from schemas.json_form import BadRecord, instant
from streams.admin import Admin, must_accept_connections
from streams.connect.log import LogReader
from streams.engine.job import Message
from streams.errors import Unavailable, UserError
from streams.settings import Settings

Start = Literal["beginning", "end"] | int  # or Unix milliseconds

POLL_MS: Final = 200
QUIET_SECONDS: Final = 3.0  # after that long without a message: does the broker still answer?
SILENCE_SECONDS: Final = 30.0  # a reading that has an end gives up after that long without an answer
_AGO = re.compile(r"(\d+)([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def start_from(text: str, now: datetime | None = None) -> Start:
    """`beginning`, `end`, an instant, or how long ago (15m, 2h, 1d). Raises UserError."""
    if text in ("beginning", "end"):
        return "beginning" if text == "beginning" else "end"
    ago = _AGO.fullmatch(text)
    if ago is not None:
        at = (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return int(at.timestamp() * 1000)
    try:
        return max(0, instant(text) // 1000)
    except BadRecord as error:
        fix = "write beginning, end, 2026-03-01T09:30:00Z, or how long ago: 15m, 2h, 1d"
        raise UserError(f"--from {text}: {error}", fix) from None


class Reading:
    """Some topics from some position. `with Reading(...) as reading: for messages in reading.batches(): …`"""

    def __init__(
        self,
        settings: Settings,
        pattern: str,
        start: Start,
        *,
        follow: bool,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._follow = follow
        self._notice = notice
        self._lost = False
        with Admin(settings) as admin:
            self.topics = _matching(pattern, settings, list(admin.topics()))
            ends = admin.end_offsets(self.topics)
            if start == "beginning":
                begins = admin.begin_offsets(self.topics)
            else:
                begins = ends if start == "end" else admin.offsets_since(self.topics, start)
        self._log = LogReader(settings, begins, None if follow else ends)

    def __enter__(self) -> "Reading":
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()

    def batches(self) -> Iterator[list[Message]]:
        """Messages as they come; an empty list when there are none for a moment. Ends where it was when it began, unless it follows."""
        heard_at = asked_at = time.monotonic()
        while self._follow or self._log.left():
            messages = self._log.poll(POLL_MS)
            now = time.monotonic()
            if messages:
                heard_at = asked_at = now
                self._found_again()
            elif now - asked_at > QUIET_SECONDS:
                asked_at = now
                heard_at = now if self._answers() else heard_at
                if not self._follow and now - heard_at > SILENCE_SECONDS:
                    raise Unavailable(f"nothing was heard from Kafka for {SILENCE_SECONDS:.0f} s")
            yield sorted(messages, key=lambda message: (message.timestamp_ms, message.partition, message.offset))

    def _answers(self) -> bool:
        try:
            must_accept_connections(self._settings)
        except UserError as error:
            if not self._lost:
                self._notice(f"{error.what}; waiting")
            self._lost = True
            return False
        self._found_again()
        return True

    def _found_again(self) -> None:
        if self._lost:
            self._lost = False
            self._notice("Kafka answers again")


def _matching(pattern: str, settings: Settings, there: list[str]) -> list[str]:
    """Those of our prefix, by name with or without it, also without `cx-`, also by a pattern (`cx-notify-*`)."""
    ours = {name.removeprefix(settings.kafka_prefix): name for name in sorted(there) if _is_ours(name, settings)}
    for wanted in (pattern, pattern.removeprefix(settings.kafka_prefix), f"cx-{pattern}"):
        found = [full for name, full in ours.items() if fnmatchcase(name, wanted)]
        if found:
            return found
    listed = ", ".join(name for name in ours if name.startswith("cx-"))
    fix = f"there are {listed}" if listed else "`touchstone topics create` makes the topics"
    raise UserError(f"no topic {pattern} on {settings.kafka_brokers}", fix)


def _is_ours(name: str, settings: Settings) -> bool:
    return name.startswith(settings.kafka_prefix)
