"""A request of a transaction that gets no answer is sent again; the first one, late on the road, must not touch the next transaction.
One that finds its producer fenced fails as the whole transaction does.

Kafka's KIP-890 closes this for clients that speak transaction version 2; ours does not (unit/test_faust_detours.py).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.protocol.transaction import EndTxnRequest, TxnOffsetCommitRequest

from streams.admin import TopicSpec
from streams.engine.effects import Effects
from streams.engine.job import Output
from streams.engine.publisher import CommitFailed, Publisher
from streams.engine.topology import WORKER_GROUP
from streams.settings import Settings
from tests.kafka_service import Kafka


class Died(Exception):
    """The worker is gone in the middle of a transaction."""


class Road:
    """To the broker. Keeps back the first request of a kind, and tells its sender that the connection broke."""

    def __init__(self, bootstrap: str, kind: type[Any], patch: pytest.MonkeyPatch) -> None:
        self._late = AIOKafkaClient(bootstrap_servers=bootstrap)
        self._kept: list[Any] = []
        send = AIOKafkaClient.send

        async def lossy(client: AIOKafkaClient, node: int, request: Any, **options: Any) -> Any:
            if isinstance(request, kind) and not self._kept:
                self._kept.append(request)
                raise KafkaConnectionError("no answer")
            return await send(client, node, request, **options)

        patch.setattr(AIOKafkaClient, "send", lossy)

    async def delivers(self) -> None:
        """The kept one arrives; what the broker answers, nobody hears."""
        (request,) = self._kept
        await self._late.bootstrap()
        try:
            await self._late.send(1, request, group=ConnectionGroup.COORDINATION)
        finally:
            await self._late.close()


def _settings(kafka: Kafka) -> Settings:
    settings = kafka.settings(kafka_partitions=1)
    with kafka.admin() as admin:
        admin.create([TopicSpec(settings.topic(name), 1, 1, {}) for name in ("in", "out", "changelog")])
    return settings


@asynccontextmanager
async def _publisher(settings: Settings) -> AsyncIterator[Publisher]:
    async def nothing(_: dict[str, int]) -> None: ...

    publisher = Publisher(settings, "job", 0, "changelog", {"out": 1}, nothing)
    await publisher.start()
    try:
        yield publisher
    finally:
        await publisher.stop()


def _effects(number: int) -> Effects:
    return Effects([Output("out", b"k", b"%d" % number)], [], b"record", {"in": number}, {}, {}, [])


def _committed(kafka: Kafka, settings: Settings) -> tuple[list[bytes | None], int]:
    """What a read-committed reader sees, and the group's offset."""
    from kafka import KafkaAdminClient

    admin = KafkaAdminClient(bootstrap_servers=[kafka.bootstrap])
    group = settings.topic(WORKER_GROUP)
    offsets = admin.list_group_offsets({group: None})[group]
    admin.close()
    return [record.value for record in kafka.read(settings.topic("out"))], next(iter(offsets.values())).offset


async def _in_lives(settings: Settings, *effects: Effects) -> None:
    """Commits them as a worker does: whatever fails is done again in a new life, which starts a producer anew."""
    left = list(effects)
    for _ in range(3):
        async with _publisher(settings) as publisher:
            try:
                while left:
                    await publisher.commit(left[0])
                    left.pop(0)
            except CommitFailed:
                continue
    assert not left


async def test_a_late_end_does_not_commit_half_of_the_next_transaction(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(kafka)
    road = Road(kafka.bootstrap, EndTxnRequest, monkeypatch)
    send = Publisher._send

    async def send_and_die(publisher: Publisher, effects: Effects) -> int | None:
        position = await send(publisher, effects)
        if effects.offsets["in"] == 2:
            await road.delivers()
            raise Died
        return position

    monkeypatch.setattr(Publisher, "_send", send_and_die)
    with pytest.raises(Died):
        await _in_lives(settings, _effects(1), _effects(2))
    async with _publisher(settings):  # the next owner ends what was left open
        assert _committed(kafka, settings) == ([b"1"], 1)


async def test_late_offsets_do_not_take_those_of_the_next_transaction_back(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(kafka)
    road = Road(kafka.bootstrap, TxnOffsetCommitRequest, monkeypatch)
    send_offsets = AIOKafkaProducer.send_offsets_to_transaction

    async def send_both(producer: AIOKafkaProducer, offsets: dict[TopicPartition, int], group: str) -> None:
        await send_offsets(producer, offsets, group)
        if 2 in offsets.values():
            await road.delivers()

    monkeypatch.setattr(AIOKafkaProducer, "send_offsets_to_transaction", send_both)
    await _in_lives(settings, _effects(1), _effects(2))
    assert _committed(kafka, settings) == ([b"1", b"2"], 2)


async def test_a_request_that_could_not_be_sent_ends_no_life(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(kafka)
    send = AIOKafkaClient.send
    refused: list[Any] = []

    async def not_ready(client: AIOKafkaClient, node: int, request: Any, **options: Any) -> Any:
        if isinstance(request, EndTxnRequest) and not refused:
            refused.append(request)
            raise NodeNotReadyError("no connection")
        return await send(client, node, request, **options)

    monkeypatch.setattr(AIOKafkaClient, "send", not_ready)
    async with _publisher(settings) as publisher:
        await publisher.commit(_effects(1))
        await publisher.commit(_effects(2))
    assert len(refused) == 1
    assert _committed(kafka, settings) == ([b"1", b"2"], 2)


async def test_what_a_fenced_producer_had_not_yet_sent_fails_as_the_rest_of_its_transaction(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(kafka)
    send_batch = AIOKafkaProducer.send_batch

    async def output_waits(producer: AIOKafkaProducer, batch: BatchBuilder, topic: str, *, partition: int) -> Any:
        if topic == settings.topic("out"):
            await asyncio.wait([producer._sender.sender_task], timeout=30)  # ends as the fence is noticed
        return await send_batch(producer, batch, topic, partition=partition)

    async with _publisher(settings) as older, _publisher(settings):
        monkeypatch.setattr(AIOKafkaProducer, "send_batch", output_waits)
        with pytest.raises(CommitFailed, match="Fenced"):
            await older.commit(_effects(1))
    assert kafka.read(settings.topic("out")) == []
