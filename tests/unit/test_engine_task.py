"""Taking over polls: nothing twice, and nothing is missed without being noticed."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from streams.engine.batches import Batch
from streams.engine.core import TaskCore
from streams.engine.decoding import RawMessage
from streams.engine.fetching import Reach
from streams.engine.limits import limits
from streams.engine.task import BACKLOG_RECORDS, Task
from streams.engine.topology import Topology
from streams.engine.transport import MessagesMissed, Poll
from streams.settings import Settings
from tests.engine_core import NOW, Raw, event
from tests.engine_jobs import AsOf

NAMES = ("in-a", "in-b", "out", "settled", "cx-asof-changelog", "cx-dead-letters")


class _Cluster:
    def __init__(self) -> None:
        self.paused: set[str] = set()

    def pause(self, topic: str, partition: int) -> None:
        self.paused.add(topic)

    def resume(self, topic: str, partition: int) -> None:
        self.paused.discard(topic)


async def _task(job: AsOf | None = None) -> Task:
    cluster: Any = _Cluster()
    core = TaskCore(job or AsOf(), 0, 1, limits(Settings()), Settings().topic)
    task = Task(core, Topology(dict.fromkeys(NAMES, 1), dict.fromkeys(NAMES, "u")), Settings(), cluster)
    task.fetched = {"in-a": 5, "in-b": 0}
    task.core.start(task.fetched)
    task.read_from(task.fetched)
    return task


def _poll(start: int | None, records: list[Raw], position: int) -> Poll:
    starts = {} if start is None else {"in-a": start}
    return Poll(0, 0, {"in-a": [_Batch(records)]} if records else {}, {"in-a": Reach(position, 100)}, starts)


class _Batch(Batch):
    """Parsed already."""

    def __init__(self, records: list[Raw]) -> None:
        self._parsed: list[RawMessage] = list(records)

    def messages(self) -> list[RawMessage]:
        return self._parsed


def _waiting(task: Task) -> int:
    return task.core.aligner.inputs[0].waiting


async def test_polls_that_follow_each_other_are_taken_also_over_offsets_without_messages() -> None:
    task = await _task()
    task.deliver(_poll(5, [event(5, NOW), event(7, NOW)], 9))
    task.deliver(_poll(9, [event(11, NOW)], 12))
    assert _waiting(task) == 3
    assert task.fetched["in-a"] == 12


async def test_a_poll_that_does_not_start_where_the_last_one_ended_is_noticed() -> None:
    task = await _task()
    task.deliver(_poll(5, [event(5, NOW)], 6))
    with pytest.raises(MessagesMissed, match="starts at offset 8, the one before ended at 6"):
        task.deliver(_poll(8, [event(8, NOW)], 9))
    with pytest.raises(MessagesMissed):
        task.deliver(_poll(8, [], 8))


async def test_messages_of_a_partition_that_was_not_asked_for_are_noticed() -> None:
    task = await _task()
    with pytest.raises(MessagesMissed):
        task.deliver(_poll(None, [event(5, NOW)], 6))


async def test_a_partition_that_is_paused_says_only_where_it_ends() -> None:
    task = await _task()
    task.deliver(_poll(None, [], 50))
    assert (task.core.aligner.inputs[0].position, task.core.aligner.inputs[0].end) == (5, 100)


async def test_what_was_taken_before_is_not_taken_again_after_reading_from_further_back() -> None:
    task = await _task()
    task.deliver(_poll(5, [event(5, NOW), event(6, NOW)], 7))
    task.read_from({"in-a": 3, "in-b": 0})
    task.deliver(_poll(3, [event(offset, NOW) for offset in range(3, 9)], 9))
    assert _waiting(task) == 4
    assert task.fetched["in-a"] == 9


async def test_a_transaction_grows_only_so_large(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    task = await _task()
    monkeypatch.setattr("streams.engine.transaction_size.FULL_BYTES", 1)
    monkeypatch.setattr(task, "_commit_interval", lambda: 3600.0)
    monkeypatch.setattr(task, "_begin_commit", lambda: begun.append(task.core.inputs_taken()))
    task.core.reaches("in-b", 0, 0)
    task.deliver(_poll(5, [Raw(*event(5, NOW)[:3])], 6))
    assert task._work()
    task._maybe_commit()
    assert begun == [1]  # although the interval is not over
    task._commit = asyncio.get_running_loop().create_future()  # type: ignore[assignment]
    task.deliver(_poll(6, [Raw(*event(6, NOW)[:3])], 7))
    assert not task._work()  # it waits for the transaction that is under way
    task._commit = None
    assert task._work()


class _Dear(AsOf):
    """AsOf, as if a step cost as much for one input as for many."""

    gathers = True


async def test_a_job_whose_steps_are_dear_gathers_its_inputs_unless_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 5))  # each look at the clock is five seconds after the last
    held = 0.0
    monkeypatch.setattr(
        "streams.engine.task.time", SimpleNamespace(monotonic=lambda: held or next(clock), time_ns=time.time_ns)
    )
    task = await _task(_Dear())
    task.core.reaches("in-b", 0, 0)
    task.deliver(_poll(5, [Raw(*event(5, NOW)[:3])], 6))
    assert task._work()
    held = task._gather_until - 0.1
    task.deliver(_poll(6, [Raw(*event(6, NOW)[:3])], 7))
    assert not task._work()
    many = [Raw(*event(offset, NOW)[:3]) for offset in range(7, 7 + BACKLOG_RECORDS)]
    task.deliver(_poll(7, many, 7 + BACKLOG_RECORDS))
    assert task._work()
    held += 3600.0
    task.deliver(_poll(7 + BACKLOG_RECORDS, [Raw(*event(7 + BACKLOG_RECORDS, NOW)[:3])], 8 + BACKLOG_RECORDS))
    assert task._work()
