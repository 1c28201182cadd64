"""`touchstone reconcile`: 0 when topics and tables agree, 1 when not, and the ids that differ."""

import asyncio
import json
from collections.abc import Callable

import msgspec
import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata
from typer.testing import CliRunner, Result

from sinks import reconcile
from sinks.reconcile import Reconciliation
from streams import settings as all_settings
from streams.cli import app
from streams.engine.dead_letter import letter
from streams.engine.job import Message
from streams.engine.topology import WORKER_GROUP
from streams.errors import DeadLetterReason, UserError
from tests import sink_records as make
from tests.kafka_service import Kafka
from tests.sink_service import PARTITIONS, SinkService

Run = Callable[..., Result]


@pytest.fixture
def run(sink_service: SinkService, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, on the test's own topics and tables."""
    monkeypatch.setattr(all_settings, "current", lambda: sink_service.settings)
    monkeypatch.setattr(reconcile, "SLICE_MESSAGES", 7)  # many slices from few messages
    return lambda *arguments: CliRunner().invoke(app, ["reconcile", *arguments])


def refused_by_worker(sink_service: SinkService, message: Message, offset: int, reason: DeadLetterReason) -> Message:
    """What the worker sends for a message that stands at `offset`."""
    sent = letter(
        msgspec.structs.replace(message, offset=offset),
        sink_service.settings.topic(message.topic),
        "subjects",
        reason,
        "no",
    )
    return Message("cx-dead-letters", 0, 0, 0, sent.key, sent.value, sent.headers)


async def send_everything(sink_service: SinkService) -> None:
    """Valid, invalid, late and undecodable messages, some in transactions, one of them aborted."""
    good = [make.message("touchpoints", make.touchpoint(n), 0, partition=n % PARTITIONS) for n in range(40)]
    invalid = make.message("touchpoints", b"\x01no", 0)
    late = make.message("feedback", make.feedback(), 0)
    await sink_service.send([*good, late])  # 20 each in partitions 0 and 1; the feedback is offset 0
    await sink_service.send([invalid])  # offset 20 in partition 0
    await sink_service.send(
        [
            refused_by_worker(sink_service, invalid, 20, DeadLetterReason.WRONG_MAGIC),
            refused_by_worker(sink_service, late, 0, DeadLetterReason.TOO_LATE),
        ]
    )
    actions = [make.message("actions", make.action(n, revision=1 + n % 3), 0, partition=n % 2) for n in range(60)]
    await sink_service.send(actions[:30], transaction="one")
    await sink_service.send(actions[:10], transaction="two", abort=True)
    await sink_service.send(actions[30:], transaction="three")
    await sink_service.send([make.message("actions", b"\x00\x00\x00\x00\x06\xff", 0)])


async def test_agreement(sink_service: SinkService, run: Run) -> None:
    await send_everything(sink_service)
    assert (await asyncio.to_thread(run)).exit_code == 1
    async with sink_service.sink():
        waited = await asyncio.to_thread(run, "--wait", "60")
        assert (waited.exit_code, "topics and ClickHouse agree" in waited.stdout) == (0, True), waited.output
        result = await asyncio.to_thread(run, "--wait", "60", "--json")  # with the sink's own dead letter
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["agree"] is True
    counts = {found["table"]: found["counts"] for found in report["topics"]}
    nothing = {"missing": 0, "different": 0, "unexpected": 0}
    assert counts["touchpoints"] == {"messages": 41, "stored": 40, "dead_lettered": 1, "both": 0, **nothing}
    assert counts["feedback"] == {"messages": 1, "stored": 1, "dead_lettered": 1, "both": 1, **nothing}
    assert counts["actions"] == {"messages": 61, "stored": 60, "dead_lettered": 1, "both": 0, **nothing}
    assert counts["dead_letters"] == {"messages": 3, "stored": 3, "dead_lettered": 0, "both": 0, **nothing}


def worker_has_taken(kafka: Kafka, topic: str, offset: int) -> None:
    """What a worker would have committed."""
    group = topic.removesuffix("cx-touchpoints") + WORKER_GROUP
    consumer = KafkaConsumer(bootstrap_servers=[kafka.bootstrap], group_id=group, enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(offset, "", -1)})
    consumer.close()


async def test_inputs_that_the_worker_has_not_taken_are_told_and_waited_for(
    kafka: Kafka, sink_service: SinkService, run: Run
) -> None:
    await sink_service.send([make.message("touchpoints", make.touchpoint(n), 0) for n in range(5)])
    topic = sink_service.settings.topic("cx-touchpoints")
    await asyncio.to_thread(worker_has_taken, kafka, topic, 2)
    async with sink_service.sink():
        await sink_service.until("SELECT count() FROM touchpoints_final", 5)
        behind = await asyncio.to_thread(run)
        assert (behind.exit_code, "the worker has 3 inputs to go" in behind.stdout) == (0, True), behind.output
        waiting = asyncio.create_task(asyncio.to_thread(run, "--wait", "60"))
        await sink_service.send([make.message("actions", make.action(1), 0)])  # what follows from them
        await asyncio.to_thread(worker_has_taken, kafka, topic, 5)
        done = await waiting
    assert "to go" not in done.stdout
    assert done.exit_code == 0, done.output
    assert [
        line.split()[1]
        for line in done.stdout.splitlines()
        if line.startswith(topic.replace("touchpoints", "actions "))
    ] == ["1"]


async def test_an_invalid_input_that_nobody_dead_lettered(sink_service: SinkService, run: Run) -> None:
    await sink_service.send(
        [make.message("touchpoints", b"\x01no", 0), make.message("touchpoints", make.touchpoint(), 0)]
    )
    async with sink_service.sink():
        await sink_service.until("SELECT count() FROM touchpoints_final", 1)
    result = run()
    assert result.exit_code == 1
    assert "cx-touchpoints/0@0 (no record): neither stored nor dead-lettered" in result.stdout


async def test_rows_that_differ_are_named(sink_service: SinkService, run: Run) -> None:
    await sink_service.send([make.message("actions", make.action(n), 0) for n in range(50)], transaction="marker-at-50")
    async with sink_service.sink():
        await sink_service.until("SELECT count() FROM actions_final", 50)
    assert run().exit_code == 0
    topic = sink_service.settings.topic("cx-actions")
    sink_service.query("ALTER TABLE actions DELETE WHERE _offset >= 13 AND _offset < 38 SETTINGS mutations_sync = 2")
    sink_service.query(
        "INSERT INTO actions (action_id, revision, _topic, _partition, _offset, _timestamp) "
        f"SELECT 'other', 9, '{topic}', 0, 40, now()"
    )
    sink_service.query(
        f"INSERT INTO actions (action_id, revision, _topic, _partition, _offset, _timestamp) SELECT 'ghost', 1, '{topic}', 0, 50, now()"
    )
    result = run()
    assert result.exit_code == 1
    assert f"missing: {topic}/0@13 a-13 revision 1: neither stored nor dead-lettered" in result.stdout
    assert f"{topic}: 7 more, shown by --all" in result.stdout
    lines = run("--all").stdout.splitlines()
    assert sum(line.startswith("missing: ") for line in lines) == 25
    assert f"different: {topic}/0@40 a-40 revision 1: the table has a-40 revision 1, other revision 9" in lines
    assert f"unexpected: {topic}/0@50 ghost revision 1: a row, but no message" in lines
    found = [json.loads(line) for line in run("--all", "--json").stdout.splitlines()]
    assert found[0]["agree"] is False
    assert {difference["offset"] for difference in found[1:]} == {*range(13, 38), 40, 50}


async def test_what_comes_after_the_beginning_is_of_no_concern(sink_service: SinkService) -> None:
    await sink_service.send([make.message("actions", make.action(n), 0) for n in range(5)])
    async with sink_service.sink():
        await sink_service.until("SELECT count() FROM actions_final", 5)
        with await asyncio.to_thread(Reconciliation, sink_service.settings) as reconciliation:
            await sink_service.send([make.message("actions", make.action(n), 0) for n in range(5, 10)])
            await sink_service.until("SELECT count() FROM actions_final", 10)
            report = await asyncio.to_thread(reconciliation.run)
    assert report.agree
    assert {found.table: found.counts.messages for found in report.topics}["actions"] == 5


def test_missing_topics(kafka: Kafka) -> None:
    with pytest.raises(UserError, match="topics are missing"):
        Reconciliation(kafka.settings())
