"""Alive and ready: what a supervisor hears."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from streams.engine.health import STALL_SECONDS, Health
from streams.errors import UserError
from streams.probes import serve
from streams.settings import Settings


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


async def test_a_port_that_is_taken_is_said_with_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(metrics_port=taken.getsockname()[1])
        with pytest.raises(UserError, match="cannot serve metrics"):
            async with serve(Health(), settings):
                raise AssertionError("it serves")
