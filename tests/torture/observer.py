"""Watches from outside, every 100 ms: committed offsets of both groups, how far the logs reach, memory of the processes.

The order within a sample matters: first the offsets, then the ends of the logs. Whatever an offset vouches for must have been
in the log (or in ClickHouse) when the offset was seen.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import psutil
from clickhouse_driver.errors import Error as ClickHouseError
from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

Place = tuple[str, int]  # topic, partition
EVERY_SECONDS = 0.1
STORED_EVERY_SECONDS = 1.0
ASK_SECONDS = 5.0


class Sample(NamedTuple):
    """`stored`: rows in ClickHouse below the sink's offset, by topic and partition; None when not asked, or not answered."""

    at: float
    worker: Mapping[Place, int]
    sink: Mapping[Place, int]
    ends: Mapping[Place, int]
    stored: Mapping[Place, int] | None


class Cluster:
    """Questions to the broker through librdkafka, from one thread."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._members: dict[str, Consumer] = {}
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "reconnect.backoff.max.ms": 500, "log_level": 0})

    def committed(self, group: str, places: Iterable[Place]) -> dict[Place, int]:
        """What a group has committed. A consumer that never joins asks: the admin client's question can crash librdkafka 2.16."""
        if group not in self._members:
            config = {
                "bootstrap.servers": self._bootstrap,
                "group.id": group,
                "enable.auto.commit": False,
                "log_level": 0,
            }
            self._members[group] = Consumer(config | {"isolation.level": "read_uncommitted"})
        asked = [TopicPartition(*place) for place in places]
        found = self._members[group].committed(asked, timeout=ASK_SECONDS)
        return {(at.topic, at.partition): at.offset for at in found if at.error is None and at.offset >= 0}

    def close(self) -> None:
        for member in self._members.values():
            member.close()
        self._members.clear()

    def ends(self, places: Mapping[Place, object], *, committed: bool) -> dict[Place, int]:
        """Where the logs end: for everybody, or for readers of what is committed."""
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        wanted = {TopicPartition(*place): OffsetSpec.latest() for place in places}
        if not wanted:
            return {}
        asked = self._admin.list_offsets(wanted, isolation_level=level, request_timeout=ASK_SECONDS)
        found = {(at.topic, at.partition): future.result().offset for at, future in asked.items()}
        if min(found.values()) < 0:
            raise KafkaException(f"no offset for some of {sorted(found)}")  # the broker goes or comes
        return found

    def partitions(self, topics: list[str]) -> dict[Place, int]:
        """Every partition of the topics; the values mean nothing."""
        known = self._admin.list_topics(timeout=20).topics
        return {(topic, number): 0 for topic in topics for number in known[topic].partitions}


class Observer:
    """`samples` and `peak_bytes` (by kind of process) grow until `stop`."""

    def __init__(
        self,
        bootstrap: str,
        groups: tuple[str, str],
        watched: list[str],
        stored: Callable[[Mapping[Place, int]], dict[Place, int]],
        processes: Callable[[], dict[int, str]],
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self.samples: list[Sample] = []
        self.unanswered = 0
        self.peak_bytes: dict[str, int] = {}
        self._bootstrap = bootstrap
        self._cluster = Cluster(bootstrap)
        self._groups = groups
        self._places = self._cluster.partitions(watched)
        self._stored = stored
        self._processes = processes
        self._every_seconds = every_seconds
        self._asked_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            self._memory()
            try:
                self._sample(began)
            except KafkaException:
                self.unanswered += 1
                self._cluster.close()
                self._cluster = Cluster(self._bootstrap)  # an old one can stay blind after the broker's return
            self._stop.wait(max(0.0, self._every_seconds - (time.monotonic() - began)))

    def _sample(self, now: float) -> None:
        worker, sink = (self._cluster.committed(group, self._places) for group in self._groups)
        ends = self._cluster.ends(self._places, committed=False)
        stored = None
        if sink and now - self._asked_at > STORED_EVERY_SECONDS:
            self._asked_at = now
            with contextlib.suppress(ClickHouseError, OSError, EOFError):
                stored = self._stored(sink)
        self.samples.append(Sample(time.monotonic(), worker, sink, ends, stored))

    def _memory(self) -> None:
        for pid, kind in self._processes().items():
            try:
                size = psutil.Process(pid).memory_info().rss
            except psutil.Error:
                continue
            self.peak_bytes[kind] = max(self.peak_bytes.get(kind, 0), size)

    def stop(self) -> None:
        """The last sample is complete when it returns."""
        self._stop.set()
        self._thread.join()
        self._cluster.close()
