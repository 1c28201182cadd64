"""The thread that owns the aiokafka consumer: fetches, and says how far every partition reaches. Positions are set from outside."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import aiokafka
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import NoOffsetForPartitionError
from aiokafka.structs import TopicPartition as KafkaPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.engine.batches import Batch, keep_batches
from streams.kafka_config import aiokafka_client_config

if TYPE_CHECKING:
    from streams.engine.worker import Worker

POLL_SECONDS = 0.1  # an empty poll returns after this, so that knowledge of lag is fresh
FETCH_BYTES = 256 << 10  # a partition and fetch: small, because what waits in memory has left the CPU's cache
FETCH_WAIT_MS = 100  # a fetch of idle partitions keeps the others of that broker waiting for so long
# While messages come, a fetch gathers: each one by itself would cost a request, a poll and a hand-over.
GATHER_BYTES = 64 << 10
GATHER_MS = 20
HEARTBEAT_MS = 1000
REBALANCE_TIMEOUT_MS = 60_000


class Reach(NamedTuple):
    """How far a partition is fetched, and where it ends for a reader of committed messages (None: unknown)."""

    position: int
    end: int | None


class Polled(NamedTuple):
    """The same of all partitions together, as the consumer's thread hands it over."""

    records: Mapping[TP, list[Batch]]
    reaches: dict[TP, Reach]
    starts: dict[TP, int]


def worker_of(app: Any) -> "Worker":
    """Our app has a worker; Faust's type does not know."""
    worker: Worker = app.worker
    return worker


def _gather(fetcher: Fetcher, busy: bool) -> None:
    """The next fetch waits a little for more than one message, or long for the first one."""
    fetcher._fetch_min_bytes = GATHER_BYTES if busy else 1
    fetcher._fetch_max_wait_ms = GATHER_MS if busy else FETCH_WAIT_MS


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Owns the aiokafka consumer. No reset policy, read committed, Faust's co-partitioning assignor."""

    mundane_level = "debug"

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        settings = worker_of(self.app).settings
        # Faust takes round-robin unless a table is declared; we declare one and name the assignor as well.
        self._assignor = self.app.assignor
        return aiokafka.AIOKafkaConsumer(
            **aiokafka_client_config(settings),
            group_id=self.app.conf.id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            session_timeout_ms=int(settings.worker_session_seconds * 1000),
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            # A held task polls nothing and must keep its partitions; /livez watches over progress instead.
            max_poll_interval_ms=24 * 3600 * 1000,
            metadata_max_age_ms=30_000,
        )

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> Mapping[TP, list[Batch]]:
        keep_batches(consumer._fetcher)
        try:
            return await super()._fetch_records(consumer, active_partitions, timeout=timeout)
        except NoOffsetForPartitionError:
            return {}  # aiokafka looked for a committed offset before our explicit seek

    async def poll(self, active: set[TP]) -> Polled:
        """Records of the active partitions, and how far every assigned partition reaches, as of the same moment."""
        polled: Polled = await self.call_thread(self._poll, active)
        return polled

    async def _poll(self, active: set[TP]) -> Polled:
        consumer = self._ensure_consumer()
        starts = {each: reach.position for each, reach in self._reaches(consumer).items() if each in active}
        records = await self._fetch_records(consumer, active, timeout=0.0)
        if not records:
            records = await self._fetch_records(consumer, active, timeout=POLL_SECONDS)
        _gather(consumer._fetcher, bool(records))
        return Polled(records, self._reaches(consumer), starts)

    def _reaches(self, consumer: Any) -> dict[TP, Reach]:
        subscription = consumer._subscription.subscription
        assignment = subscription.assignment if subscription is not None else None
        reaches: dict[TP, Reach] = {}
        if assignment is not None and assignment.active:
            for partition in assignment.tps:
                state = assignment.state_value(partition)
                if state.has_valid_position:
                    reaches[TP(partition.topic, partition.partition)] = Reach(state.position, state.lso)
        return reaches

    async def seek_to(self, offsets: Mapping[TP, int]) -> None:
        """Explicit positions. Raises IllegalStateError when a partition is no longer assigned."""
        await self.call_thread(self._seek_to, offsets)

    async def _seek_to(self, offsets: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        for partition, offset in offsets.items():
            consumer.seek(KafkaPartition(partition.topic, partition.partition), offset)

    async def committed(self, partitions: Iterable[TP]) -> dict[TP, int | None]:
        """The group's committed offsets."""
        found: dict[TP, int | None] = await self.call_thread(self._committed, list(partitions))
        return found

    async def _committed(self, partitions: list[TP]) -> dict[TP, int | None]:
        consumer = self._ensure_consumer()
        found = await asyncio.gather(
            *(consumer.committed(KafkaPartition(each.topic, each.partition)) for each in partitions)
        )
        return dict(zip(partitions, found, strict=True))

    async def commit_offsets(self, offsets: Mapping[TP, int]) -> None:
        """Commit outside of any transaction, for at_least_once. Raises what aiokafka raises."""
        await self.call_thread(self._commit_offsets, offsets)

    async def _commit_offsets(self, offsets: Mapping[TP, int]) -> None:
        await self._ensure_consumer().commit(
            {KafkaPartition(each.topic, each.partition): offset for each, offset in offsets.items()}
        )
