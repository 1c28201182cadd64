"""The product as it runs: topics, tables, a pack in force, workers and a sink as processes of their own."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from schemas.decisions import Action
from streams.admin import Admin
from streams.engine.job import Message, Output
from streams.engine.partitioning import partition_of
from streams.packs_folder import audiences, find
from streams.packs_in_force import activate
from streams.settings import Settings
from streams.topics import create
from tests.builders import in_force, message
from tests.clickhouse_service import ClickHouseService
from tests.kafka_service import Kafka
from tests.touchstone_command import TOUCHSTONE, environment, touchstone

DEADLINE_SECONDS = 90.0
QUIET_SECONDS = 3.0
# Not cx-causes, which never rests: stream time flows through it.
INPUTS = ("cx-customers", "cx-touchpoints", "cx-feedback", "cx-action-updates", "cx-controls")


def closers(partitions: int, until: int) -> list[Message]:
    """An event on each partition that moves its stream time to `until` seconds."""
    names: dict[int, str] = {}
    for number in range(1000):
        names.setdefault(partition_of(f"closer-{number}".encode(), partitions), f"closer-{number}")
        if len(names) == partitions:
            break
    return [
        message("touchpoint", f"{name}-0", until, 0, name, touchpoint="search", outcome="success")
        for name in names.values()
    ]


class Running:
    """A `touchstone` process with its log."""

    def __init__(self, command: list[str], settings: Settings, log: Path, extra: dict[str, str]) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [TOUCHSTONE, *command], env=environment(settings) | extra, stdout=out, stderr=subprocess.STDOUT
            )

    def said(self) -> str:
        """Its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_SECONDS)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()


class Product:
    """One installation: a prefix on the broker, a database, processes."""

    def __init__(self, kafka: Kafka, clickhouse: ClickHouseService, database: str, folder: Path, **values: Any) -> None:
        self.kafka = kafka
        self._folder = folder
        self._running: list[Running] = []
        defaults: dict[str, Any] = {
            "kafka_partitions": 2,
            "clickhouse_host": clickhouse.host,
            "clickhouse_port": clickhouse.port,
            "clickhouse_database": database,
            "worker_commit_interval_ms": 100,
            "sink_flush_seconds": 0.2,
        }
        self.settings: Settings = kafka.settings(**(defaults | values))
        self.group = self.settings.topic("touchstone-worker")
        with Admin(self.settings) as admin:
            assert not create(admin, self.settings, audiences(self.settings)).problems
        migrated = touchstone("migrate", settings=self.settings)
        assert migrated.returncode == 0, migrated.stderr
        activate(find("retail", self.settings), self.settings, at="beginning", brand=None)

    def start(self, *command: str, **extra: str) -> Running:
        """A `touchstone` command that keeps running."""
        log = self._folder / f"{command[0]}-{len(self._running)}.log"
        self._running.append(Running(list(command), self.settings, log, extra))
        return self._running[-1]

    def produce(self, messages: Iterable[Message]) -> None:
        """In this order, acknowledged when it returns."""
        from kafka import KafkaProducer

        with closing(KafkaProducer(bootstrap_servers=[self.kafka.bootstrap], acks="all", linger_ms=5)) as producer:
            sent = [
                producer.send(self.settings.topic(one.topic), key=one.key, value=one.value, headers=list(one.headers))
                for one in messages
            ]
            for future in sent:
                future.get(30)

    def expel(self) -> None:
        """Makes the group forget its members at once: a killed one would be waited for until its session ends."""
        from kafka.admin import KafkaAdminClient, MemberToRemove

        with closing(KafkaAdminClient(bootstrap_servers=[self.kafka.bootstrap])) as admin:
            members = admin.describe_groups([self.group])[self.group]["members"]
            if members:
                admin.remove_group_members(self.group, [MemberToRemove(each["member_id"]) for each in members])

    def until_decided(self) -> None:
        """Waits until the workers have committed everything that is there."""
        names = [self.settings.topic(name) for name in INPUTS]
        with Admin(self.settings) as admin:
            deadline = time.monotonic() + DEADLINE_SECONDS
            while sum((lag := admin.lag(self.group, names)).values()):
                behind = {at: count for at, count in lag.items() if count}
                said = "\n".join(one.said()[-4000:] for one in self._running)
                assert time.monotonic() < deadline, f"the workers do not catch up: {behind}\n{said}"
                time.sleep(0.1)

    def until_quiet(self) -> None:
        """Waits until the inputs are decided and no more actions come: timers fire after the event that lets time go on."""
        self.until_decided()
        names = [self.settings.topic(name) for name in ("cx-actions", "cx-experiences", "cx-episodes")]
        with Admin(self.settings) as admin:
            last, since = admin.end_offsets(names), time.monotonic()
            while time.monotonic() - since < QUIET_SECONDS:
                time.sleep(0.2)
                if (now := admin.end_offsets(names)) != last:
                    last, since = now, time.monotonic()

    def outputs(self, *topics: str) -> list[Output]:
        """What a read-committed reader sees, by topic, partition and offset."""
        found = []
        for topic in topics:
            records = self.kafka.read(self.settings.topic(topic))
            found += [Output(topic, record.key, record.value) for record in records if record.value is not None]
        return found

    def in_force(self) -> dict[str, dict[str, Any]]:
        """Actions and experiences that hold. Fails when a revision is missing or there twice."""
        return in_force(self.outputs("cx-actions", "cx-experiences", "cx-suppressions"))

    def actions(self) -> list[Action]:
        """All actions, revisions included."""
        from tests.builders import actions

        return actions(self.outputs("cx-actions"))

    def close(self) -> None:
        """Leaves no process behind."""
        for running in self._running:
            if running.process.poll() is None:
                running.kill()


@pytest.fixture
def product(
    kafka: Kafka, clickhouse_server: ClickHouseService, clickhouse_database: str, tmp_path: Path
) -> Iterator[Callable[..., Product]]:
    """`product(kafka_partitions=2)`: an installation with the retail pack in force."""
    made: list[Product] = []

    def make(**values: Any) -> Product:
        folder = tmp_path / f"product-{len(made)}"
        folder.mkdir()
        made.append(Product(kafka, clickhouse_server, clickhouse_database, folder, **values))
        return made[-1]

    yield make
    for one in made:
        one.close()
