"""Where a scenario plays: broker and ClickHouse for all of them, and for each its own topics, tables, producer, observer and processes."""

import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from clickhouse_driver import Client
from clickhouse_driver.errors import Error as ClickHouseError

from sinks import migrations
from streams.admin import Admin, TopicSpec
from streams.errors import UserError
from streams.packs_folder import audiences, find
from streams.packs_in_force import activate
from streams.settings import Settings
from streams.topics import create
from tests.clickhouse_service import ClickHouseService
from tests.kafka_service import Kafka
from tests.torture.load import Load, Outgoing
from tests.torture.observer import EVERY_SECONDS, Cluster, Observer, Place
from tests.torture.process import Process, Stuck, until
from tests.torture.producer import LoggingProducer
from tests.torture.proxy import Proxy
from tests.torture.reading import ConcurrentReader
from tests.torture.small_disk import SmallDisk
from tests.torture.worker import CLOCK
from tests.touchstone_command import TOUCHSTONE

DRAIN_SECONDS = 120.0
INPUTS = {
    "relay": ("cx-touchpoints", "cx-feedback"),
    "main": ("cx-touchpoints", "cx-feedback", "cx-customers", "cx-action-updates"),
}
TABLES = (
    "cx-touchpoints", "cx-feedback", "cx-customers", "cx-action-updates", "cx-experiences", "cx-actions", "cx-episodes", "cx-suppressions",
    "cx-dead-letters",
)  # fmt: skip


def table(topic: str) -> str:
    """The table of a topic."""
    return topic.removeprefix("cx-").replace("-", "_")


class Stage:
    """One scenario's. `job`: relay or main. Settings by field name in `values`."""

    def __init__(
        self,
        kafka: Kafka,
        clickhouse: ClickHouseService,
        folder: Path,
        seed: int,
        job: str = "relay",
        scale: float = 1.0,
        mistakes: Mapping[str, str] | None = None,
        migrate: Callable[[Settings], object] = migrations.migrate,
        watch_seconds: float = EVERY_SECONDS,
        minutes: float | None = None,
        disk: SmallDisk | None = None,
        **values: Any,
    ) -> None:
        self.kafka, self.clickhouse, self.folder, self.seed, self.job, self.scale, self.minutes, self.disk = (
            kafka, clickhouse, folder, seed, job, scale, minutes, disk,
        )  # fmt: skip
        self.mistakes = dict(mistakes or {})
        self.proxy = Proxy(clickhouse.host, clickhouse.port)
        prefix = kafka.prefix()
        defaults: dict[str, Any] = {
            "kafka_prefix": prefix,
            "kafka_partitions": 2,
            "clickhouse_host": "127.0.0.1",
            "clickhouse_port": self.proxy.port,
            "clickhouse_database": "torture_" + prefix.strip("-"),
            "clickhouse_timeout_seconds": 5.0,
            "worker_commit_interval_ms": 100,
            "worker_align_wait_seconds": 2.0,
            "worker_session_seconds": 6.0,
            "sink_flush_seconds": 0.2,
        }
        self.settings = kafka.settings(**(defaults | values))
        self.processes: list[Process] = []
        self.faults: list[tuple[float, str]] = []  # when something was healed, and what
        self.extra: list[tuple[str, bool, str]] = []  # a scenario's own findings
        self.expected: dict[str, object] | None = None  # of the main job: what must be in force
        self.memories: dict[bytes, object] = {}  # likewise: what each subject is remembered as
        self.cluster = Cluster(kafka.bootstrap)
        self._create(migrate)
        self.producer = LoggingProducer(kafka.bootstrap, prefix, folder / "acks.jsonl")
        watched = [self.settings.topic(name) for name in TABLES]
        self.reader = ConcurrentReader(kafka.bootstrap, [self.settings.topic("cx-actions")])
        self.observer = Observer(kafka.bootstrap, self.groups, watched, self.stored_below, self._pids, watch_seconds)

    def _create(self, migrate: Callable[[Settings], object]) -> None:
        with Admin(self.settings) as admin:
            assert not create(admin, self.settings, audiences(self.settings)).problems
            compact = {"message.timestamp.type": "LogAppendTime", "cleanup.policy": "compact"}
            name = self.settings.topic("cx-relay-changelog")
            admin.create([TopicSpec(name, self.settings.kafka_partitions, 1, compact)])
        migrate(self.settings)
        for name in TABLES:
            self.query(f"SYSTEM STOP MERGES {table(name)}")  # a merge would hide what was inserted twice
        if self.job == "main":
            activate(find("retail", self.settings), self.settings, at="beginning", brand=None)

    # --- processes ----------------------------------------------------------------------------------------------

    @property
    def groups(self) -> tuple[str, str]:
        """Consumer groups of workers and of sinks."""
        return self.settings.topic("touchstone-worker"), self.settings.topic("touchstone-sink-clickhouse")

    @property
    def inputs(self) -> list[str]:
        return [self.settings.topic(name) for name in INPUTS[self.job]]

    def worker(self, settings: Settings | None = None, **extra: str) -> Process:
        """Another worker. Its clock can be set wrong with `step_clock`."""
        clock = self.folder / "clock"
        if not clock.exists():
            clock.write_text("0")
        command = [sys.executable, "-m", "tests.torture.worker", self.job]
        return self._start("worker", command, settings, {CLOCK: str(clock)} | extra)

    def sink(self, settings: Settings | None = None, **extra: str) -> Process:
        return self._start("sink", [str(TOUCHSTONE), "sink", "clickhouse"], settings, extra)

    def _start(self, kind: str, command: list[str], settings: Settings | None, extra: dict[str, str]) -> Process:
        self.processes.append(Process(kind, command, settings or self.settings, self.folder, self.mistakes | extra))
        return self.processes[-1]

    def alive(self, kind: str) -> list[Process]:
        return [each for each in self.processes if each.kind == kind and each.alive]

    def _pids(self) -> dict[int, str]:
        return {each.popen.pid: each.kind for each in tuple(self.processes) if each.alive}

    def expel(self, group: int = 0) -> None:
        """Makes a group forget its members at once: a killed one would be waited for until its session ends."""
        from kafka.admin import KafkaAdminClient, MemberToRemove

        name = self.groups[group]
        with closing(KafkaAdminClient(bootstrap_servers=[self.kafka.bootstrap])) as admin:
            members = admin.describe_groups([name])[name]["members"]
            if members:
                admin.remove_group_members(name, [MemberToRemove(each["member_id"]) for each in members])

    def step_clock(self, seconds: float) -> None:
        """Of the workers."""
        (self.folder / "clock").write_text(str(seconds))

    # --- load and faults ----------------------------------------------------------------------------------------

    def count(self, messages: int) -> int:
        """So many, scaled."""
        return max(200, int(messages * self.scale))

    def pump(self, count: int, per_second: float, **values: Any) -> None:
        """Sends in the background."""
        self.producer.pump(Load(self.seed, self.count(count), **values).messages(), per_second)

    def flow(self, per_second: float, **values: Any) -> None:
        """Sends in the background until the scenario is over."""
        self.producer.pump(Load(self.seed, None, **values).messages(), per_second, endless=True)

    def send(self, messages: Iterable[Outgoing]) -> None:
        """Acknowledged when it returns."""
        self.producer.send(messages)
        self.producer.finish()

    def healed(self, what: str) -> None:
        """A fault is over: from here on recovery time is counted."""
        self.faults.append((time.monotonic(), what))

    def note(self, invariant: str, holds: bool, said: str) -> None:
        """A finding of the scenario's own."""
        self.extra.append((invariant, holds, said))

    # --- looking ------------------------------------------------------------------------------------------------

    def database(self) -> Client:
        """Past the proxy."""
        return self.clickhouse.client(self.settings.clickhouse_database, connect_timeout=2, send_receive_timeout=20)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database() as client:
            rows: list[tuple[Any, ...]] = client.execute(sql)
            return rows

    def repeats(self) -> dict[str, int]:
        """Rows that were inserted more than once, by table; those without are left out."""
        names = [table(name) for name in TABLES]
        rows = {name: self.query(f"SELECT count(), uniqExact(_partition, _offset) FROM {name}")[0] for name in names}
        return {name: count - unique for name, (count, unique) in rows.items() if count > unique}

    def stored_below(self, offsets: Mapping[Place, int]) -> dict[Place, int]:
        """How many different rows ClickHouse has below these offsets."""
        found: dict[Place, int] = {}
        with self.database() as client:
            for name in TABLES:
                topic = self.settings.topic(name)
                limits = {at[1]: offset for at, offset in offsets.items() if at[0] == topic}
                if not limits:
                    continue
                below = " OR ".join(f"(_partition = {number} AND _offset < {end})" for number, end in limits.items())
                rows = client.execute(
                    f"SELECT _partition, uniqExact(_offset) FROM {table(name)} WHERE {below} GROUP BY _partition"
                )
                found |= {(topic, number): 0 for number in limits}
                found |= {(topic, int(number)): int(count) for number, count in rows}
        return found

    def lag(self, kind: int) -> int:
        """Messages before a group that it has not committed."""
        cluster = self.cluster
        names = self.inputs if kind == 0 else [self.settings.topic(name) for name in TABLES]
        ends = cluster.ends(cluster.partitions(names), committed=True)
        done = cluster.committed(self.groups[kind], ends)
        return sum(max(0, end - done.get(at, 0)) for at, end in ends.items())

    def until_decided(self) -> None:
        """The workers have committed all that is there."""
        self._until_no_lag(0)

    def drain(self) -> None:
        """Workers and sinks, with nothing in their way, come to the end of what was acknowledged."""
        self.producer.enough()
        self.producer.finish()
        for kind, start in (("worker", self.worker), ("sink", self.sink)):
            if not self.alive(kind):
                start()
        self._until_no_lag(0)
        self._until_no_lag(1)

    def _until_no_lag(self, kind: int) -> None:
        name = ("worker", "sink")[kind]

        def done() -> bool:
            if not self.alive(name):
                said = [each for each in self.processes if each.kind == name][-1].said()
                raise Stuck(f"no {name} runs any more: {said[-1500:]}")
            return self.lag(kind) == 0

        until(f"the {name}s come to the end", done, DRAIN_SECONDS)

    def stop_processes(self) -> None:
        """In order. A process that does not end by SIGTERM is a finding."""
        for each in self.processes:
            if each.alive:
                each.signal(signal.SIGTERM)
        for each in self.processes:
            each.wait()

    def close(self) -> None:
        """Leaves nothing behind but its folder of logs."""
        for each in self.processes:
            each.kill()
        self.observer.stop()
        self.cluster.close()
        self.reader.close()
        self.producer.close()
        self.proxy.close()
        self._tidy()

    def _tidy(self) -> None:
        """Topics and tables of a scenario are in the way of the next."""
        try:
            with Admin(self.settings) as admin:
                mine = [name for name in admin.topics() if name.startswith(self.settings.kafka_prefix)]
                admin.delete(mine)
            with self.clickhouse.client() as client:
                client.execute(f"DROP DATABASE IF EXISTS {self.settings.clickhouse_database} SYNC")
        except (UserError, ClickHouseError, OSError, EOFError) as error:
            sys.stderr.write(f"left behind: {error}\n")
