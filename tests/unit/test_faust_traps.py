"""What stock Faust does, and why the engine steps around it. A test that fails here says that a detour may go."""

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faust.transport.drivers.aiokafka import Transport as StockTransport
from faust.types import TP

from streams.engine.fetching import Polled, Reach
from streams.engine.transport import Consumer, Transport

PARTITION = TP("topic", 0)


async def _nothing(*_: Any) -> None: ...


Make = Callable[[type[StockTransport]], tuple[faust.App, Any]]


@pytest.fixture
def make() -> Iterator[Make]:
    """An app and its consumer, not started."""
    consumers: list[Any] = []

    def of(transport: type[StockTransport]) -> tuple[faust.App, Any]:
        app = faust.App(
            "traps", broker="kafka://127.0.0.1:1", autodiscover=False, store="memory://", table_standby_replicas=0
        )
        app.transport = transport([*app.conf.broker], app)
        consumer: Any = app.transport.create_consumer(
            callback=_nothing, on_partitions_revoked=_nothing, on_partitions_assigned=_nothing
        )
        consumer.assignment = lambda: {PARTITION}
        consumers.append(consumer)
        return app, consumer

    yield of
    for consumer in consumers:
        consumer._thread.thread_loop.close()


async def test_a_failed_commit_advances_stock_fausts_bookkeeping_all_the_same(make: Make) -> None:
    app, consumer = make(StockTransport)

    async def fails(offsets: dict[TP, int]) -> bool:
        return False

    async def flushed() -> None: ...

    consumer._commit = fails
    app.producer.flush = flushed  # type: ignore[method-assign]
    await consumer._commit_offsets({PARTITION: 5})
    assert consumer._committed_offset[PARTITION] == 5


async def test_our_consumer_never_commits_by_itself(make: Make) -> None:
    _, consumer = make(Transport)
    assert isinstance(consumer, Consumer)
    consumer._acked[PARTITION] = [0, 1, 2]
    assert await consumer.commit() is False
    assert await consumer.force_commit() is False
    assert consumer._committed_offset[PARTITION] is None


async def test_a_poll_that_a_rebalance_overtakes_is_waited_for_before_anybody_seeks(make: Make) -> None:
    """aiokafka goes on with it under the new assignment, with the partitions that were active before."""
    app, consumer = make(Transport)
    app.worker = SimpleNamespace(epoch=1)  # type: ignore[attr-defined]
    answer: asyncio.Future[Polled] = asyncio.get_running_loop().create_future()

    class Thread:
        async def poll(self, active: set[TP]) -> Polled:
            return await answer

    thread, consumer._thread = consumer._thread, Thread()
    consumer._active_partitions = {PARTITION}
    polling = asyncio.ensure_future(anext(consumer.getmany(1.0), None))
    await asyncio.sleep(0)
    consumer.stop_flow()
    app.worker.epoch = 2  # type: ignore[attr-defined]
    waiting = asyncio.ensure_future(consumer.no_poll())
    await asyncio.sleep(0)
    assert not waiting.done()
    answer.set_result(Polled({PARTITION: []}, {PARTITION: Reach(9, 9)}, {}))
    await asyncio.wait_for(waiting, 5)
    assert await polling is None, "what it brought is nobody's"
    consumer._thread = thread


async def test_without_a_table_and_standbys_stock_faust_falls_back_to_round_robin(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, consumer = make(StockTransport)
    given: dict[str, Any] = {}
    monkeypatch.setattr("faust.transport.drivers.aiokafka.aiokafka.AIOKafkaConsumer", lambda **each: given.update(each))
    consumer._thread._create_worker_consumer(consumer.transport)
    assert given["partition_assignment_strategy"] == [RoundRobinPartitionAssignor]
    assert given["auto_offset_reset"] == "earliest"
    app.Table("anchor")
    consumer._thread._create_worker_consumer(consumer.transport)
    assert given["partition_assignment_strategy"] == [app.assignor]
