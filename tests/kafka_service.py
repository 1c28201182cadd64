"""Fixtures: the real Kafka. `kafka` is one broker for all tests of a run; `new_broker` makes one of your own, to stop and kill.

A test takes its own topics from `kafka.topic()`, or its own prefix from `kafka.settings()`: nothing is shared but the process.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deploy.local import aot, jars, ports
from deploy.local.kafka import Broker, default_cache
from streams.admin import Admin, TopicSpec
from streams.errors import UserError
from streams.settings import Settings
from tests import left_open

READ_SECONDS = 20.0


class Record(NamedTuple):
    """What a reader sees."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Kafka:
    """A running broker, with what tests need of it."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.bootstrap = broker.bootstrap

    def prefix(self) -> str:
        """Unique, to put before topics and groups."""
        return f"t{uuid.uuid4().hex[:10]}-"

    def settings(self, **values: Any) -> Settings:
        """Settings for this broker with a prefix of their own; `values` are fields of Settings."""
        return Settings(**{"kafka_brokers": self.bootstrap, "kafka_prefix": self.prefix(), **values})

    def admin(self) -> Admin:
        """Close it (`with`)."""
        return Admin(Settings(kafka_brokers=self.bootstrap))

    def topic(self, partitions: int = 1, name: str = "topic", config: dict[str, str] | None = None) -> str:
        """A new topic; its full name."""
        full = self.prefix() + name
        with self.admin() as admin:
            admin.create([TopicSpec(full, partitions, 1, config or {})])
        return full

    def produce(
        self, topic: str, records: Iterable[tuple[bytes | None, bytes | None]], partition: int | None = None
    ) -> list[tuple[int, int]]:
        """(key, value)s, acknowledged when it returns: (partition, offset) each. Partitioned as Java does."""
        from kafka import KafkaProducer

        # One a call: a producer that outlives its broker leaks a socket at each attempt to find it again.
        producer = KafkaProducer(bootstrap_servers=[self.bootstrap], acks="all")
        sent = [producer.send(topic, key=key, value=value, partition=partition) for key, value in records]
        producer.close()
        return [(done.partition, done.offset) for done in (future.get(10) for future in sent)]

    def read(self, *topics: str, committed: bool = True, seconds: float = READ_SECONDS) -> list[Record]:
        """All that is there now, by topic, partition and offset; with `committed` only what a read-committed reader sees."""
        with self.admin() as admin:
            begins, ends = admin.begin_offsets(topics), admin.end_offsets(topics, committed=committed)
        wanted = {at: end for at, end in ends.items() if end > begins[at]}
        return sorted(self._read(wanted, committed, seconds), key=lambda record: record[:3])

    def _read(self, ends: dict[tuple[str, int], int], committed: bool, seconds: float) -> Iterator[Record]:
        from kafka import KafkaConsumer, TopicPartition

        isolation = "read_committed" if committed else "read_uncommitted"
        consumer = KafkaConsumer(
            bootstrap_servers=[self.bootstrap],
            isolation_level=isolation,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        deadline = time.monotonic() + seconds
        try:
            left = {TopicPartition(*at): end for at, end in ends.items()}
            consumer.assign(list(left))
            while left:
                for at, batch in consumer.poll(timeout_ms=200).items():
                    for record in batch:
                        if record.offset < ends[(at.topic, at.partition)]:
                            headers = tuple(record.headers or ())
                            where = (record.topic, record.partition, record.offset, record.timestamp)
                            yield Record(*where, record.key, record.value, headers)
                left = {at: end for at, end in left.items() if consumer.position(at) < end}
                assert time.monotonic() < deadline, f"not read within {seconds} s: {left}"
        finally:
            consumer.close()

    def close(self) -> None:
        self.broker.stop()
        left_open.collect()


def ensure_jars() -> None:
    """Skips where Kafka cannot be fetched; under CI that is a failure."""
    cache = default_cache()
    try:
        jars.fetch(jars.missing(cache), cache)
        aot.ensure(cache)
    except UserError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


def start_broker(folder: Path, extra: dict[str, str] | None = None) -> Broker:
    """A broker on a free port; tries another port when somebody was quicker."""
    for attempt in range(3):
        broker = Broker(folder, ports.free_port(), extra=extra)
        broker.start()
        try:
            broker.wait()
            return broker
        except UserError as error:
            if attempt == 2 or "Address already in use" not in str(error):
                raise
    raise AssertionError


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker for the whole run."""
    ensure_jars()
    service = Kafka(start_broker(tmp_path_factory.mktemp("kafka")))
    yield service
    service.close()


@pytest.fixture
def new_broker(tmp_path: Path) -> Iterator[Callable[..., Kafka]]:
    """`new_broker(extra={"log.segment.bytes": "1048576"})`: a broker of the test's own. `.broker` has stop, kill, start, wait."""
    ensure_jars()
    services: list[Kafka] = []

    def make(extra: dict[str, str] | None = None) -> Kafka:
        services.append(Kafka(start_broker(tmp_path / f"kafka-{len(services)}", extra)))
        return services[-1]

    yield make
    for service in services:
        service.close()
