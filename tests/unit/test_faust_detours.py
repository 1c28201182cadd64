"""Faults of stock Faust and aiokafka that the engine steps around, each shown on the pinned version.

A test that fails here after an upgrade says that a fault is gone, or has changed: look whether the detour is still needed.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import aiokafka.errors
import faust
import pytest
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import ProducerFenced
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.protocol.transaction import InitProducerIdRequest_v0, TxnOffsetCommitRequest_v0
from aiokafka.structs import TopicPartition
from faust.events import Event
from faust.exceptions import ValueDecodeError
from faust.sensors.monitor import Monitor
from faust.transport.conductor import ConductorCompiler
from faust.transport.consumer import TransactionManager
from faust.transport.drivers.aiokafka import Transport
from faust.types import TP, Message

PARTITION = TP("topic", 0)


def _app(**settings: Any) -> faust.App:
    return faust.App("detours", broker="kafka://127.0.0.1:1", autodiscover=False, store="memory://", **settings)


def _message(offset: int, value: bytes = b"v") -> Message:
    return Message("topic", 0, offset, 0.0, 0, [], b"k", value, None, tp=PARTITION)


@pytest.fixture
def consumer() -> Iterator[Any]:
    """Stock, not started."""

    async def nothing(*_: Any) -> None: ...

    app = _app()
    app.transport = Transport([*app.conf.broker], app)
    made: Any = app.transport.create_consumer(
        callback=nothing, on_partitions_revoked=nothing, on_partitions_assigned=nothing
    )
    yield made
    made._thread.thread_loop.close()


async def _acked_by(use: Callable[[Any], Any]) -> list[int]:
    """Offsets of two messages that count as processed after `use` has read them and raised."""
    app = _app()
    messages = [_message(offset) for offset in range(2)]
    for message in messages:
        message.generation_id = app.consumer_generation_id  # of another generation it would be skipped
        message.incref()

    app.flow_control.resume()
    channel = app.channel()
    stream: Any = app.stream(channel)
    consumer: Any = app.consumer
    agent = asyncio.ensure_future(use(stream))
    await asyncio.sleep(0.1)  # it subscribes
    try:
        for message in messages:
            await channel.put(Event(app, b"k", b"v", {}, message))
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(agent, 10)
    finally:
        await stream.stop()
        consumer._thread.thread_loop.close()
    return [message.offset for message in messages if message.acked]


async def test_an_exception_in_an_agents_loop_acknowledges_the_event() -> None:
    async def agent(stream: Any) -> None:
        async for _ in stream:
            raise ZeroDivisionError

    assert await _acked_by(agent) == [0]


async def test_take_acknowledges_a_batch_whose_processing_failed() -> None:
    async def agent(stream: Any) -> None:
        async for _ in stream.take(2, within=5):
            raise ZeroDivisionError

    assert await _acked_by(agent) == [0, 1]


async def test_a_message_that_cannot_be_decoded_is_acknowledged_before_its_hook_runs() -> None:
    seen: list[int] = []

    class Channel:
        key_type = value_type = None

        async def decode(self, message: Message, *, propagate: bool) -> Event:
            raise ValueDecodeError("no")

        async def on_value_decode_error(self, error: Exception, message: Message) -> None:
            seen.append(message.refcount)

    app = SimpleNamespace(
        consumer=SimpleNamespace(ack=lambda message: True, on_buffer_full=None, on_buffer_drop=None),
        flow_control=SimpleNamespace(acquire=_nothing),
        producer=SimpleNamespace(buffer=SimpleNamespace(wait_until_ebb=_nothing)),
        sensors=SimpleNamespace(on_topic_buffer_full=None),
    )
    conductor: Any = SimpleNamespace(app=app)
    handle: Any = ConductorCompiler().build(conductor, PARTITION, {Channel()})  # type: ignore[arg-type]
    await handle(_message(3))
    assert seen == [0], "no reference is left when the hook runs: the offset may be committed"


async def _nothing(*_: Any) -> None: ...


async def test_the_offset_to_commit_can_pass_a_message_that_is_not_processed(consumer: Any) -> None:
    """2 is acked, 3 and 4 are markers, 5 is being processed, 6 is acked: 5 belongs to nobody's gap, and yet 7 is committed."""
    await consumer._add_gap(PARTITION, 3, 5)  # as _drain_messages calls it when 5 follows 2
    consumer._acked[PARTITION] = [2, 6]
    assert consumer._new_offset(PARTITION) == 7


async def test_recovery_of_a_changelog_that_ends_in_a_transaction_marker_never_ends() -> None:
    app = _app()
    recovery: Any = app.tables.recovery
    ends = SimpleNamespace(highwaters=_ends_at_ten)
    await recovery._build_highwaters(ends, {PARTITION}, recovery.active_highwaters, "active")
    recovery.active_tps.add(PARTITION)
    recovery.active_offsets[PARTITION] = 8  # the last message; 9 is the marker, which no consumer delivers
    assert recovery.need_recovery()


async def _ends_at_ten(*_: TP) -> dict[TP, int]:
    return {PARTITION: 10}


async def test_an_offset_out_of_range_is_replaced_by_the_earliest_that_is_left(
    consumer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a word: aiokafka raises only without a reset policy, and stock Faust sets one."""
    made: dict[str, Any] = {}
    monkeypatch.setattr("aiokafka.AIOKafkaConsumer", lambda *topics, **options: made.update(options))
    consumer._thread._create_worker_consumer(consumer.transport)
    assert made["auto_offset_reset"] == "earliest"


async def test_windows_expire_by_the_wall_clock() -> None:
    """A replay of last year finds its windows gone, although in its own time they are fresh."""
    table: Any = _app().Table("w", default=int).tumbling(60, expires=3600).table
    last_year = time.time() - 365 * 86400
    table._partition_timestamps[0] = [last_year]
    await table._del_old_keys()
    assert table._partition_timestamps[0] == []


async def test_join_is_not_implemented() -> None:
    app = _app()
    joined = app.stream(app.channel()).join()
    with pytest.raises(NotImplementedError):
        await joined.join_strategy.process(None)  # type: ignore[union-attr, arg-type]


async def test_a_fenced_producer_counts_as_a_commit() -> None:
    crashed: list[BaseException] = []

    async def crash(error: BaseException) -> None:
        crashed.append(error)

    async def fenced(*_: Any, **__: Any) -> None:
        raise ProducerFenced

    manager: Any = SimpleNamespace(
        producer=SimpleNamespace(commit_transactions=fenced),
        app=SimpleNamespace(
            crash=crash, conf=SimpleNamespace(id="detours"), assignor=SimpleNamespace(group_for_topic=lambda topic: 0)
        ),
        transactional_id_format="{app.conf.id}-{tpg.group}-{tpg.partition}",
        log=SimpleNamespace(dev=lambda *_: None),
    )
    assert await TransactionManager.commit(manager, {PARTITION: 5}) is True
    assert len(crashed) == 1


def test_the_monitor_counts_in_milliseconds() -> None:
    assert Monitor().secs_to_ms(2.0) == 2000.0


def test_tables_are_shown_over_http_unless_that_is_switched_off() -> None:
    assert _app().conf.web_tables_enabled is True


async def test_a_second_batch_of_a_partition_waits_until_the_first_is_sent() -> None:
    cluster = ClusterMetadata()
    accumulator = MessageAccumulator(cluster, 1000, 0, 30.0)
    where = TopicPartition("topic", 0)
    await accumulator.add_batch(accumulator.create_builder(), where, 1.0)
    with pytest.raises(aiokafka.errors.KafkaTimeoutError):
        await accumulator.add_batch(accumulator.create_builder(), where, 0.05)


def test_aiokafka_sends_the_group_alone_with_the_offsets() -> None:
    """KIP-447's generation and member id came with version 3. Hence one producer a task, fenced by its id."""
    assert TxnOffsetCommitRequest_v0.SCHEMA.names == (
        "transactional_id",
        "group_id",
        "producer_id",
        "producer_epoch",
        "topics",
    )
    assert InitProducerIdRequest_v0.SCHEMA.names == ("transactional_id", "transaction_timeout_ms")
    assert _versions("TxnOffsetCommitRequest", "InitProducerIdRequest") == {
        "TxnOffsetCommitRequest_v0",
        "InitProducerIdRequest_v0",
    }


def test_aiokafka_ends_transactions_without_an_epoch_each() -> None:
    """KIP-890's second part came with version 5. Hence a request without an answer ends the producer (engine/answers.py)."""
    assert _versions("EndTxnRequest") == {"EndTxnRequest_v0"}


def _versions(*requests: str) -> set[str]:
    from aiokafka.protocol import transaction

    return {name for name in vars(transaction) if name.startswith(tuple(f"{request}_" for request in requests))}
