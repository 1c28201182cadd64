"""Alive and ready: what a supervisor hears."""

from types import SimpleNamespace
from typing import Any

from streams.engine.health import STALL_SECONDS, Health


def _health(assigned: bool = True, **task: Any) -> Health:
    fields = {"where": "job/0", "held": False, "lags": lambda: True, "seconds_without_progress": lambda: 0.0} | task
    membership = SimpleNamespace(assigned=assigned, tasks={0: [SimpleNamespace(**fields)]})
    health = Health()
    health.worker = SimpleNamespace(membership=membership)  # type: ignore[assignment]
    return health


def test_before_there_is_a_broker_it_is_alive_and_not_ready() -> None:
    assert Health().stalled() == []
    assert Health().not_ready() == ["no broker yet"]


def test_while_restoring_it_is_alive_and_not_ready() -> None:
    health = _health(assigned=False)
    assert health.stalled() == []
    assert health.not_ready() == ["waiting for partitions, or restoring"]


def test_with_work_and_commits_it_is_alive_and_ready() -> None:
    health = _health()
    assert health.stalled() == []
    assert health.not_ready() == []


def test_commits_that_stall_although_there_is_lag_are_not_alive() -> None:
    health = _health(seconds_without_progress=lambda: STALL_SECONDS + 1)
    assert health.stalled() == ["job/0: no commit for 61 s"]
    assert health.not_ready() == ["job/0: no commit for 61 s"]


def test_without_lag_nothing_stalls() -> None:
    assert _health(lags=lambda: False, seconds_without_progress=lambda: 999.0).stalled() == []


def test_a_task_that_is_held_from_outside_is_alive_and_not_ready() -> None:
    health = _health(held=True, seconds_without_progress=lambda: 999.0)
    assert health.stalled() == []
    assert health.not_ready() == ["job/0 is held"]
