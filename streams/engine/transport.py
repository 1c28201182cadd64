"""Faust's transport plug-in: polls Kafka and yields one message a task and poll, whose value is a Poll of raw records.

Faust's own per-message machinery (acks, commits, seeks, livelock detector) is switched off here: the ledger, the transactions
and the positions are the engine's.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import aiokafka
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.errors import NoOffsetForPartitionError
from aiokafka.structs import TopicPartition as KafkaPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.engine.decoding import RawMessage
from streams.kafka_config import aiokafka_client_config

if TYPE_CHECKING:
    from streams.engine.worker import Worker

POLL_SECONDS = 0.1  # an empty poll returns after this, so that knowledge of lag is fresh
MAX_POLL_RECORDS = 10_000
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


class Poll(NamedTuple):
    """What one poll brought for one partition number, by topic on the cluster. `epoch` changes with every assignment.

    `starts`: of the partitions that were asked for, the position before the poll. Whoever takes polls must find that each
    starts where the one before ended: otherwise somebody took messages that did not arrive.
    """

    partition: int
    epoch: int
    records: dict[str, list[RawMessage]]
    reaches: dict[str, Reach]
    starts: dict[str, int]


class Polled(NamedTuple):
    """The same of all partitions together, as the consumer's thread hands it over."""

    records: Mapping[TP, list[RawMessage]]
    reaches: dict[TP, Reach]
    starts: dict[TP, int]


class MessagesMissed(Exception):
    """A poll does not start where the one before ended: the task must start again from its committed state."""


def _worker_of(app: Any) -> "Worker":
    """Our app has a worker; Faust's type does not know."""
    worker: Worker = app.worker
    return worker


def keep_parsed(fetcher: Fetcher) -> None:
    """Hand over what has been fetched as aiokafka's compiled parser makes it: its ConsumerRecord takes twice as long again.

    Both are RawMessages; what arrives while a poll waits comes as the other.
    """
    for fetched in fetcher._records.values():
        if type(fetched) is FetchResult:
            fetched._partition_records._consumer_record = _as_parsed


def _gather(fetcher: Fetcher, busy: bool) -> None:
    """The next fetch waits a little for more than one message, or long for the first one."""
    fetcher._fetch_min_bytes = GATHER_BYTES if busy else 1
    fetcher._fetch_max_wait_ms = GATHER_MS if busy else FETCH_WAIT_MS


def _as_parsed(_partition: KafkaPartition, record: RawMessage) -> RawMessage:
    return record


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Owns the aiokafka consumer. No reset policy, read committed, Faust's co-partitioning assignor."""

    mundane_level = "debug"

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        settings = _worker_of(self.app).settings
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
        timeout: float | None = None,  # noqa: ASYNC109
        max_records: int | None = None,
    ) -> Mapping[TP, list[RawMessage]]:
        keep_parsed(consumer._fetcher)
        try:
            return await super()._fetch_records(consumer, active_partitions, timeout=timeout, max_records=max_records)
        except NoOffsetForPartitionError:
            return {}  # aiokafka looked for a committed offset before our explicit seek

    async def poll(self, active: set[TP]) -> Polled:
        """Records of the active partitions, and how far every assigned partition reaches, as of the same moment."""
        polled: Polled = await self.call_thread(self._poll, active)
        return polled

    async def _poll(self, active: set[TP]) -> Polled:
        consumer = self._ensure_consumer()
        starts = {each: reach.position for each, reach in self._reaches(consumer).items() if each in active}
        records = await self._fetch_records(consumer, active, timeout=0.0, max_records=MAX_POLL_RECORDS)
        if not records:
            records = await self._fetch_records(consumer, active, timeout=POLL_SECONDS, max_records=MAX_POLL_RECORDS)
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


class Consumer(driver.Consumer):
    """Yields one message a task and poll; commits, seeks and verifies nothing by itself."""

    mundane_level = "debug"
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sequence = 0
        self._last_reaches: dict[int, dict[str, Reach]] = {}
        self._no_poll = asyncio.Event()
        self._no_poll.set()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def positions(self) -> ConsumerThread:
        """Seeks, committed offsets and commits."""
        return self._thread

    def forget_reaches(self, partition: int) -> None:
        """Say again how far the partition's topics reach, although nothing may have changed."""
        self._last_reaches.pop(partition, None)

    async def no_poll(self) -> None:
        """Wait for the poll that is under way. While the flow is stopped no other begins.

        A poll that was begun before a rebalance goes on after it, with the partitions that were active then: were it to come
        after our seek, it would take messages that nobody gets.
        """
        await self._no_poll.wait()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109
        """`timeout` is Faust's; ours is POLL_SECONDS."""
        if not self.flow_active:
            await self.wait_first(self.can_resume_flow.wait())
        worker = _worker_of(self.app)
        epoch = worker.epoch
        active = set(self._get_active_partitions())
        if not active:
            await self.sleep(0.02)
            return
        self._no_poll.clear()
        try:
            polled = await self._thread.poll(active)
        finally:
            self._no_poll.set()
        if self.should_stop or not self.flow_active or epoch != worker.epoch:
            return  # a rebalance: whoever gets the partitions seeks explicitly
        for poll in self._by_task(epoch, polled):
            self._sequence += 1
            yield self._message(poll)

    def _by_task(self, epoch: int, polled: Polled) -> Iterable[Poll]:
        polls: dict[int, Poll] = {}
        for (topic, number), reach in polled.reaches.items():
            poll = polls.get(number)
            if poll is None:
                poll = polls[number] = Poll(number, epoch, {}, {}, {})
            poll.reaches[topic] = reach
            start = polled.starts.get(TP(topic, number))
            if start is not None:
                poll.starts[topic] = start
        for (topic, number), batch in polled.records.items():
            polls[number].records[topic] = batch
        for number, poll in polls.items():
            if poll.records or self._last_reaches.get(number) != poll.reaches:
                self._last_reaches[number] = poll.reaches
                yield poll

    def _message(self, poll: Poll) -> tuple[TP, ConsumerMessage]:
        partition = TP(min(poll.reaches), poll.partition)  # any of the task's: the conductor delivers by it
        return partition, ConsumerMessage(
            partition.topic,
            partition.partition,
            self._sequence,  # Faust drops what does not ascend
            0.0,
            0,
            [],
            None,
            poll,  # type: ignore[arg-type]  # Faust's raw codec hands it through
            None,
            0,
            0,
            partition,
            generation_id=self.app.consumer_generation_id,
        )

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Drain the tasks before Faust lets go of the partitions."""
        self.stop_flow()
        self._last_reaches.clear()
        await _worker_of(self.app).on_revoked()
        await super().on_partitions_revoked(revoked)

    async def perform_seek(self) -> None:
        """Never by itself: the tasks' ledgers say where to read."""

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Never: offsets are committed with the task's transaction."""
        return False

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Never, as `commit`."""
        return False

    async def verify_all_partitions_active(self) -> None:
        """Faust's livelock detector looks at Faust's acks; /livez looks at ours."""


class Transport(driver.Transport):
    """Entry point `touchstone` of the group `faust.transports`."""

    Consumer = Consumer
    driver_version = f"touchstone, aiokafka={aiokafka.__version__}"
