"""Runs jobs until it is told to stop: one Faust app, one task for each job and partition that the group assigns to this process.

A task that fails takes the worker's life with it. What may pass (a transaction failed, the broker went away) starts a new
life from the committed state, as a new member of the group; a defect, or what a person must repair, ends the process.
"""

import asyncio
import contextlib
import gc
import logging
import signal
import time
from collections.abc import Sequence

from aiokafka.errors import IllegalStateError, KafkaError, OffsetOutOfRangeError
from faust.types import TP

from streams import metrics
from streams.engine import failpoints, topology
from streams.engine.app import App, build
from streams.engine.health import Health
from streams.engine.job import AnyJob
from streams.engine.membership import Membership
from streams.engine.publisher import CommitFailed
from streams.engine.restore import out_of_range
from streams.engine.topology import Topology
from streams.engine.transport import MessagesMissed, Poll
from streams.errors import Unavailable, UserError
from streams.probes import serve
from streams.settings import Settings

_log = logging.getLogger(__name__)

_TOPOLOGY_EVERY_SECONDS = 30.0
_STOP_SECONDS = 30.0
_BACKOFF_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
_LONG_LIFE_SECONDS = 120.0
_COLLECT_AFTER = (20_000, 20, 20)  # objects, young and middle collections: what an event leaves is mostly freed at once


class Worker:
    """One life: from joining the group to leaving it."""

    def __init__(self, jobs: Sequence[AnyJob], settings: Settings, stop: asyncio.Event) -> None:
        self.jobs = jobs
        self.settings = settings
        self.topology = Topology({}, {})
        self._stop = stop
        self._ended = asyncio.Event()
        self._failure: BaseException | None = None
        self.app: App | None = None
        self.membership: Membership | None = None

    # --- what Faust calls ---------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """Changes whenever partitions are revoked; polls of an older epoch are not taken."""
        return 0 if self.membership is None else self.membership.epoch

    def deliver(self, poll: Poll) -> None:
        """The agent's whole work."""
        try:
            if self.membership is not None:
                self.membership.deliver(poll)
        except BaseException as error:  # noqa: BLE001 - Faust would swallow it and acknowledge the poll
            self.fail(error)

    async def on_revoked(self) -> None:
        """Before the partitions go."""
        if self.membership is not None:
            await self.membership.revoke()

    def on_assigned(self, assigned: set[TP], generation: int) -> None:
        """After new ones have come. Must not take long: the group waits."""
        if self.membership is not None:
            self.membership.assign(assigned, generation)

    def fail(self, error: BaseException) -> None:
        """End this life because of `error`; the first one counts."""
        if self._failure is None and not isinstance(error, asyncio.CancelledError):
            self._failure = error
        self._ended.set()

    # --- life ---------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Returns when told to stop. Raises what ended this life."""
        self.topology = await self._topology()
        if self._stop.is_set():
            return
        self.app = build(self, self.jobs)
        self.membership = Membership(self.jobs, self.topology, self.settings, self.app, self.fail)
        background = [asyncio.create_task(each) for each in (self._watch_topics(), self._watch_stop())]
        try:
            await self.app.start()
            background.append(asyncio.create_task(self._watch_app(self.app)))
            await self._ended.wait()
        finally:
            for each in background:
                each.cancel()
            await self._leave()
        if self._failure is not None:
            raise self._failure

    async def _leave(self) -> None:
        """Commit what is done, if nothing failed; then leave the group."""
        assert self.app is not None
        assert self.membership is not None
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                if self._failure is None:
                    await self.membership.revoke()
                try:
                    await self.membership.close()
                finally:
                    await self.app.stop()  # else its threads keep the process alive
        except TimeoutError:
            _log.error("the worker did not stop within %.0f s; the group notices when its session ends", _STOP_SECONDS)

    async def _topology(self) -> Topology:
        attempt = 0
        while not self._stop.is_set():
            try:
                return await asyncio.to_thread(topology.read, self.jobs, self.settings)
            except Unavailable as error:
                seconds = _BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)]
                attempt += 1
                _log.warning("%s; trying again in %.0f s", error.detail, seconds)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._stop.wait()
        return Topology({}, {})

    async def _watch_topics(self) -> None:
        while True:
            await asyncio.sleep(_TOPOLOGY_EVERY_SECONDS)
            try:
                now = await asyncio.to_thread(topology.read, self.jobs, self.settings)
                topology.check_same(
                    topology.uuids_of_state(self.jobs, self.topology), now, "this worker", self.settings
                )
            except Unavailable as error:
                _log.warning("%s", error.detail)
            except UserError as error:
                self.fail(error)

    async def _watch_stop(self) -> None:
        await self._stop.wait()
        self._ended.set()

    async def _watch_app(self, app: App) -> None:
        await app._crashed.wait()
        self.fail(_explain(app.crash_reason))


def _explain(error: BaseException | None) -> BaseException:
    if isinstance(error, OffsetOutOfRangeError):
        for partition, offset in error.args[0].items():
            return UserError(
                out_of_range(partition, offset), "docs/failures.md, 'state cannot be used', says how to go on"
            )
    return error or RuntimeError("Faust stopped without saying why")


# --- lives ------------------------------------------------------------------------------------------------------


def run(jobs: Sequence[AnyJob], settings: Settings) -> int:
    """Blocks until SIGTERM or SIGINT (0). Raises UserError, or the defect that stopped it."""
    failpoints.announce()
    topology.check_jobs(jobs)
    gc.collect()
    gc.freeze()  # what is imported and compiled by now stays: the collector need not look through it again
    gc.set_threshold(*_COLLECT_AFTER)
    return asyncio.run(_lives(jobs, settings))


async def _lives(jobs: Sequence[AnyJob], settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    health = Health()
    async with serve(health, settings):
        attempt = 0
        while not stop.is_set():
            worker = Worker(jobs, settings, stop)
            health.worker = worker
            began = time.monotonic()
            try:
                await worker.live()
            except (CommitFailed, MessagesMissed, KafkaError, IllegalStateError, Unavailable) as error:
                attempt = 0 if time.monotonic() - began > _LONG_LIFE_SECONDS else attempt
                seconds = _BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)]
                attempt += 1
                metrics.restarts_total.inc()
                _log.error("%r; left the group, starts again from the committed state in %.0f s", error, seconds)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await stop.wait()
            gc.collect()
    return 0
