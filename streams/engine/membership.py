"""What the group's assignments mean for the tasks: which are started, kept, dropped. In: assigned partitions. Out: running tasks.

Between a revocation and the next assignment nobody else can have owned a partition that comes back, provided that no
generation was missed; then the task is kept and only moved partitions are restored.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Collection, Sequence

from aiokafka.errors import IllegalStateError
from faust.types import TP

from streams import metrics
from streams.engine.app import App
from streams.engine.core import TaskCore
from streams.engine.disk import open_store
from streams.engine.fetching import REBALANCE_TIMEOUT_MS
from streams.engine.job import AnyJob
from streams.engine.limits import limits
from streams.engine.publisher import CommitFailed
from streams.engine.standby import Standby
from streams.engine.task import Task
from streams.engine.topology import Topology, changelog, read_topics
from streams.engine.transport import Consumer, Poll
from streams.errors import UserError
from streams.settings import Settings

_log = logging.getLogger(__name__)

_RESTORES_AT_ONCE = 4


class Membership:
    """All tasks of this process. Those of one partition number start, stay and go together: they may share topics."""

    def __init__(
        self,
        jobs: Sequence[AnyJob],
        topology: Topology,
        settings: Settings,
        app: App,
        fail: Callable[[BaseException], None],
    ) -> None:
        self.epoch = 0
        self.tasks: dict[int, list[Task]] = {}
        self.assigned = False
        self._jobs = jobs
        self._topology = topology
        self._settings = settings
        self._app = app
        self._fail = fail
        self._generation = -1
        self._standbys: dict[int, Standby] = {}
        self._runs: dict[Task, asyncio.Task[None]] = {}
        self._taking_over: asyncio.Task[None] | None = None
        self._restores = asyncio.Semaphore(_RESTORES_AT_ONCE)

    # --- called by Faust ----------------------------------------------------------------------------------------

    def deliver(self, poll: Poll) -> None:
        """Hand a poll to the tasks of its partition."""
        if poll.epoch == self.epoch:
            for task in self.tasks.get(poll.partition, ()):
                task.deliver(poll)

    async def revoke(self) -> None:
        """Bring every task to a stop with its work committed. A task that cannot commit is dropped."""
        self.epoch += 1
        self.assigned = False
        await self._cancel_taking_over()
        async with asyncio.TaskGroup() as group:
            for partition in tuple(self.tasks):
                group.create_task(self._suspend(partition))

    async def _suspend(self, partition: int) -> None:
        try:
            async with asyncio.timeout(REBALANCE_TIMEOUT_MS / 2000):
                for task in self.tasks[partition]:
                    await task.suspend()
        except (CommitFailed, TimeoutError) as error:
            _log.warning(
                "partition %d: dropped at the rebalance, its last work was not committed: %r", partition, error
            )
            await self._drop(partition)
        except Exception as error:  # noqa: BLE001 - aiokafka would log it and go on
            self._fail(error)

    def assign(self, assigned: set[TP], generation: int) -> None:
        """Start taking over; the group does not wait for it."""
        self._taking_over = asyncio.create_task(self._take_over(assigned, generation), name="take-over")

    # --- taking over --------------------------------------------------------------------------------------------

    async def _take_over(self, assigned: set[TP], generation: int) -> None:
        try:
            kept = generation == self._generation + 1
            self._generation = generation
            metrics.rebalances_total.inc()
            wanted = self._by_partition(assigned)
            for partition in tuple(self.tasks):
                if partition not in wanted or not kept:
                    await self._drop(partition)
            await self._follow(self._by_partition(self._app.assignor.assigned_standbys()), wanted)
            _log.info("generation %d: partitions %s, kept %s", generation, sorted(wanted), sorted(self.tasks))
            await self._consumer.no_poll()
            self._resume_flow()
            await self._app._fetcher.maybe_start()
            async with asyncio.TaskGroup() as group:
                for partition, jobs in wanted.items():
                    group.create_task(self._start(partition, jobs))
            gc.collect()
            gc.freeze()  # what lives now lives long: the collector need not look at it again
            self.assigned = True
        except Exception as error:  # noqa: BLE001 - nobody awaits this task
            self._fail(_first(error))

    async def _cores(self, partition: int, jobs: list[AnyJob]) -> list[TaskCore]:
        standby = self._standbys.get(partition)
        if standby is None:
            return [self._core(job, partition) for job in jobs]
        cores = await standby.stop()
        del self._standbys[partition]
        return cores

    async def _follow(self, standby: dict[int, list[AnyJob]], wanted: Collection[int]) -> None:
        for partition in tuple(self._standbys):
            ended = self._standbys[partition].ended
            if ended or (partition not in standby and partition not in wanted):
                await self._standbys.pop(partition).close()
        for partition, jobs in standby.items():
            if partition not in self._standbys and partition not in wanted:
                self._standbys[partition] = Standby([self._core(job, partition) for job in jobs], self._settings)

    def _core(self, job: AnyJob, partition: int) -> TaskCore:
        partitions = self._topology.partitions[job.inputs[0]]
        store = open_store(self._settings, job.name, partition, self._topology.uuids[changelog(job)])
        return TaskCore(job, partition, partitions, limits(self._settings), self._settings.topic, store)

    def _by_partition(self, assigned: set[TP]) -> dict[int, list[AnyJob]]:
        wanted: dict[int, list[AnyJob]] = {}
        for job in self._jobs:
            names = [self._settings.topic(topic) for topic in read_topics(job)]
            numbers = [{each.partition for each in assigned if each.topic == name} for name in names]
            if any(each != numbers[0] for each in numbers):
                raise UserError(
                    f"job {job.name}: the group did not assign the same partitions of {', '.join(names)} to this worker",
                    "all workers of a group must run the same version and the same jobs",
                )
            for number in numbers[0]:
                wanted.setdefault(number, []).append(job)
        return wanted

    def _resume_flow(self) -> None:
        self._app.flow_control.resume()
        self._app.consumer.resume_flow()
        self._app.on_rebalance_end()

    async def _start(self, partition: int, jobs: list[AnyJob]) -> None:
        epoch = self.epoch
        tasks = self.tasks.get(partition)
        if tasks is None:
            cores = await self._cores(partition, jobs)
            tasks = [Task(core, self._topology, self._settings, self) for core in cores]
            try:
                async with self._restores:
                    for task in tasks:
                        await task.start()
            except BaseException:
                for task in tasks:
                    await task.close()
                raise
        if epoch != self.epoch:
            if partition not in self.tasks:
                for task in tasks:
                    await task.close()
            return
        self.tasks[partition] = tasks
        try:
            await self._read_from(partition, tasks)
        except IllegalStateError:
            return  # taken away again: a revocation and the next assignment are on their way
        for task in tasks:
            if task not in self._runs:
                self._runs[task] = asyncio.create_task(task.run(), name=f"run-{task.where}")
                self._runs[task].add_done_callback(self._ended)
            task.resume()

    async def _read_from(self, partition: int, tasks: list[Task]) -> None:
        offsets: dict[TP, int] = {}
        for task in tasks:
            for topic, offset in task.fetched.items():
                key = TP(self._settings.topic(topic), partition)
                offsets[key] = min(offset, offsets.get(key, offset))
        consumer = self._consumer
        consumer.forget_reaches(partition)
        for task in tasks:
            task.read_from({topic: offsets[TP(self._settings.topic(topic), partition)] for topic in task.topics})
        await consumer.positions.seek_to(offsets)
        paused = {TP(self._settings.topic(topic), partition) for task in tasks for topic in task.paused}
        consumer.resume_partitions(set(offsets) - paused)

    def _ended(self, run: asyncio.Task[None]) -> None:
        if not run.cancelled():
            error = run.exception()
            self._fail(error if error is not None else RuntimeError("a task's loop ended by itself"))

    # --- letting go ---------------------------------------------------------------------------------------------

    async def _drop(self, partition: int) -> None:
        for task in self.tasks.pop(partition, []):
            run = self._runs.pop(task, None)
            if run is not None:
                run.cancel()
                await asyncio.gather(run, return_exceptions=True)
            await task.close()

    async def _cancel_taking_over(self) -> None:
        task, self._taking_over = self._taking_over, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """Let all tasks go as they are."""
        self.epoch += 1
        await self._cancel_taking_over()
        await asyncio.gather(*(self._drop(partition) for partition in tuple(self.tasks)))
        await asyncio.gather(*(each.close() for each in self._standbys.values()))

    # --- what tasks need ----------------------------------------------------------------------------------------

    @property
    def _consumer(self) -> Consumer:
        consumer = self._app.consumer
        assert isinstance(consumer, Consumer)
        return consumer

    async def committed(self, topics: tuple[str, ...], partition: int) -> dict[str, int | None]:
        """The group's offsets."""
        keys = {topic: TP(self._settings.topic(topic), partition) for topic in topics}
        found = await self._consumer.positions.committed(keys.values())
        return {topic: found[key] for topic, key in keys.items()}

    async def commit_to_group(self, partition: int, offsets: dict[str, int]) -> None:
        """Commit outside of a transaction."""
        await self._consumer.positions.commit_offsets(
            {TP(self._settings.topic(topic), partition): offset for topic, offset in offsets.items()}
        )

    def pause(self, topic: str, partition: int) -> None:
        """Fetch no more of it."""
        self._consumer.pause_partitions({TP(self._settings.topic(topic), partition)})

    def resume(self, topic: str, partition: int) -> None:
        """Fetch again."""
        self._consumer.resume_partitions({TP(self._settings.topic(topic), partition)})


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
