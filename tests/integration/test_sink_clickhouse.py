"""The sink on the real Kafka and the real ClickHouse engine: what is committed to the topics is in the tables, once."""

import asyncio
import signal
from typing import Any

import pytest

from sinks import writer
from sinks.clickhouse import Sink
from sinks.writer import Writer
from streams.engine.job import Message
from streams.errors import UserError
from tests import sink_records as make
from tests.sink_service import PARTITIONS, SinkService, until
from tests.touchstone_command import start_touchstone


def actions(count: int, first: int = 0) -> list[Message]:
    return [make.message("actions", make.action(n), 0, partition=n % PARTITIONS) for n in range(first, first + count)]


async def test_every_topic_into_its_table(sink_service: SinkService) -> None:
    sent = [
        make.message("touchpoints", make.full_touchpoint(), 0),
        make.message("feedback", make.feedback(), 0, partition=1),
        make.message("customers", make.customer(), 0),
        make.message("action_updates", make.receipt(), 0),
        make.message("experiences", make.experience(), 0),
        make.message("episodes", make.episode(), 0),
        make.message("holdouts", make.holdout(), 0),
        make.message("suppressions", make.suppression(), 0),
        make.message("dead_letters", b"\x00\xff", 0, headers=[("touchstone.reason", b"malformed")]),
        *actions(50),
    ]
    await sink_service.send(sent[:30])
    async with sink_service.sink():
        await sink_service.send(sent[30:])
        await sink_service.until("SELECT count() FROM actions_current", 50)
        for table in (
            "touchpoints",
            "feedback",
            "customers",
            "action_updates",
            "experiences",
            "episodes",
            "holdouts",
            "suppressions",
            "dead_letters",
        ):
            await sink_service.until(f"SELECT count() FROM {table}_current", 1)
    assert sink_service.query("SELECT brand, amount, attributes['键'] FROM touchpoints_final")[0][0] == "轻舟"
    assert sink_service.query("SELECT segments FROM customers_final") == [({"tier": "gold"},)]
    topic = sink_service.settings.topic("cx-actions")
    assert sink_service.query("SELECT DISTINCT _topic FROM actions_final") == [(topic,)]
    assert sink_service.query("SELECT hex(value), reason FROM dead_letters_current") == [("00FF", "malformed")]
    assert sink_service.in_table("cx-actions") == sink_service.in_topic("cx-actions")


async def test_only_what_was_committed_and_past_the_markers(sink_service: SinkService) -> None:
    async with sink_service.sink():
        await sink_service.send(actions(10), transaction="first")
        await sink_service.send(actions(10, 100), transaction="second", abort=True)
        await sink_service.send(actions(10, 10), transaction="third")
        await sink_service.until("SELECT count() FROM actions_final", 20)
    assert sink_service.in_table("cx-actions") == sink_service.in_topic("cx-actions")
    with sink_service.kafka.admin() as admin:
        ends = admin.end_offsets([sink_service.settings.topic("cx-actions")])
    left = {at: end for at, end in sink_service.committed().items() if at[0] == "cx-actions"}
    assert sorted(left.values()) == sorted(ends.values())


async def test_what_cannot_be_a_record(sink_service: SinkService) -> None:
    """Invalid inputs are left to the worker; anything else that does not decode becomes a dead letter, once, with its bytes."""
    bad = [
        make.message("touchpoints", b"\x01no", 0),
        make.message("feedback", make.feedback(score=99.0), 0),
        make.message("actions", b"\x00\x00\x00\x00\x06\xff", 0),
        make.message("actions", None, 0),
        make.message("episodes", make.episode(episode_id=""), 0),
    ]
    await sink_service.send([*bad, *actions(3)])
    async with sink_service.sink():
        await sink_service.until("SELECT count() FROM actions_final", 3)
        await sink_service.until("SELECT count() FROM dead_letters_final", 3)
    found = sink_service.query(
        "SELECT source_topic, reason, hex(value), refused_by FROM dead_letters_current ORDER BY source_topic, source_offset"
    )
    prefix = sink_service.settings.kafka_prefix
    assert [row[:3] for row in found[:2]] == [
        (f"{prefix}cx-actions", "malformed", "0000000006FF"),
        (f"{prefix}cx-actions", "empty_value", ""),
    ]
    assert found[2][:2] == (f"{prefix}cx-episodes", "missing_id")
    assert {row[3] for row in found} == {"sink-clickhouse"}
    assert sink_service.query("SELECT count() FROM touchpoints UNION ALL SELECT count() FROM feedback") == [(0,), (0,)]


async def test_a_row_that_the_database_rejects_goes_alone(sink_service: SinkService) -> None:
    sink_service.query("ALTER TABLE actions ADD CONSTRAINT few CHECK revision < 1000")
    await sink_service.send(
        [*actions(500), make.message("actions", make.action(7, revision=1000), 0), *actions(500, 500)]
    )
    async with sink_service.sink():
        await sink_service.until("SELECT count() FROM actions_final", 1000)
        await sink_service.until("SELECT count() FROM dead_letters_final", 1)
    found = sink_service.query(
        "SELECT reason, source_topic, detail LIKE '%onstraint%', value = '' FROM dead_letters_current"
    )
    assert found == [("rejected_by_sink", sink_service.settings.topic("cx-actions"), 1, 0)]


async def test_a_table_that_rejects_everything_stops_the_sink(
    sink_service: SinkService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "REJECTED_ROWS_MAX", 10)
    sink_service.query("ALTER TABLE actions ADD CONSTRAINT none CHECK revision > 1000")
    await sink_service.send(actions(30))
    sink = Sink(sink_service.settings, make.CODEC)
    with pytest.raises(UserError, match="rejects more than 10 rows"):
        await asyncio.wait_for(sink.run(asyncio.Event()), 30)
    assert sink_service.committed() == {}
    assert sink_service.in_topic("cx-dead-letters") == []


async def test_killed_and_started_again(sink_service: SinkService) -> None:
    """kill -9 at any moment, several times, two at once: every message is in its table, and counts once."""
    wanted, sent = 0, 0
    for _ in range(2):
        processes = [start_touchstone("sink", "clickhouse", settings=sink_service.settings) for _ in range(2)]
        await sink_service.send(actions(2000, sent))
        sent += 2000
        wanted += 300
        await sink_service.until(f"SELECT count() >= {wanted} FROM actions_final", 1)
        for process in processes:
            process.kill()
            process.communicate()
    process = start_touchstone("sink", "clickhouse", settings=sink_service.settings)
    await sink_service.until("SELECT count() FROM actions_final", sent)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert sink_service.in_table("cx-actions") == sink_service.in_topic("cx-actions")
    assert sink_service.query("SELECT sum(new), sum(revised) FROM actions_by_minute") == [(sent, 0)]


async def test_another_sink_joins_and_leaves(sink_service: SinkService) -> None:
    async with sink_service.sink():
        await sink_service.send(actions(500))
        await sink_service.until("SELECT count() > 0 FROM actions", 1)
        async with sink_service.sink() as second:
            await sink_service.send(actions(500, 500))
            await until(second.not_ready, [])
            await sink_service.send(actions(500, 1000))
            await sink_service.until("SELECT count() FROM actions_final", 1500)
        await sink_service.send(actions(500, 1500))
        await sink_service.until("SELECT count() FROM actions_final", 2000)
    assert sink_service.in_table("cx-actions") == sink_service.in_topic("cx-actions")


class Late(Writer):
    """A writer whose answers get lost: the rows are there, and the sink does not know."""

    lost = 0

    def insert(self, *arguments: Any) -> Any:
        done = super().insert(*arguments)
        if self.lost < 2:
            self.lost += 1
            from sinks.database import judge

            raise judge(EOFError())
        return done


async def test_an_answer_that_got_lost(sink_service: SinkService) -> None:
    await sink_service.send(actions(100))
    forgetful = Late(sink_service.settings)
    async with sink_service.sink(forgetful):
        await sink_service.until("SELECT count() FROM actions_final", 100)
        await until(lambda: {at[0] for at in sink_service.committed()}, {"cx-actions"})
    assert forgetful.lost == 2
    assert sink_service.query("SELECT sum(new) FROM actions_by_minute") == [(100,)]
