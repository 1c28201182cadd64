"""How far workers and sink are behind, asked of Kafka every few seconds: messages, seconds, members, and how often these changed."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from schemas.topics import AUDIENCE, all_topics
from sinks.source import GROUP as SINK_GROUP
from sinks.source import topics as sink_topics
from streams.admin import Admin
from streams.engine.topology import WORKER_GROUP
from streams.errors import Unavailable, UserError
from streams.lag import oldest_seconds
from streams.settings import Settings

ASK_ROUNDS: Final = 2.5  # pause between two questions, in pauses of the reader
CONNECT_SECONDS: Final = 3.0

log = logging.getLogger(__name__)


class Group(NamedTuple):
    """A consumer group. `lag` by (topic without prefix, partition); `changes`: how often its members changed since the start."""

    name: str
    members: int
    lag: dict[tuple[str, int], int]
    seconds: float | None
    changes: int

    @property
    def messages(self) -> int:
        """All that is not committed yet."""
        return sum(self.lag.values())


class Backlog:
    """`groups`: worker, sink. `newest_ms`: arrival of the newest event."""

    def __init__(self, settings: Settings, tell: Callable[[], None]) -> None:
        self._settings, self._tell = settings, tell
        self._stopped = threading.Event()
        self.pace_seconds = ASK_ROUNDS * settings.console_refresh_seconds
        self._thread = threading.Thread(target=self._run, name="console-backlog", daemon=True)
        self._members: dict[str, int] = {}
        self._changes: dict[str, int] = {}
        self.groups: dict[str, Group] = {}
        self.newest_ms: int | None = None
        self.trouble: str | None = "starting"
        self.read_at = 0.0
        self.version = 0

    @property
    def started(self) -> bool:
        """Is there a thread to end?"""
        return self._thread.ident is not None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with Admin(self._settings, CONNECT_SECONDS) as admin:
                    while not self._stopped.is_set():
                        self._look(admin)
                        self._stopped.wait(self.pace_seconds)
            except (Unavailable, UserError, OSError, KeyError) as error:
                why = getattr(error, "detail", None) or getattr(error, "what", None) or f"topics are missing: {error}"
                if self.trouble != why:
                    log.warning("%s: asked again every %g s", why, self.pace_seconds)
                self.trouble = why
                self.version += 1
                self._tell()
                self._stopped.wait(self.pace_seconds)

    def _look(self, admin: Admin) -> None:
        name = self._settings.topic
        inputs = [
            name(topic)
            for topic, declared in all_topics().items()
            if "streams.engine" in declared.readers and declared.cleanup == "delete" and AUDIENCE not in topic
        ]
        self.groups = {
            "worker": self._group(admin, "worker", name(WORKER_GROUP), inputs),
            "sink": self._group(admin, "sink", name(SINK_GROUP), sink_topics(self._settings)),
        }
        self.newest_ms = admin.newest_ms([name("cx-touchpoints"), name("cx-feedback")])
        self.trouble, self.read_at = None, time.time()
        self.version += 1
        self._tell()

    def _group(self, admin: Admin, part: str, group: str, topics: list[str]) -> Group:
        ends, begins, done = admin.end_offsets(topics), admin.begin_offsets(topics), admin.group_offsets(group)
        waiting = {at: done.get(at, begins[at]) for at, end in ends.items() if end > done.get(at, begins[at])}
        seconds = oldest_seconds(waiting, self._settings) if waiting else 0.0
        members = admin.members(group)
        if self._members.setdefault(part, members) != members:
            self._changes[part] = self._changes.get(part, 0) + 1
            self._members[part] = members
        prefix = self._settings.kafka_prefix
        lag = {
            (topic.removeprefix(prefix), number): ends[topic, number] - at for (topic, number), at in waiting.items()
        }
        return Group(part, members, lag, seconds, self._changes.get(part, 0))
