"""kill -9 of the worker that runs the main job, under load and at places where it hurts; inputs arrive in another order after it.

What a read-committed reader has seen equals a run without faults: the same actions in force, and none that is neither in force
nor retracted. (That the check fails with offsets outside the transaction is shown in test_engine_kill.py, with a job that does not
recognise an event that it has seen before; this one does.)
"""

import time
from collections.abc import Callable
from typing import Any

import pytest

from streams.engine.job import Message
from tests.integration.test_main_job import arrivals, expected, lives, subjects_only
from tests.main_service import DEADLINE_SECONDS, Product, Running, closers
from tests.touchstone_command import touchstone

PLACES = ("outputs_sent:3", "after_commit:3")  # all of them: test_engine_kill.py, with a smaller job


def until_dead(worker: Running) -> None:
    """Waits until the failpoint has killed it."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while worker.process.poll() is None:
        assert time.monotonic() < deadline, "the failpoint was never passed:\n" + worker.said()[-4000:]
        time.sleep(0.05)


def killed_at(one: Product, messages: list[Message], until: int, place: str, **extra: str) -> dict[str, dict[str, Any]]:
    """Actions and experiences in force after the kill, the restart and the end."""
    order = arrivals(messages, 3)
    half = len(order) // 2
    worker = one.start("worker", TOUCHSTONE_TEST_FAILPOINT=place, **extra)
    one.produce(order[:half])
    until_dead(worker)
    one.expel()
    # What is left arrives in another order across topics, and as one backlog.
    one.produce(sorted(order[half:], key=lambda message: message.topic, reverse=True))
    one.start("worker", **extra)
    one.until_decided()
    one.produce(closers(one.settings.kafka_partitions, until))
    one.until_quiet()
    return subjects_only(one.in_force())


@pytest.mark.parametrize("place", PLACES)
def test_killed_at_a_failpoint_the_actions_in_force_are_those_of_a_run_without_faults(
    product: Callable[..., Product], place: str
) -> None:
    messages = lives(31)
    wanted, until = expected(messages)
    assert killed_at(product(), messages, until, place) == wanted


def test_killed_under_load_everything_reconciles(product: Callable[..., Product]) -> None:
    one = product()
    messages = lives(47)
    wanted, until = expected(messages)
    order = arrivals(messages, 5)
    one.start("sink", "clickhouse")
    for part in range(3):
        worker = one.start("worker")
        one.produce(order[part * len(order) // 3 : (part + 1) * len(order) // 3])
        if part < 2:
            worker.kill()
            one.expel()
    one.until_decided()
    one.produce(closers(one.settings.kafka_partitions, until))
    one.until_quiet()
    assert subjects_only(one.in_force()) == wanted
    reconciled = touchstone("reconcile", "--wait", "60", settings=one.settings)
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr
