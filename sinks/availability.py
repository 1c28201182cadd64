"""Does ClickHouse answer? Told by every flush, and by a question now and then while there is nothing to store."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from streams import metrics
from streams.errors import Unavailable

ASK_SECONDS: Final = 10.0

log = logging.getLogger(__name__)


class Availability:
    """`yes` is the last that was heard, True before anything was; `since` when it became so, on the monotonic clock."""

    def __init__(self) -> None:
        self.yes = True
        self.since = time.monotonic()
        metrics.sink_available.set(1)

    def answers(self) -> None:
        """It has just done something for us."""
        if not self.yes:
            log.info("ClickHouse answers again")
        self._set(True)

    def silent(self, error: Unavailable, waiting_rows: int) -> None:
        """It has just not done what we asked."""
        if waiting_rows or self.yes:
            log.warning("%d rows wait; tried again until it succeeds: %s", waiting_rows, error.detail)
        self._set(False)

    def _set(self, answers: bool) -> None:
        if answers != self.yes:
            self.yes, self.since = answers, time.monotonic()
        metrics.sink_available.set(int(answers))

    async def watch(self, ask: Callable[[], Awaitable[None]], busy: Callable[[], bool]) -> None:
        """Asks at once, and then whenever nothing is under way. Ends only with what `ask` raises besides Unavailable."""
        while True:
            if not busy():
                try:
                    await ask()
                except Unavailable as error:
                    self.silent(error, 0)
                else:
                    self.answers()
            await asyncio.sleep(ASK_SECONDS)
