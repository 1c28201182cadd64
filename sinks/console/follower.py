"""Threads that look at something for the pages until they are told to stop."""

import logging
import threading
import time
from collections.abc import Callable

from streams.errors import Unavailable, UserError

log = logging.getLogger(__name__)


class Background:
    """A thread that runs `_run` and ends soon after `_stopped` is set."""

    def __init__(self, name: str) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"console-{name}", daemon=True)

    @property
    def started(self) -> bool:
        """Is there a thread to end?"""
        return self._thread.ident is not None

    @property
    def runs(self) -> bool:
        """Has it not ended?"""
        return self._thread.is_alive()

    @property
    def name(self) -> str:
        """For logs."""
        return self._thread.name

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """After what is under way."""
        self._stopped.set()
        self._thread.join(10)

    def _run(self) -> None:
        raise NotImplementedError


class Follower(Background):
    """Follows Kafka with `_follow`, which returns when it is stopped; after a failure it says why and begins anew.

    `trouble`: why nothing is seen, None while all is well; `read_at`: when something was; `version`: changes with what is seen.
    """

    def __init__(self, name: str, tell: Callable[[], None], pause_seconds: float) -> None:
        super().__init__(name)
        self._tell = tell
        self.pace_seconds = pause_seconds
        self.trouble: str | None = "starting"
        self.read_at = 0.0
        self.version = 0

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow()
            except (Unavailable, UserError, OSError, KeyError) as error:
                why = getattr(error, "detail", None) or getattr(error, "what", None) or f"topics are missing: {error}"
                if self.trouble != why:
                    log.warning("%s: tried again every %g s", why, self.pace_seconds)
                self.trouble = why
                self.version += 1
                self._tell()
                self._stopped.wait(self.pace_seconds)

    def _follow(self) -> None:
        raise NotImplementedError

    def _saw(self, *, news: bool = True) -> None:
        """All is well; `news`: there is something to show."""
        self.trouble, self.read_at = None, time.time()
        if news:
            self.version += 1
            self._tell()
