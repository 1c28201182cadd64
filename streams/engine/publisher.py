"""Writes a task's effects to Kafka: one transaction for outputs, changelog, task record and offsets, so that they move together.

With `at_least_once` the order is the same (outputs and changelog acknowledged, then offsets), but nothing makes it whole.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError, MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from streams.engine import failpoints
from streams.engine.answers import Answers
from streams.engine.effects import Effects
from streams.engine.job import Headers, Output
from streams.engine.partitioning import partition_of
from streams.engine.store import TASK_KEY
from streams.engine.topology import WORKER_GROUP
from streams.errors import UserError
from streams.kafka_config import aiokafka_client_config
from streams.settings import Settings

_log = logging.getLogger(__name__)

BATCH_BYTES = 1_000_000  # of one produce batch; Kafka's own limit is 1 MiB
TRANSACTION_TIMEOUT_SECONDS = 60.0
_APPENDS_BETWEEN_YIELDS = 500

CommitToGroup = Callable[[dict[str, int]], Awaitable[None]]


class CommitFailed(Exception):
    """A transaction did not happen, or may not have: the task must start again from its committed state."""


class Publisher:
    """Of one task. `changelog` is the topic without prefix; `partitions` counts those of every topic written to."""

    def __init__(
        self,
        settings: Settings,
        job: str,
        partition: int,
        changelog: str,
        partitions: dict[str, int],
        commit_to_group: CommitToGroup,
    ) -> None:
        self._settings = settings
        self._partition = partition
        self._changelog = changelog
        self._partitions = partitions
        self._commit_to_group = commit_to_group
        self._transactional = settings.worker_delivery == "exactly_once"
        self._where = f"{job}/{partition}"
        self._group = settings.topic(WORKER_GROUP)
        self._id = settings.topic(f"touchstone-{job}-{partition}")
        if failpoints.fencing_skipped:
            self._id += f"-{os.getpid()}"
        self._producer: AIOKafkaProducer | None = None
        self._answers: Answers | None = None

    async def start(self) -> None:
        """From here on an older producer of this task is fenced, and what it left open is aborted."""
        transaction = (
            {"transactional_id": self._id, "transaction_timeout_ms": int(TRANSACTION_TIMEOUT_SECONDS * 1000)}
            if self._transactional
            else {"enable_idempotence": True}
        )
        self._producer = AIOKafkaProducer(
            **aiokafka_client_config(self._settings),
            **transaction,
            max_batch_size=BATCH_BYTES,
            linger_ms=0,
            retry_backoff_ms=10,  # the first produce of a transaction may be answered "not yet verified"
        )
        try:
            async with asyncio.timeout(TRANSACTION_TIMEOUT_SECONDS):
                await self._producer.start()
        except (KafkaError, TimeoutError) as error:
            raise CommitFailed(f"{self._where}: the producer cannot start: {error!r}") from error
        self._answers = Answers(self._producer)
        failpoints.hit("producer_started")

    async def commit(self, effects: Effects) -> int | None:
        """The offset after the last changelog record, None if the broker did not say (it had a repeated request before).

        Raises CommitFailed; then nobody knows whether it happened until the committed state is read again.
        """
        failpoints.hit("before_transaction")
        try:
            async with asyncio.timeout(TRANSACTION_TIMEOUT_SECONDS):
                if self._transactional:
                    position = await self._in_transaction(effects)
                else:
                    position = await self._send(effects)
                    failpoints.hit("outputs_sent")
                    if effects.offsets:  # none where only time has gone on
                        await self._commit_to_group(effects.offsets)
        except MessageSizeTooLargeError as error:
            raise UserError(
                f"{self._where}: Kafka refuses a message as too large: {error}",
                "raise max.message.bytes of the topics that this job writes to (changelog and dead letters included)",
            ) from error
        except (KafkaError, TimeoutError, IllegalOperation) as error:
            raise CommitFailed(f"{self._where}: the transaction failed: {error!r}") from error
        failpoints.hit("after_commit")
        return position

    async def _in_transaction(self, effects: Effects) -> int | None:
        producer = self._started()
        if self._answers is not None and self._answers.missing:
            raise CommitFailed(f"{self._where}: {self._answers.missing} got no answer and may still be on the road")
        await producer.begin_transaction()
        failpoints.hit("transaction_begun")
        position = await self._send(effects)
        failpoints.hit("outputs_sent")
        if not failpoints.offsets_outside:
            offsets = {
                TopicPartition(self._settings.topic(topic), self._partition): offset
                for topic, offset in effects.offsets.items()
            }
            if offsets:
                await producer.send_offsets_to_transaction(offsets, self._group)
        failpoints.hit("offsets_sent")
        await producer.commit_transaction()
        if failpoints.offsets_outside:
            if effects.inputs:
                failpoints.hit(failpoints.WITH_OFFSETS_OUTSIDE)
            if effects.offsets:
                await self._commit_to_group(effects.offsets)
        return position

    def _started(self) -> AIOKafkaProducer:
        assert self._producer is not None, "start() comes first"
        return self._producer

    # --- sending ------------------------------------------------------------------------------------------------

    async def _send(self, effects: Effects) -> int | None:
        """All batches acknowledged, or the first error. aiokafka commits a transaction even if a batch of it failed.

        Returns where the changelog stands then.
        """
        batches = await self._build(effects)
        results = await asyncio.gather(
            *(self._send_partition(topic, partition, builders) for (topic, partition), builders in batches.items()),
            return_exceptions=True,
        )
        errors = [result for result in results if isinstance(result, BaseException)]
        if errors:  # one that ends the transaction makes what other partitions still send illegal: it tells more
            raise min(errors, key=lambda error: isinstance(error, IllegalOperation))
        ends = {place: end for place, end in zip(batches, results, strict=True) if not isinstance(end, BaseException)}
        return ends[self._settings.topic(self._changelog), self._partition]  # the task record is always there

    async def _send_partition(self, topic: str, partition: int, builders: list[BatchBuilder]) -> int | None:
        """The offset after the last message, if the broker says it."""
        producer = self._started()
        sent = []
        try:
            for builder in builders:
                builder.close()
                # Waits until the partition's previous batch is on its way; other partitions go on meanwhile.
                sent.append(await producer.send_batch(builder, topic, partition=partition))
        finally:
            results = await asyncio.gather(*sent, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        last: RecordMetadata = results[-1]
        return last.offset + builders[-1].record_count() if last.offset >= 0 else None

    async def _build(self, effects: Effects) -> dict[tuple[str, int], list[BatchBuilder]]:
        batches: dict[tuple[str, int], list[BatchBuilder]] = {}
        for number, (topic, partition, key, value, headers) in enumerate(self._messages(effects), 1):
            self._append(batches.setdefault((topic, partition), []), key, value, list(headers))
            if number % _APPENDS_BETWEEN_YIELDS == 0:
                await asyncio.sleep(0)
        return batches

    def _append(
        self, builders: list[BatchBuilder], key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> None:
        if builders and builders[-1].append(timestamp=None, key=key, value=value, headers=headers) is not None:
            return
        builder = self._started().create_batch()
        if builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
            raise MessageSizeTooLargeError(f"{len(value or b'')} bytes")
        builders.append(builder)

    def _messages(self, effects: Effects) -> Iterator[tuple[str, int, bytes | None, bytes | None, Headers]]:
        changelog, partition = self._settings.topic(self._changelog), self._partition
        for output in effects.outputs:
            topic = self._settings.topic(output.topic)
            for target in self._targets(output):
                yield topic, target, output.key, output.value, output.headers
        for key, value in effects.changes:
            yield changelog, partition, key, value, ()
        yield changelog, partition, TASK_KEY, effects.record, ()

    def _targets(self, output: Output) -> range | tuple[int, ...]:
        count = self._partitions.get(output.topic)
        if count is None:
            raise ValueError(f"{self._where}: output to {output.topic}, which is not among the job's outputs")
        if output.partition is None:
            return (0 if count == 1 or output.key is None else partition_of(output.key, count),)
        if output.partition == -1:
            return range(count)
        return (output.partition,)

    # --- end ----------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Close the connection. What was not committed is aborted by the task's next producer."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(5.0):
                await producer.stop()
        except (KafkaError, TimeoutError) as error:
            _log.warning("%s: the producer did not stop cleanly: %r", self._where, error)
            await producer.client.close()
