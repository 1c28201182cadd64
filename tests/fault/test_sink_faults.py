"""The sink when what it needs goes away: ClickHouse, Kafka, its offsets, its topics. Nothing is lost and nothing counts twice."""

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import REGISTRY

from deploy.local import ports
from sinks import clickhouse, migrations, source
from sinks.buffer import Batch
from sinks.clickhouse import Sink
from sinks.writer import Writer
from streams import probes
from streams.admin import TopicSpec
from streams.errors import ExitCode, Unavailable, UserError
from tests import sink_records as make
from tests.clickhouse_service import ClickHouseService
from tests.integration.test_sink_clickhouse import actions
from tests.kafka_service import Kafka
from tests.sink_service import PARTITIONS, SinkService, until


@pytest.fixture
def own(
    kafka: Kafka, new_clickhouse: Callable[..., ClickHouseService], monkeypatch: pytest.MonkeyPatch
) -> Iterator[SinkService]:
    """A ClickHouse to stop and kill; retries come quickly."""
    monkeypatch.setattr(clickhouse, "RETRY_SECONDS_MAX", 0.5)
    service = SinkService(kafka, new_clickhouse(), "faults", clickhouse_timeout_seconds=5.0)
    migrations.migrate(service.settings)
    yield service
    with kafka.admin() as admin:
        admin.delete(source.topics(service.settings))


def available() -> float | None:
    return REGISTRY.get_sample_value("touchstone_sink_available")


async def test_clickhouse_is_killed_and_comes_back(own: SinkService) -> None:
    """kill -9 with INSERTs under way; meanwhile memory is bounded, the process alive and not ready."""
    settings = own.settings.model_copy(update={"sink_flush_rows": 50})
    stop = asyncio.Event()
    sink = Sink(settings, make.CODEC)
    running = asyncio.create_task(sink.run(stop))
    await own.send(actions(100))
    await own.until("SELECT count() > 0 FROM actions", 1)
    own.clickhouse.process.kill()
    await own.send(actions(900, 100))
    await until(available, 0.0)
    await until(sink._buffer.full, True)
    assert sink.stalled() == []
    assert sink.not_ready() == ["ClickHouse does not answer"]
    await asyncio.sleep(1)  # time in which it would read on
    assert sink._buffer.batch.count() <= 50 + clickhouse.POLL_RECORDS
    own.clickhouse.start()
    await own.until("SELECT count() FROM actions_final", 1000)
    assert (available(), sink.not_ready()) == (1.0, [])
    stop.set()
    await running
    assert own.in_table("cx-actions") == own.in_topic("cx-actions")
    assert own.query("SELECT sum(new) FROM actions_by_minute") == [(1000,)]


async def test_clickhouse_is_away_at_the_start_and_at_the_end(own: SinkService) -> None:
    """A sink starts and stops without ClickHouse; what it could not store is still there for the next one."""
    own.clickhouse.process.stop()
    async with own.sink() as sink:
        await until(available, 0.0)  # also with nothing to store
        await own.send(actions(20))
        await until(lambda: sink._flushing is not None, True)
        assert "ClickHouse does not answer" in sink.not_ready()
    assert own.committed() == {}
    own.clickhouse.start()
    async with own.sink():
        await own.until("SELECT count() FROM actions_final", 20)


async def test_tables_that_are_not_there_yet(
    kafka: Kafka, clickhouse_server: ClickHouseService, clickhouse_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    service = SinkService(kafka, clickhouse_server, clickhouse_database)
    await service.send(actions(5))
    async with service.sink():
        await until(lambda: "run `touchstone migrate`" in caplog.text, True)
        migrations.migrate(service.settings)
        await service.until("SELECT count() FROM actions_final", 5)


async def test_a_clickhouse_that_takes_the_connection_and_says_nothing(own: SinkService) -> None:
    """No answer within the timeout is an unknown outcome: again, on a new connection."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = own.settings.model_copy(
            update={"clickhouse_port": silent.getsockname()[1], "clickhouse_timeout_seconds": 0.3}
        )
        writer = Writer(settings)
        sent = Batch(rows={"actions": [make.row("actions", make.action(), 1)]})
        with pytest.raises(Unavailable, match="ClickHouse"):
            await writer.store(sent)
        assert sent.count() == 1
        writer.close()


async def test_kafka_goes_away_and_comes_back(
    new_broker: Callable[..., Kafka], clickhouse_server: ClickHouseService, clickhouse_database: str
) -> None:
    service = SinkService(new_broker(), clickhouse_server, clickhouse_database)
    migrations.migrate(service.settings)
    await service.send(actions(50))
    async with service.sink():
        await service.until("SELECT count() FROM actions_final", 50)
        service.kafka.broker.kill()
        service.kafka.broker.start()
        service.kafka.broker.wait()
        await service.send(actions(50, 50))
        await service.until("SELECT count() FROM actions_final", 100)
    assert service.in_table("cx-actions") == service.in_topic("cx-actions")


async def test_an_offset_that_is_gone_stops_the_sink_and_names_the_repair(sink_service: SinkService) -> None:
    await sink_service.send(actions(10))
    async with sink_service.sink():
        await sink_service.until("SELECT count() FROM actions_final", 10)
        await until(lambda: len([at for at in sink_service.committed() if at[0] == "cx-actions"]), PARTITIONS)
    await sink_service.send(actions(10, 10))
    topic = sink_service.settings.topic("cx-actions")
    with sink_service.kafka.admin() as admin:
        from kafka import TopicPartition

        admin._client.delete_records({TopicPartition(topic, 0): 8})
    with pytest.raises(UserError, match=r"cx-actions/0: offset 5, .* does not exist") as stopped:
        await asyncio.wait_for(Sink(sink_service.settings, make.CODEC).run(asyncio.Event()), 60)
    assert (
        f"groups reset-offsets -g {sink_service.settings.topic(source.GROUP)} -p {topic}:0 -s earliest"
        in stopped.value.fix
    )
    arguments = stopped.value.fix.split("python -m kafka.admin ")[1].split()
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "kafka.admin", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    async with sink_service.sink():
        await sink_service.until("SELECT count() FROM actions_final", 17)


async def test_a_topic_that_was_made_anew_stops_the_sink(sink_service: SinkService) -> None:
    await sink_service.send(actions(10))
    async with sink_service.sink():
        await sink_service.until("SELECT count() FROM actions_final", 10)
    topic = sink_service.settings.topic("cx-actions")
    with sink_service.kafka.admin() as admin:
        admin.delete([topic])
        await until(lambda: topic in admin.topics(), False)
        admin.create([TopicSpec(topic, PARTITIONS, 1, {})])
    await sink_service.send(actions(10, 100))
    with pytest.raises(UserError, match="cx-actions was deleted and made anew") as stopped:
        await asyncio.wait_for(Sink(sink_service.settings, make.CODEC).run(asyncio.Event()), 60)
    assert sink_service.query("SELECT count() FROM actions_final") == [(10,)]
    (statement,) = re.findall(r"INSERT INTO .*?\)(?=;)", stopped.value.fix)
    sink_service.query(statement)
    async with sink_service.sink():
        await sink_service.until("SELECT count() FROM actions_final", 20)


async def test_topics_that_are_missing_and_a_broker_that_is_not_there(kafka: Kafka) -> None:
    with pytest.raises(UserError, match="topics are missing") as missing:
        await Sink(kafka.settings(), make.CODEC).run(asyncio.Event())
    assert missing.value.exit_code == ExitCode.UNAVAILABLE
    with pytest.raises(UserError, match="no Kafka answers") as away:
        await Sink(kafka.settings(kafka_brokers="127.0.0.1:1"), make.CODEC).run(asyncio.Event())
    assert away.value.exit_code == ExitCode.UNAVAILABLE


class Unasked(Writer):
    """Never finds out by itself whether ClickHouse answers: the test says so."""

    async def ask(self) -> None:
        await asyncio.Event().wait()


async def test_health_over_http(sink_service: SinkService) -> None:
    from aiohttp import ClientSession

    settings = sink_service.settings.model_copy(update={"metrics_port": ports.free_port()})
    base = f"http://127.0.0.1:{settings.metrics_port}"
    writer = Unasked(settings)
    async with sink_service.sink(writer) as sink, probes.serve(sink, settings), ClientSession() as http:
        await until(sink.not_ready, [])
        for path in ("/livez", "/readyz", "/metrics"):
            async with http.get(base + path) as answer:
                assert answer.status == 200
                assert path != "/metrics" or "touchstone_sink_available 1.0" in await answer.text()
        sink._flushing, sink._flush_started = Batch(), -1000.0  # a flush that began long ago
        async with http.get(base + "/livez") as answer:
            assert answer.status == 200  # ClickHouse has been back for a moment only
        sink._database.since = -1000.0
        async with http.get(base + "/livez") as answer:
            assert (answer.status, "no commit for" in await answer.text()) == (503, True)
        sink._database.yes = False
        async with http.get(base + "/livez") as answer:
            assert answer.status == 200
        async with http.get(base + "/readyz") as answer:
            assert (answer.status, await answer.text()) == (503, "ClickHouse does not answer\n")
        sink._flushing, sink._database.yes = None, True


class Careless(Sink):
    """Commits before it inserts, and then dies: what the order in the sink is there for."""

    async def _store(self, batch: Batch) -> None:
        await self._commit(batch)
        raise UserError("killed between the two")


async def test_committing_first_would_lose_rows(sink_service: SinkService) -> None:
    await sink_service.send(actions(10))
    with pytest.raises(UserError, match="killed"):
        await asyncio.wait_for(Careless(sink_service.settings, make.CODEC).run(asyncio.Event()), 60)
    await sink_service.send(actions(10, 10))
    async with sink_service.sink():
        await sink_service.until("SELECT countIf(action_id IN ('a-18', 'a-19')) FROM actions_final", 2)
    assert len(sink_service.in_table("cx-actions")) < len(sink_service.in_topic("cx-actions"))
