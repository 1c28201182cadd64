"""What the console knows of itself: for /livez, /readyz and its metrics."""

import time
from collections.abc import Sized

from sinks.console.backlog import Backlog
from sinks.console.follower import Background, Follower
from sinks.console.reader import Reader
from sinks.console.topics import Topics
from streams import metrics


class Health:
    """See `streams.probes`. `pages`: those that are open."""

    def __init__(self, reader: Reader, topics: Topics, backlog: Backlog, pages: Sized) -> None:
        self._reader, self._backlog, self._pages = reader, backlog, pages
        self._followers: dict[str, Follower] = {"topics": topics, "kafka": backlog}
        self._threads: tuple[Background, ...] = (reader, topics, backlog)

    def measure(self) -> None:
        """How many watch, and how old is what they see?"""
        now, watched = time.time(), len(self._pages)
        metrics.console_pages.set(watched)
        metrics.console_questions.set(self._reader.questions)
        for group in tuple(self._backlog.groups.values()):
            metrics.console_group_members.labels(group.name).set(group.members)
            metrics.console_group_lag_messages.labels(group.name).set(group.messages)
            if group.seconds is not None:
                metrics.console_group_lag_seconds.labels(group.name).set(group.seconds)
        for source, follower in self._followers.items():
            _tell(source, follower.read_at, follower.trouble, now)
        # unwatched it is asked seldom: that is no age of anything
        _tell("clickhouse", self._reader.read_at if watched else 0.0, self._reader.trouble, now)

    def stalled(self) -> list[str]:
        """Threads never end by themselves."""
        return [f"{thread.name} has ended" for thread in self._threads if thread.started and not thread.runs]

    def not_ready(self) -> list[str]:
        """Pages are served without ClickHouse, too; whether it answers is said here."""
        trouble = self._reader.trouble
        return [*([trouble] if trouble is not None else []), *self.stalled()]


def _tell(source: str, read_at: float, trouble: str | None, now: float) -> None:
    metrics.console_age_seconds.labels(source).set(max(0.0, now - read_at) if read_at else 0.0)
    metrics.console_available.labels(source).set(trouble is None)
