"""The life of one task: start (fence, read offsets, restore), run pieces of work, commit beside them, suspend, stop.

Any exception other than Unavailable ends `run` and with it the worker's life: nothing goes on from a state that may be wrong.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from typing import Protocol

from streams import metrics
from streams.engine import failpoints, meters
from streams.engine.batches import messages_of
from streams.engine.core import TaskCore
from streams.engine.decoding import RawMessage
from streams.engine.effects import Effects
from streams.engine.publisher import CommitFailed, Publisher
from streams.engine.restore import restore
from streams.engine.topology import Topology, changelog, read_topics
from streams.engine.transaction_size import TransactionSize
from streams.engine.transport import MessagesMissed, Poll
from streams.errors import Unavailable
from streams.settings import Settings

_log = logging.getLogger(__name__)

BACKLOG_RECORDS = 500  # that many waiting: commit by interval, not eagerly
_IDLE_SECONDS = 1.0
_TURN_SECONDS = 0.004
_LONGEST_HOLD_SECONDS = 30.0
_GATHER_TIMES = 10  # as long as a piece took: a job that gathers has a tenth of the time, unless it falls behind
_LONGEST_GATHER_SECONDS = 1.0


def wall_us() -> int:
    """Wall clock, µs since 1970."""
    return time.time_ns() // 1000


class Cluster(Protocol):
    """What a task needs of its worker. Topics without prefix."""

    async def committed(self, topics: tuple[str, ...], partition: int) -> dict[str, int | None]: ...
    async def commit_to_group(self, partition: int, offsets: dict[str, int]) -> None: ...
    def pause(self, topic: str, partition: int) -> None: ...
    def resume(self, topic: str, partition: int) -> None: ...


class Task:
    """Of the job and partition of `core`, which has no inputs yet. `run` must be started by the worker after `start`."""

    def __init__(self, core: TaskCore, topology: Topology, settings: Settings, cluster: Cluster) -> None:
        self.core = core
        self.job = job = core.job
        self.partition = partition = core.partition
        self.topics = read_topics(job)
        self._topology = topology
        self._settings = settings
        self._cluster = cluster
        self.where = self.core.where

        async def commit_to_group(offsets: dict[str, int]) -> None:
            await cluster.commit_to_group(partition, offsets)

        self._publisher = Publisher(settings, job.name, partition, changelog(job), topology.partitions, commit_to_group)
        self.fetched: dict[str, int] = {}  # topic → offset of the message that has not been handed over yet
        self._position: dict[str, int] = {}  # the same, beyond what holds no messages
        self.paused: set[str] = set()
        self._may_run = asyncio.Event()
        self._wake = asyncio.Event()
        self._commit: asyncio.Task[None] | None = None
        self._size = TransactionSize()
        self._committed_at = self._progress_at = time.monotonic()
        self._held_until = 0.0
        self._gather_until = 0.0
        self._hold_seconds = 0.0
        self.held = False
        self._broken = False

    # --- start --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """In this order: the producer fences the old owner, then the offsets are read, then the state."""
        began = time.monotonic()
        await self._publisher.start()
        committed = await self._cluster.committed(self.job.inputs, self.partition)
        self.fetched = await restore(self.core, committed, self._topology, self._settings)
        self.core.start({topic: self.fetched[topic] for topic in self.job.inputs})
        seconds = time.monotonic() - began
        metrics.restore_seconds.labels(self.job.name).observe(seconds)
        _log.info(
            "%s: restored %d keys (%d bytes) in %.2f s; goes on from %s",
            self.where, len(self.core.store), self.core.store.size_bytes, seconds, self.fetched,
        )  # fmt: skip

    # --- input --------------------------------------------------------------------------------------------------

    def deliver(self, poll: Poll) -> None:
        """Take over what a poll brought for this partition. Raises MessagesMissed when messages before it did not arrive."""
        for topic in self.topics:
            name = self._settings.topic(topic)
            reach, start, batches = poll.reaches.get(name), poll.starts.get(name), poll.records.get(name, ())
            if reach is not None and start is not None and start <= self._position[topic]:
                self._take(topic, messages_of(batches))
                self._position[topic] = reach.position
            elif start is not None or batches:
                raise MessagesMissed(
                    f"{self.where}: a poll of {name} starts at offset {start}, the one before ended at {self._position[topic]}"
                )
            if reach is not None:
                self.core.reaches(topic, self._position[topic], reach.end)
        self._wake.set()

    def _take(self, topic: str, messages: Sequence[RawMessage]) -> None:
        fetched = self.fetched[topic]
        if (
            messages and messages[0].offset < fetched
        ):  # another task of this partition reads the topic from further back
            messages = [message for message in messages if message.offset >= fetched]
        if not messages:
            return
        self.fetched[topic] = messages[-1].offset + 1
        self.core.add(topic, messages, sum([len(message.value) for message in messages if message.value]))
        self._pause_if_full(topic)
        if topic == self.job.broadcast:
            self._held_until = 0.0  # what a held piece waits for may have come

    def _pause_if_full(self, topic: str) -> None:
        if topic != self.job.broadcast and self.core.aligner.full(self.job.inputs.index(topic)):
            self.paused.add(topic)
            self._cluster.pause(topic, self.partition)

    def _resume_drained(self) -> None:
        for topic in tuple(self.paused):
            if self.core.aligner.drained(self.job.inputs.index(topic)):
                self.paused.discard(topic)
                self._cluster.resume(topic, self.partition)

    # --- run ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. Raises whatever the job, the engine or a transaction raised."""
        try:
            await self._loop()
        except Exception:
            self._broken = True
            raise

    async def _loop(self) -> None:
        while True:
            await self._may_run.wait()
            self._raise_failed_commit()
            worked = self._turn()
            if self.paused:
                self._resume_drained()
            if worked:
                await asyncio.sleep(0)
            else:
                await self._rest()

    def _turn(self) -> bool:
        """A piece; of a backlog, as many as some milliseconds hold: between turns the fetching thread may have the interpreter."""
        until = time.monotonic() + _TURN_SECONDS
        worked = self._work()
        self._maybe_commit()
        while worked and self.core.aligner.waiting() >= BACKLOG_RECORDS and time.monotonic() < until and self._work():
            self._maybe_commit()
        return worked

    def _work(self) -> bool:
        if self.held and time.monotonic() < self._held_until:
            return False
        if time.monotonic() < self._gather_until and self.core.aligner.waiting() < BACKLOG_RECORDS:
            return False
        if self._commit is not None and self._full():
            return False
        began = time.monotonic()
        try:
            worked = self.core.work(wall_us())
        except Unavailable as error:
            self._hold(error)
            return False
        if worked and self.job.gathers:
            now = time.monotonic()
            self._gather_until = now + min(_GATHER_TIMES * (now - began), _LONGEST_GATHER_SECONDS)
        if self.held and worked:
            _log.info("%s: goes on", self.where)
            self.held, self._hold_seconds = False, 0.0
        return worked

    def _full(self) -> bool:
        """Is there as much to commit as a transaction should hold? Beside one that is not through yet: then wait for it."""
        return self._size.full(self.core.store.changed_bytes, self.core.inputs_taken())

    def _hold(self, error: Unavailable) -> None:
        metrics.holds_total.labels(self.job.name).inc()
        self._hold_seconds = min(max(error.retry_after_seconds, 2 * self._hold_seconds), _LONGEST_HOLD_SECONDS)
        self._held_until = time.monotonic() + self._hold_seconds
        if not self.held:
            _log.warning("%s: held, nothing of it is committed: %s; tries again", self.where, error.detail)
        self.held = True

    async def _rest(self) -> None:
        """Until something comes, or a commit, a wake-up or a retry is due."""
        if self._wake.is_set():
            self._wake.clear()
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._rest_seconds()):
                await self._wake.wait()
        self._wake.clear()

    def _rest_seconds(self) -> float:
        seconds = _IDLE_SECONDS
        if self._commit is None and self.core.has_effects():
            seconds = min(seconds, self._commit_interval() - (time.monotonic() - self._committed_at))
        if self.held:
            seconds = min(seconds, self._held_until - time.monotonic())
        elif time.monotonic() < self._gather_until:
            seconds = min(seconds, self._gather_until - time.monotonic())
        else:
            wake_at = self.core.next_wake_at()
            if wake_at is not None:
                seconds = min(seconds, (wake_at - wall_us()) / 1e6)
        return max(0.001, seconds)

    # --- commit -------------------------------------------------------------------------------------------------

    def _commit_interval(self) -> float:
        settings, core = self._settings, self.core
        if not core.outputs_wait or core.aligner.waiting() >= BACKLOG_RECORDS:
            return settings.worker_commit_interval_ms / 1000
        return (settings.worker_eager_commit_ms if core.urgent else settings.worker_relaxed_commit_ms) / 1000

    def _maybe_commit(self) -> None:
        if self._commit is not None:
            return
        core = self.core
        if not (core.has_effects() or core.mark_due(wall_us())):
            self._progress_at = time.monotonic()
            return
        if time.monotonic() - self._committed_at >= self._commit_interval() or self._full():
            self._begin_commit()

    def _begin_commit(self) -> None:
        full = self._full()
        # The effects are those of whole pieces, because this runs between two of them.
        effects = self.core.take_effects(wall_us())
        self._commit = asyncio.create_task(self._write(effects, full), name=f"commit-{self.where}")
        self._commit.add_done_callback(lambda _: self._wake.set())

    async def _write(self, effects: Effects, full: bool) -> None:
        began = time.monotonic()
        position = await self._publisher.commit(effects)
        await self.core.store.committed(position, effects.record)
        self._committed_at = self._progress_at = time.monotonic()
        self._commit = None
        seconds = self._committed_at - began
        self._size.took(seconds, full)
        meters.count(self.core, effects, seconds, wall_us())

    def _raise_failed_commit(self) -> None:
        if self._commit is not None and self._commit.done():
            self._commit.result()

    # --- suspend, stop ------------------------------------------------------------------------------------------

    def read_from(self, offsets: dict[str, int]) -> None:
        """The consumer was told to read the topics from these offsets, at or before `fetched`."""
        self._position = dict(offsets)

    def resume(self) -> None:
        """Go on, or begin."""
        self._may_run.set()
        self._wake.set()

    async def suspend(self) -> None:
        """Stop between two pieces and commit what is done. Raises CommitFailed."""
        self._may_run.clear()
        if self._broken:
            raise CommitFailed(f"{self.where}: failed before, its effects may be half of a piece")
        while self._commit is not None:
            await asyncio.shield(self._commit)
        if self.core.has_effects():
            self._begin_commit()
            assert self._commit is not None
            await asyncio.shield(self._commit)
        failpoints.hit("revoked")

    async def close(self) -> None:
        """Let go. What is not committed is left to the task's next owner, which aborts it."""
        self._may_run.clear()
        if self._commit is not None:
            self._commit.cancel()
            await asyncio.gather(self._commit, return_exceptions=True)
        await self._publisher.stop()
        self.core.store.close()

    # --- health -------------------------------------------------------------------------------------------------

    def lags(self) -> bool:
        """Are there messages that are not processed?"""
        return any(self.core.aligner.lagging())

    def seconds_without_progress(self) -> float:
        """Since the last transaction, or since there was nothing to commit."""
        return time.monotonic() - self._progress_at
