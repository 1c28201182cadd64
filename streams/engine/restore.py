"""Reads a task's committed state back: changelog and, up to the recorded position, the broadcast topic. Read-committed, in batches.

The changelog is read from where the task's store ends: all of it for a new store, the rest for one that was kept.

In: where a task stands on Kafka. Out: a TaskCore as it was after its last transaction, and offsets to go on from, or a
UserError when state and offsets do not belong together.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from streams.engine import failpoints
from streams.engine.batches import keep_batches, messages_of
from streams.engine.core import TaskCore
from streams.engine.fetching import FETCH_BYTES
from streams.engine.record import TaskRecord, decode
from streams.engine.store import TASK_KEY, unpack
from streams.engine.topology import Topology, changelog, check_same, read_topics
from streams.errors import Unavailable, UserError
from streams.kafka_config import aiokafka_client_config
from streams.settings import Settings

_log = logging.getLogger(__name__)

_SAY_EVERY_SECONDS = 10.0
_REPAIR = (
    "docs/failures.md, 'state cannot be used': stop the workers, delete the consumer group and the job's changelog, "
    "create the changelog, start again: the state is built anew from the beginning of the topics"
)


async def restore(
    core: TaskCore, committed: dict[str, int | None], topology: Topology, settings: Settings
) -> dict[str, int]:
    """`committed`: the group's offset of each input. Returns topic → offset from which to read, broadcast topic included."""
    async with state_consumer(settings) as consumer:
        read = await read_changelog(core, consumer, settings)
        await _check_not_ahead(core, consumer, settings)
        record = None if core.store.record is None else decode(core.store.record)
        if record is not None:
            check_same(record.topics, topology, core.where, settings)
        core.restore(record)
        starts = await _starts(core, consumer, committed, record, settings)
        if core.job.broadcast is not None:
            starts[core.job.broadcast] = await _read_controls(core, consumer, settings)
    _log.info("%s: read %d changelog records", core.where, read)
    core.topics = {name: topology.uuids[name] for name in read_topics(core.job)}
    failpoints.hit("after_restore")
    return starts


@contextlib.asynccontextmanager
async def state_consumer(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """Without a group, read-committed, for whole logs."""
    consumer = AIOKafkaConsumer(
        **aiokafka_client_config(settings),
        group_id=None,
        isolation_level=failpoints.isolation_level,
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read_changelog(core: TaskCore, consumer: AIOKafkaConsumer, settings: Settings) -> int:
    """Bring the store up to the end of the changelog; how many messages that took. Raises UserError for another version's values."""
    topic = TopicPartition(settings.topic(changelog(core.job)), core.partition)
    load, store = core.load, core.store
    count = 0
    async for batch in _log_of(consumer, topic, store.position, None, core.where):
        record = store.record
        for message in batch:
            if message.key == TASK_KEY:
                record = message.value
            elif message.value is None:
                load(message.key, None, None)
            else:
                load(message.key, *unpack(message.value))
        count += len(batch)
        if batch:
            store.loaded(batch[-1].offset + 1, record)
        failpoints.hit("while_restoring")
        await asyncio.sleep(0)
    return count


async def _check_not_ahead(core: TaskCore, consumer: AIOKafkaConsumer, settings: Settings) -> None:
    """Only for who has fenced the owner before: until then the end can lie before a transaction that is being completed."""
    topic = TopicPartition(settings.topic(changelog(core.job)), core.partition)
    end = (await consumer.end_offsets([topic]))[topic]
    if core.store.position is not None and core.store.position > end:
        raise UserError(
            f"{core.where}: the kept state is of {topic.topic} up to offset {core.store.position}, but Kafka has it up to "
            f"{end} only",
            "the changelog lost messages (an unclean leader election, an older copy of the cluster); if it is right as it "
            "is, delete the worker's TOUCHSTONE_WORKER_STATE_DIR and start again",
        )


async def _read_controls(core: TaskCore, consumer: AIOKafkaConsumer, settings: Settings) -> int:
    """Fold in the controls before the recorded position; returns the offset of the first that is still to be applied."""
    assert core.job.broadcast is not None
    topic = TopicPartition(settings.topic(core.job.broadcast), core.partition)
    until = core.controls.settled_next
    async for batch in _log_of(consumer, topic, None, until, core.where):
        for message in batch:
            await _when_available(core, message)
    beginning = (await consumer.beginning_offsets([topic]))[topic]
    return int(max(until, beginning))


async def _when_available(core: TaskCore, message: ConsumerRecord) -> None:
    while True:
        try:
            core.controls.reread(message)
        except Unavailable as error:
            _log.warning("%s: held while restoring: %s", core.where, error.detail)
            await asyncio.sleep(error.retry_after_seconds)
        else:
            return


async def _log_of(
    consumer: AIOKafkaConsumer, topic: TopicPartition, since: int | None, until: int | None, where: str
) -> AsyncIterator[list[ConsumerRecord]]:
    """The partition's messages from `since` (None: its beginning) to `until` (None: its end now), in batches."""
    consumer.assign([topic])
    beginning = (await consumer.beginning_offsets([topic]))[topic]
    end = (await consumer.end_offsets([topic]))[topic]
    if until is not None:
        end = min(end, until)
    if since is not None:
        beginning = max(beginning, since)
    if until is None and failpoints.restore_short:
        end -= (end - beginning) // 4
    consumer.seek(topic, beginning)
    said_at = time.monotonic()
    while await consumer.position(topic) < end:
        keep_batches(consumer._fetcher)
        batches = await consumer.getmany(topic, timeout_ms=200)
        for batch in batches.values():
            yield [message for message in messages_of(batch) if message.offset < end]
        if time.monotonic() - said_at > _SAY_EVERY_SECONDS:
            said_at = time.monotonic()
            position = await consumer.position(topic)
            _log.info("%s: restoring, %d of %d in %s", where, position - beginning, end - beginning, topic.topic)


async def _starts(
    core: TaskCore,
    consumer: AIOKafkaConsumer,
    committed: dict[str, int | None],
    record: TaskRecord | None,
    settings: Settings,
) -> dict[str, int]:
    partitions = {topic: TopicPartition(settings.topic(topic), core.partition) for topic in core.job.inputs}
    beginnings = await consumer.beginning_offsets(list(partitions.values()))
    ends = await consumer.end_offsets(list(partitions.values()))
    starts: dict[str, int] = {}
    for topic, partition in partitions.items():
        offset = committed[topic]
        _check_pair(core, topic, offset, record, settings)
        first, last = beginnings[partition], ends[partition]
        if offset is None:
            starts[topic] = first
        elif first <= offset <= last:
            starts[topic] = offset
        else:
            raise UserError(out_of_range(partition, offset, first, last), _REPAIR)
    return starts


def out_of_range(partition: TopicPartition, offset: int, first: int | None = None, last: int | None = None) -> str:
    """What is wrong when Kafka no longer (or not yet) has the message that comes next."""
    has = "" if first is None else f": Kafka has {first} to {last}"
    return (
        f"{partition.topic}/{partition.partition}: offset {offset} is out of range{has}. Messages were deleted before they "
        "were processed (retention), or the topic was created again"
    )


def _check_pair(core: TaskCore, topic: str, offset: int | None, record: TaskRecord | None, settings: Settings) -> None:
    """State and offsets are committed together, so one without the other means that somebody removed the other."""
    name = f"{settings.topic(topic)}/{core.partition}"
    if record is None and offset is not None:
        raise UserError(
            f"{core.where}: the group has an offset for {name} but the changelog holds no state: it was deleted or emptied",
            _REPAIR,
        )
    if record is not None and offset is None and topic in record.topics:
        raise UserError(
            f"{core.where}: there is state, but the group's offset for {name} is gone (deleted, or expired while no worker "
            "ran: offsets.retention.minutes); reading from the beginning would count everything twice",
            _REPAIR,
        )
