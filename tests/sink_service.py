"""A running sink for tests: topics and tables of its own, messages to send, and waiting until rows are there."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from clickhouse_driver import Client

from sinks import migrations
from sinks.clickhouse import Sink
from sinks.source import topics
from sinks.tables import BY_TOPIC
from sinks.writer import Writer
from streams.admin import TopicSpec
from streams.engine.job import Message
from streams.settings import Settings
from tests import sink_records
from tests.clickhouse_service import ClickHouseService
from tests.kafka_service import Kafka

WAIT_SECONDS = 60.0
PARTITIONS = 2


async def until(ask: Callable[[], Any], wanted: Any, seconds: float = WAIT_SECONDS, what: str = "") -> None:
    """Waits until the answer is as wanted."""
    deadline = time.monotonic() + seconds
    while True:
        found = await asyncio.to_thread(ask)
        if found == wanted:
            return
        assert time.monotonic() < deadline, f"{what} {found}, not {wanted}, within {seconds} s"
        await asyncio.sleep(0.05)


class SinkService:
    """Topics with a prefix, tables in a database, and what a test does with both."""

    def __init__(self, kafka: Kafka, clickhouse: ClickHouseService, database: str, **values: Any) -> None:
        self.kafka = kafka
        self.clickhouse = clickhouse
        defaults: dict[str, Any] = {
            "clickhouse_host": clickhouse.host,
            "clickhouse_port": clickhouse.port,
            "clickhouse_database": database,
            "clickhouse_timeout_seconds": 10.0,
            "sink_flush_seconds": 0.2,
        }
        self.settings: Settings = kafka.settings(**(defaults | values))
        config = {"message.timestamp.type": "LogAppendTime"}
        with kafka.admin() as admin:
            admin.create(
                [TopicSpec(name, 1 if "dead" in name else PARTITIONS, 1, config) for name in topics(self.settings)]
            )

    async def send(self, messages: Iterable[Message], *, transaction: str = "", abort: bool = False) -> None:
        """To their topics and partitions, acknowledged when it returns; in one transaction if it has a name."""
        options: dict[str, Any] = {"transactional_id": self.settings.topic(transaction)} if transaction else {}
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap, linger_ms=5, acks="all", **options)
        await producer.start()
        try:
            if transaction:
                await producer.begin_transaction()
            sent = [
                await producer.send(
                    self.settings.topic(message.topic),
                    message.value,
                    message.key,
                    message.partition,
                    headers=list(message.headers),
                )
                for message in messages
            ]
            await asyncio.gather(*sent)
            if transaction:
                await (producer.abort_transaction() if abort else producer.commit_transaction())
        finally:
            await producer.stop()

    @contextlib.asynccontextmanager
    async def sink(self, writer: Writer | None = None) -> AsyncIterator[Sink]:
        """A sink in this process, stopped in order at the end."""
        stop = asyncio.Event()
        sink = Sink(self.settings, sink_records.CODEC, writer)
        task = asyncio.create_task(sink.run(stop))
        try:
            yield sink
        finally:
            stop.set()
            await task

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.client() as client:
            rows: list[tuple[Any, ...]] = client.execute(sql)
            return rows

    def client(self) -> Client:
        return self.clickhouse.client(self.settings.clickhouse_database)

    async def until(self, sql: str, wanted: Any, seconds: float = WAIT_SECONDS) -> None:
        """Waits until the query's single value is as wanted."""
        await until(lambda: self.query(sql)[0][0], wanted, seconds, sql)

    def committed(self) -> dict[tuple[str, int], int]:
        """The group's offsets, by topic without prefix."""
        with self.kafka.admin() as admin:
            offsets = admin.group_offsets(self.settings.topic("touchstone-sink-clickhouse"))
        return {
            (topic.removeprefix(self.settings.kafka_prefix), partition): n for (topic, partition), n in offsets.items()
        }

    def in_topic(self, topic: str) -> list[tuple[int, int]]:
        """(partition, offset) of every committed message."""
        return [(record.partition, record.offset) for record in self.kafka.read(self.settings.topic(topic))]

    def in_table(self, topic: str) -> list[tuple[int, int]]:
        """(partition, offset) of every row in the topic's table, each once."""
        return self.query(f"SELECT _partition, _offset FROM {BY_TOPIC[topic].name}_final ORDER BY _partition, _offset")


@pytest.fixture
def sink_service(kafka: Kafka, clickhouse_server: ClickHouseService, clickhouse_database: str) -> Iterator[SinkService]:
    """Topics and tables of the test's own."""
    service = SinkService(kafka, clickhouse_server, clickhouse_database)
    migrations.migrate(service.settings)
    yield service
    with kafka.admin() as admin:
        admin.delete(topics(service.settings))
