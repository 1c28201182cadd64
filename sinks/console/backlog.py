"""How far workers and sink are behind, asked of Kafka every few seconds: messages, seconds, members, and how often these changed."""

from collections.abc import Callable
from typing import Final, NamedTuple

from schemas.topics import AUDIENCE, all_topics
from sinks.console.follower import Follower
from sinks.source import GROUP as SINK_GROUP
from sinks.source import topics as sink_topics
from streams.admin import Admin
from streams.engine.topology import WORKER_GROUP
from streams.lag import oldest_seconds
from streams.settings import Settings

ASK_ROUNDS: Final = 2.5  # pause between two questions, in pauses of the reader
CONNECT_SECONDS: Final = 3.0


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


class Backlog(Follower):
    """`groups`: worker, sink. `newest_ms`: arrival of the newest event."""

    def __init__(self, settings: Settings, tell: Callable[[], None]) -> None:
        super().__init__("backlog", tell, ASK_ROUNDS * settings.console_refresh_seconds)
        self._settings = settings
        self._members: dict[str, int] = {}
        self._changes: dict[str, int] = {}
        self.groups: dict[str, Group] = {}
        self.newest_ms: int | None = None

    def _follow(self) -> None:
        with Admin(self._settings, CONNECT_SECONDS) as admin:
            while not self._stopped.is_set():
                self._look(admin)
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
        self._saw()

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
