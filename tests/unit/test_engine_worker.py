"""A worker's life without Kafka: what ends it, and what it refuses to run."""

import asyncio
from typing import Any

import pytest
from faust.types import TP

from streams.engine import topology, worker
from streams.engine.membership import Membership
from streams.engine.topology import Topology
from streams.errors import Unavailable, UserError
from streams.settings import Settings
from tests.engine_jobs import AsOf, Controlled

NAMES = ("in-a", "in-b", "out", "settled", "cx-asof-changelog", "cx-dead-letters")


def _topology(uuid: str = "old") -> Topology:
    return Topology(dict.fromkeys(NAMES, 2), dict.fromkeys(NAMES, uuid))


async def test_a_topic_that_is_created_again_under_a_running_worker_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [Unavailable("the broker is away"), _topology(), _topology("new")]

    def read(*_: Any) -> Topology:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    monkeypatch.setattr(worker, "_TOPOLOGY_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(topology, "read", read)
    life = worker.Worker([AsOf()], Settings(), asyncio.Event())
    life.topology = _topology()
    watching = asyncio.create_task(life._watch_topics())
    async with asyncio.timeout(10):
        await life._ended.wait()
    watching.cancel()
    assert isinstance(life._failure, UserError)
    assert "created again" in str(life._failure)


async def test_only_the_first_failure_counts_and_being_cancelled_is_none() -> None:
    life = worker.Worker([AsOf()], Settings(), asyncio.Event())
    life.fail(asyncio.CancelledError())
    assert life._failure is None
    life.fail(KeyError("first"))
    life.fail(ValueError("second"))
    assert isinstance(life._failure, KeyError)


async def test_the_app_is_stopped_also_when_a_task_cannot_be_let_go() -> None:
    """Its threads would keep the process alive, as a member that does nothing."""
    done: list[str] = []

    class Stuck:
        async def revoke(self) -> None: ...

        async def close(self) -> None:
            raise OSError("no space left")

    class Stopping:
        async def stop(self) -> None:
            done.append("stopped")

    life = worker.Worker([AsOf()], Settings(), asyncio.Event())
    life.membership, life.app = Stuck(), Stopping()  # type: ignore[assignment]
    with pytest.raises(OSError, match="no space"):
        await life._leave()
    assert done == ["stopped"]


def _membership(*jobs: Any) -> Membership:
    app: Any = None
    return Membership(jobs, _topology(), Settings(), app, lambda error: None)


async def test_a_task_needs_the_same_partition_of_all_its_topics() -> None:
    whole = {TP(name, number) for name in ("in-a", "in-b") for number in (0, 1)}
    assert sorted(_membership(AsOf())._by_partition(whole)) == [0, 1]
    with pytest.raises(UserError, match="did not assign the same partitions"):
        _membership(AsOf())._by_partition(whole - {TP("in-b", 1)})
    with pytest.raises(UserError, match="controls"):
        _membership(Controlled())._by_partition(whole)


async def test_polls_of_an_earlier_assignment_are_not_taken() -> None:
    taken: list[Any] = []

    class Taking:
        def deliver(self, poll: Any) -> None:
            taken.append(poll)

    membership = _membership(AsOf())
    membership.tasks[0] = [Taking()]  # type: ignore[list-item]
    membership.epoch = 3
    for epoch in (2, 3):
        membership.deliver(worker.Poll(0, epoch, {}, {}, {}))
    assert [poll.epoch for poll in taken] == [3]
