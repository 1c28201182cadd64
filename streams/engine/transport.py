"""Faust's transport plug-in: polls Kafka and yields one message a task and poll, whose value is a Poll of raw records.

Faust's own per-message machinery (acks, commits, seeks, livelock detector) is switched off here: the ledger, the transactions
and the positions are the engine's.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

import aiokafka
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.engine.batches import Batch
from streams.engine.fetching import ConsumerThread, Polled, Reach, worker_of


class Poll(NamedTuple):
    """What one poll brought for one partition number, by topic on the cluster. `epoch` changes with every assignment.

    `starts`: of the partitions that were asked for, the position before the poll. Whoever takes polls must find that each
    starts where the one before ended: otherwise somebody took messages that did not arrive.
    """

    partition: int
    epoch: int
    records: dict[str, list[Batch]]
    reaches: dict[str, Reach]
    starts: dict[str, int]


class MessagesMissed(Exception):
    """A poll does not start where the one before ended: the task must start again from its committed state."""


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

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - Faust's signature
        """`timeout` is Faust's; ours is POLL_SECONDS."""
        if not self.flow_active:
            await self.wait_first(self.can_resume_flow.wait())
        worker = worker_of(self.app)
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
        await worker_of(self.app).on_revoked()
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
