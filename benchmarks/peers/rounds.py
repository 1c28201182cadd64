"""Inputs that are written once, and one engine's run over them: fresh state and fresh output topics each time."""

import asyncio
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
from kafka import KafkaAdminClient

from benchmarks.detection import ACTIONS, FEEDBACK, TOUCHPOINTS
from benchmarks.detection_input import PARTITIONS, records, write
from benchmarks.peers.engine import Engine, Run
from benchmarks.peers.outcome import Content, Expected, Told, judge
from benchmarks.peers.table import Result
from benchmarks.peers.watch import Failed, Watched
from streams.admin import Admin, Partition, TopicSpec
from streams.connect.log import read_log
from streams.settings import Settings

# Event time is Kafka's timestamp, and it lies years back: retention would delete it.
INPUT = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}
OUTPUT = {"message.timestamp.type": "LogAppendTime"}
SLOWEST_EVENTS_PER_SECOND = 1_000
START_SECONDS = 120


class Input(NamedTuple):
    """Two topics under a prefix, and what must come of them. `ends`: offset after the last message of each partition."""

    prefix: str
    partitions: int
    ends: dict[Partition, int]
    expected: dict[Told, Content]

    @property
    def messages(self) -> int:
        return sum(self.ends.values())


def make_input(brokers: str, touchpoints: int, *, zipf: bool, partitions: int = PARTITIONS) -> Input:
    settings = Settings(kafka_brokers=brokers, kafka_prefix=f"bench-{uuid.uuid4().hex[:8]}-")
    topics = [settings.topic(name) for name in (TOUCHPOINTS, FEEDBACK)]
    with Admin(settings) as admin:
        admin.create(TopicSpec(name, partitions, 1, INPUT) for name in topics)
        admin.create([TopicSpec(settings.topic("cx-dead-letters"), 1, 1, OUTPUT)])
        expected = Expected()
        asyncio.run(write(settings, expected.watch(records(touchpoints, zipf=zipf)), partitions))
        ends = {at: end for at, end in admin.end_offsets(topics).items() if end}
    return Input(settings.kafka_prefix, partitions, ends, expected.actions)


class Bench:
    """`commit_seconds` holds for every engine; `broker_pid` None for a broker that is not ours."""

    def __init__(self, brokers: str, folder: Path, *, commit_seconds: float, broker_pid: int | None) -> None:
        self._settings = Settings(kafka_brokers=brokers)
        self._folder = folder
        self._commit_seconds = commit_seconds
        self._broker = None if broker_pid is None else psutil.Process(broker_pid)

    def measure(self, engine: Engine, given: Input) -> Result:
        """Raises watch.Failed when the program does not end its work."""
        run = self._new_run(engine, given)
        with Admin(self._settings) as admin:
            self._create(admin, run, given)
            try:
                return self._run(engine, run, given, admin)
            finally:
                admin.delete(self._made(admin, run))
                shutil.rmtree(run.scratch, ignore_errors=True)

    def _new_run(self, engine: Engine, given: Input) -> Run:
        name = f"run-{engine.name}-{uuid.uuid4().hex[:8]}"
        scratch = self._folder / name
        scratch.mkdir()
        return Run(
            name=name,
            bootstrap=self._settings.kafka_brokers,
            input_prefix=given.prefix,
            actions=f"{given.prefix}{name}-{ACTIONS}",
            messages=given.messages,
            commit_seconds=self._commit_seconds,
            scratch=scratch,
        )

    def _create(self, admin: Admin, run: Run, given: Input) -> None:
        """The output topic; and Touchstone's changelog, which a worker does not create by itself."""
        names = [run.actions, *([f"{given.prefix}cx-{run.name}-changelog"] if "touchstone" in run.name else [])]
        admin.create(TopicSpec(name, given.partitions, 1, OUTPUT) for name in names)

    def _run(self, engine: Engine, run: Run, given: Input, admin: Admin) -> Result:
        program = engine.program(run)
        if admin.group_offsets(program.group):
            raise Failed(f"group {program.group} has offsets of an earlier round: it would not start at the beginning")
        watched = Watched(program, run.scratch / "stderr.log", self._broker)
        try:
            limit = START_SECONDS + given.messages / SLOWEST_EVENTS_PER_SECOND
            measured = watched.until_committed(admin, program.group, given.ends, limit)
        finally:
            watched.stop()
            forget(self._settings.kafka_brokers, program.group)
        changelogs = [name for name in self._made(admin, run) if "changelog" in name]
        written = sum(admin.end_offsets(changelogs, committed=False).values())
        return Result(measured, written, judge(given.expected, self._actions(run)))

    def _made(self, admin: Admin, run: Run) -> list[str]:
        """Topics of this run."""
        return [name for name in admin.topics() if run.name in name]

    def _actions(self, run: Run) -> Iterator[bytes]:
        """All that a read-committed reader finds in the output topic."""
        for message in read_log(self._settings, [run.actions]):
            assert message.value is not None
            yield message.value


def forget(brokers: str, group: str) -> None:
    """Touchstone's group has the same name in each round: the next one starts from the beginning."""
    client = KafkaAdminClient(bootstrap_servers=brokers)
    client.delete_groups([group])
    client.close()
