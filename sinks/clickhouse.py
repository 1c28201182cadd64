"""Kafka → ClickHouse: reads committed messages in batches, inserts them, then commits their offsets. Never the other way round.

While a flush is under way the next batch is read; when that is full, reading pauses. While ClickHouse is away the flush is
repeated for ever and memory stays bounded. A crash, a zombie or a repeat inserts rows again, and keys make that harmless.
"""

import asyncio
import logging
import time
from typing import Any, Final

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from schemas.codec import Codec
from schemas.refusals import InvalidEvent
from sinks import source
from sinks.availability import Availability
from sinks.buffer import Batch, Buffer, Refusal
from sinks.columns import Row
from sinks.letters import Letters
from sinks.segments import names
from sinks.tables import BY_TOPIC, decode
from sinks.writer import Writer
from streams import metrics
from streams.codec import codec
from streams.engine import failpoints
from streams.engine.job import Message
from streams.errors import ExitCode, Unavailable, UserError
from streams.settings import Settings

POLL_RECORDS: Final = 2_000
POLL_SECONDS: Final = 0.1
RETRY_SECONDS_MAX: Final = 15.0
DRAIN_SECONDS: Final = 20.0  # to finish what is under way when partitions are taken away or the process is to end
STALL_SECONDS: Final = 120.0

log = logging.getLogger(__name__)


class Sink(ConsumerRebalanceListener):  # type: ignore[misc]  # the library is untyped
    """One member of the group. Also its own health: see `streams.probes`."""

    def __init__(self, settings: Settings, codec: Codec, writer: Writer | None = None) -> None:
        self._settings = settings
        self._codec = codec
        self._attributes = names(settings.sink_segments)
        self._writer = writer or Writer(settings)
        self._letters = Letters(settings)
        self._buffer = Buffer(settings.sink_flush_rows, settings.sink_flush_bytes, settings.sink_flush_seconds)
        self._flush: asyncio.Task[bool] | None = None
        self._flushing: Batch | None = None
        self._flush_started = 0.0
        self._committed: dict[TopicPartition, int] = {}
        self._database = Availability()
        self._draining = False
        self._assignments = 0
        self._consumer: Any = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set: then flushes, commits and leaves the group. Raises UserError for what needs a person."""
        self._writer.expect(await asyncio.to_thread(source.identities, self._settings))
        self._consumer = source.consumer(self._settings)
        self._consumer.subscribe(source.topics(self._settings), listener=self)
        try:
            try:
                await self._consumer.start()
            except KafkaError as error:
                raise UserError(f"Kafka: {error}", "`touchstone doctor`", exit_code=ExitCode.UNAVAILABLE) from error
            await self._until(stop)
            await self._drain()
            self._raise_failure()
        finally:
            if self._flush is not None:
                self._flush.cancel()
            await self._consumer.stop()
            await self._letters.stop()
            await asyncio.to_thread(self._writer.close)

    async def _until(self, stop: asyncio.Event) -> None:
        """Turns until `stop` is set, also while Kafka is away and a turn does not end."""

        async def turns() -> None:
            while True:
                await self._turn()

        watching = self._database.watch(self._writer.ask, lambda: self._flush is not None)
        tasks = {asyncio.create_task(work) for work in (turns(), watching, stop.wait())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _turn(self) -> None:
        """Reads what is there, then starts a flush if one is due and none is under way."""
        self._pace()
        try:
            polled = await self._consumer.getmany(timeout_ms=int(POLL_SECONDS * 1000), max_records=POLL_RECORDS)
        except NoOffsetForPartitionError as error:
            await source.start_at_beginning(self._consumer, error)
            return
        except OffsetOutOfRangeError as error:
            raise source.out_of_range(self._settings, error) from error
        assignments = self._assignments
        for at, records in polled.items():
            if not await self._take(at, records):
                return
        await self._note_positions()
        self._raise_failure()
        still_ours = not self._draining and assignments == self._assignments
        if still_ours and self._flush is None and self._buffer.due(time.monotonic()):
            self._start_flush()

    def _pace(self) -> None:
        """No more than one batch waits behind the one that is being stored."""
        if self._flush is not None and self._buffer.full():
            self._consumer.pause(*self._consumer.assignment())
        elif self._consumer.paused():
            self._consumer.resume(*self._consumer.paused())

    async def _take(self, at: TopicPartition, records: list[Any]) -> bool:
        """Into the buffer. False when the partitions were taken away meanwhile: then all that was polled is to be dropped."""
        name = at.topic.removeprefix(self._settings.kafka_prefix)
        table, assignments = BY_TOPIC[name], self._assignments
        for record in records:
            message = Message(
                name, at.partition, record.offset, record.timestamp, record.key, record.value, record.headers
            )
            while True:
                try:
                    record = decode(table, self._codec, message, at.topic, self._attributes)
                    self._buffer.batch.add(table, Row(message, record))
                except InvalidEvent as error:
                    if table.is_input:
                        metrics.sink_invalid_total.labels(table.name, error.reason).inc()
                    else:
                        self._buffer.batch.refuse(Refusal(table, message, error.reason, error.detail))
                except Unavailable as error:  # the schema registry
                    log.warning("%s/%d@%d waits: %s", at.topic, at.partition, record.offset, error.detail)
                    await asyncio.sleep(error.retry_after_seconds)
                    if assignments != self._assignments:
                        return False
                    continue
                break
        self._buffer.touch(at, records[-1].offset + 1, time.monotonic())
        return True

    async def _note_positions(self) -> None:
        """Positions also move past the markers of transactions, which are no messages."""
        for at in self._consumer.assignment():
            known = max(self._buffer.batch.positions.get(at, -1), self._committed.get(at, -1))
            if known < 0:
                continue  # nothing was read yet; asking could wait
            position = await self._consumer.position(at)
            if position > known:
                self._buffer.touch(at, position, time.monotonic())
            end = self._consumer.last_stable_offset(at)
            if end is not None:
                topic = at.topic.removeprefix(self._settings.kafka_prefix)
                metrics.sink_lag_messages.labels(topic, at.partition).set(max(0, end - position))
        waiting = self._flushing.count() if self._flushing is not None else 0
        metrics.sink_buffered_rows.set(self._buffer.batch.count() + waiting)

    def _start_flush(self) -> None:
        self._flushing, self._flush_started = self._buffer.take(), time.monotonic()
        self._flush = asyncio.create_task(self._store(self._flushing), name="flush")

    def _raise_failure(self) -> None:
        """Clears a flush that has ended; what it raised stops the sink."""
        if self._flush is not None and self._flush.done():
            flush, self._flush, self._flushing = self._flush, None, None
            if not flush.cancelled():
                flush.result()

    async def _store(self, batch: Batch) -> bool:
        """Rows, then dead letters, then offsets; each step again until it is done. False: given up, to let partitions go.

        A batch that was given up must not be followed by a commit of later offsets.
        """
        attempt = 0
        failpoints.hit("before_insert")
        while True:
            try:
                await self._writer.store(batch)
                self._database.answers()
                break
            except Unavailable as error:
                for table in batch.rows:
                    metrics.sink_retries_total.labels(table).inc()
                self._database.silent(error, batch.count())
                if self._draining:
                    return False
                attempt += 1
                await asyncio.sleep(min(RETRY_SECONDS_MAX, error.retry_after_seconds * 1.5 ** min(attempt, 10)))
        failpoints.hit("inserted")
        while True:
            try:
                await self._letters.send(batch.refused)
                break
            except Unavailable as error:
                log.warning("%d dead letters wait: %s", len(batch.refused), error.detail)
                await asyncio.sleep(error.retry_after_seconds)
        failpoints.hit("letters_sent")
        await self._commit(batch)
        failpoints.hit("flush_committed")
        return True

    async def _commit(self, batch: Batch) -> None:
        try:
            await self._consumer.commit(batch.positions)
        except (CommitFailedError, IllegalStateError):
            log.info(
                "partitions moved before %d rows were committed: their new owner inserts them again", batch.count()
            )
        else:
            self._committed |= batch.positions
            metrics.sink_commits_total.inc()

    async def _drain(self) -> None:
        """Finishes the flush under way, flushes the rest, commits. What cannot be stored now is dropped: it stays in Kafka."""
        self._draining = True
        deadline = time.monotonic() + DRAIN_SECONDS
        try:
            while self._flush is not None or (self._database.yes and not self._buffer.empty()):
                if self._flush is None:
                    self._start_flush()
                if not await self._finished(deadline if self._database.yes else 0.0):
                    return
        finally:
            self._buffer.take()
            self._assignments += 1
            self._draining = False

    async def _finished(self, deadline: float) -> bool:
        """Waits for the flush under way; False when it failed or was given up: then nothing after it may be committed."""
        flush = self._flush
        assert flush is not None
        await asyncio.wait({flush}, timeout=max(0.0, deadline - time.monotonic()))
        if not flush.done():
            flush.cancel()
            await asyncio.wait({flush})
        failed = not flush.cancelled() and flush.exception() is not None
        if not failed:  # what it raised is raised by the next turn
            self._flush = self._flushing = None
        return not failed and not flush.cancelled() and flush.result()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Others go on from what is committed: store and commit what was read, drop what cannot be stored now."""
        if revoked:
            await self._drain()
            self._committed = {}
            metrics.sink_lag_messages.clear()

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        log.info("reads %d partitions", len(assigned))

    def measure(self) -> None:
        """How long has the oldest message waited that is read and not stored?"""
        batch = self._flushing or self._buffer.batch
        oldest = min((row.message.timestamp_ms for rows in batch.rows.values() for row in rows), default=None)
        metrics.sink_lag_seconds.set(0 if oldest is None else max(0.0, time.time() - oldest / 1000))

    def stalled(self) -> list[str]:
        """Alive while ClickHouse is away; not alive when it answers and yet nothing is committed."""
        if self._flushing is None or not self._database.yes:
            return []
        seconds = time.monotonic() - max(self._flush_started, self._database.since)
        return [f"no commit for {seconds:.0f} s"] if seconds > STALL_SECONDS else []

    def not_ready(self) -> list[str]:
        """Why rows do not become visible now."""
        problems = [] if self._database.yes else ["ClickHouse does not answer"]
        if self._consumer is None or not self._consumer.assignment():
            problems.append("no partitions yet")
        return problems + self.stalled()


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Runs a sink with its health and metrics. Raises UserError."""
    from streams import probes

    failpoints.announce()
    sink = Sink(settings, codec(settings, writes=()))
    async with probes.serve(sink, settings):
        await sink.run(stop)
