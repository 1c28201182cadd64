"""Fixtures: topics of a test job on the real Kafka, and worker processes to start, kill and stop."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import MemberToRemove

from streams.admin import TopicSpec
from streams.engine.topology import changelog, read_topics
from streams.settings import Settings, environment_names
from tests.engine_jobs import value
from tests.engine_worker import jobs
from tests.kafka_service import Kafka, Record

ROOT = Path(__file__).parent.parent
DEADLINE_SECONDS = 60.0


def until(what: str, holds: Callable[[], bool], seconds: float = DEADLINE_SECONDS, pause_seconds: float = 0.05) -> None:
    """Wait until `holds`; the test fails after the deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause_seconds)


def _without_key(event: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in event.items() if name != "key"}


class Process:
    """A worker process. What it says is in `said()`."""

    def __init__(self, name: str, settings: Settings, log: Path, extra: dict[str, str]) -> None:
        fields = {field: variable for variable, field in environment_names().items()}
        changed = {fields[field]: str(each) for field, each in settings.model_dump(exclude_defaults=True).items()}
        clean = {key: each for key, each in os.environ.items() if not key.startswith("TOUCHSTONE_")}
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.engine_worker", name],
                cwd=ROOT,
                env=clean | changed | extra,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        """Its log."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def says(self, words: str, times: int = 1) -> None:
        """Wait until its log has `words`."""
        until(f"the worker says {words!r}; it said:\n{self.said()}", lambda: self.said().count(words) >= times)

    def wait(self, seconds: float = DEADLINE_SECONDS) -> int:
        """Its exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker does not end; it said:\n{self.said()}") from None

    def stop(self) -> int:
        """SIGTERM; its exit code. Where that is not 0, its log is with the test's output."""
        self.process.send_signal(signal.SIGTERM)
        code = self.wait()
        if code:
            sys.stderr.write(self.said())
        return code

    def kill(self) -> None:
        """kill -9, also of a stopped process."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Bench:
    """The topics of one test job (a name of tests.engine_worker) under a prefix of their own, and its workers."""

    def __init__(self, kafka: Kafka, name: str, folder: Path, partitions: int, **values: Any) -> None:
        self.kafka = kafka
        self.name = name
        self.partitions = partitions
        defaults = {"worker_commit_interval_ms": 100, "worker_align_wait_seconds": 2.0}
        self.settings = kafka.settings(**(defaults | values))
        self.group = self.settings.topic("touchstone-worker")
        self._folder = folder
        self.workers: list[Process] = []
        self._producer: KafkaProducer | None = None
        names: dict[str, int] = {"cx-dead-letters": 1}
        for job in jobs_of(name):
            for topic in (*read_topics(job), *job.outputs, changelog(job)):
                names[topic] = partitions
        self.create(names)

    def create(self, topics: dict[str, int]) -> None:
        """Topic without prefix → partitions."""
        config = {"message.timestamp.type": "LogAppendTime"}
        with self.kafka.admin() as admin:
            admin.create(
                TopicSpec(
                    self.settings.topic(topic),
                    count,
                    1,
                    config | ({"cleanup.policy": "compact"} if topic.endswith("changelog") else {}),
                )
                for topic, count in topics.items()
            )

    def worker(self, settings: Settings | None = None, **extra: str) -> Process:
        """Start a worker; `extra` are environment variables."""
        log = self._folder / f"worker-{len(self.workers)}.log"
        self.workers.append(Process(self.name, settings or self.settings, log, extra))
        return self.workers[-1]

    def produce(self, topic: str, events: Iterable[dict[str, Any]], partition: int | None = None) -> None:
        """Events with `key`; acknowledged when it returns."""
        self.produce_raw(
            topic, [(str(each["key"]).encode(), value(**_without_key(each))) for each in events], partition
        )

    def produce_raw(
        self, topic: str, records: Iterable[tuple[bytes | None, bytes | None]], partition: int | None = None
    ) -> None:
        """Keys and values; acknowledged when it returns."""
        if self._producer is None:
            self._producer = KafkaProducer(bootstrap_servers=[self.kafka.bootstrap], acks="all", linger_ms=1)
        name = self.settings.topic(topic)
        sent = [self._producer.send(name, key=key, value=each, partition=partition) for key, each in records]
        for future in sent:
            future.get(20)

    def records(self, topic: str, *, committed: bool = True) -> list[Record]:
        """All of a topic that a read-committed reader sees."""
        return self.kafka.read(self.settings.topic(topic), committed=committed)

    def outputs(self, topic: str = "out") -> list[dict[str, Any]]:
        """The same, decoded, without marks."""
        return [json.loads(record.value) for record in self.records(topic) if record.value is not None]

    def in_force(self, topic: str = "out") -> dict[str, int]:
        """id → count of its last revision. Fails if a revision is missing or there twice: something was done twice."""
        revisions: dict[str, list[int]] = {}
        counts: dict[str, tuple[int, int]] = {}
        for output in self.outputs(topic):
            revisions.setdefault(output["id"], []).append(output["revision"])
            counts[output["id"]] = max(counts.get(output["id"], (0, 0)), (output["revision"], output["count"]))
        for name, seen in revisions.items():
            assert sorted(seen) == list(range(1, len(seen) + 1)), f"{name}: revisions {sorted(seen)}"
        return {name: count for name, (_, count) in counts.items()}

    def lag(self) -> int:
        """Messages that the group has not committed, over all inputs."""
        names = [self.settings.topic(topic) for job in jobs_of(self.name) for topic in read_topics(job)]
        with self.kafka.admin() as admin:
            return sum(admin.lag(self.group, names).values())

    def until_done(self) -> None:
        """Wait until everything is processed and committed."""
        running = [worker for worker in self.workers if worker.process.poll() is None]
        names = [self.settings.topic(topic) for job in jobs_of(self.name) for topic in read_topics(job)]
        with self.kafka.admin() as admin:

            def done() -> bool:
                assert any(worker.process.poll() is None for worker in running), (
                    "no worker runs:\n" + running[-1].said()
                )
                return sum(admin.lag(self.group, names).values()) == 0

            until("all is processed", done, pause_seconds=0.2)

    def expel(self) -> None:
        """Make the group forget its members at once: a killed one would be waited for until its session ends."""
        with closing(KafkaAdminClient(bootstrap_servers=[self.kafka.bootstrap])) as admin:
            members = admin.describe_groups([self.group])[self.group]["members"]
            if members:
                admin.remove_group_members(self.group, [MemberToRemove(each["member_id"]) for each in members])

    def forget_producer(self) -> None:
        """Before the broker goes: a producer that outlives its broker leaks sockets."""
        if self._producer is not None:
            self._producer.close()
            self._producer = None

    def close(self) -> None:
        """Leave no process behind."""
        for worker in self.workers:
            worker.kill()
        self.forget_producer()


def jobs_of(name: str) -> list[Any]:
    """The jobs of a worker, to know their topics."""
    return jobs(name)


@pytest.fixture
def bench(kafka: Kafka, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """`bench("asof", partitions=2, worker_delivery="at_least_once")`."""
    made: list[Bench] = []

    def make(name: str = "asof", partitions: int = 2, broker: Kafka | None = None, **values: Any) -> Bench:
        folder = tmp_path / f"bench-{len(made)}"
        folder.mkdir()
        made.append(Bench(broker or kafka, name, folder, partitions, **values))
        return made[-1]

    yield make
    for each in made:
        each.close()
