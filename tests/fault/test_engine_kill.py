"""kill -9 at every step of a transaction and of a task's life: what a read-committed reader sees ends as without any fault.

The topics arrive in another interleaving after the kill than before it. With offsets committed outside the transaction the same
check must fail.
"""

import signal
from collections.abc import Callable

import pytest

from streams.engine.failpoints import (
    FAILPOINT,
    IN_A_FLUSH,
    IN_A_LIFE,
    IN_A_TRANSACTION,
    NAMES,
    OFFSETS,
    WITH_OFFSETS_OUTSIDE,
)
from tests.engine_events import Event, events, expected
from tests.engine_service import Bench, Process

Inputs = tuple[list[Event], list[Event]]
WHEN = dict.fromkeys(IN_A_TRANSACTION, 4) | {"after_step": 8, "after_tick": 3}


def _live(run: Bench, a: list[Event], b: list[Event]) -> None:
    """Topics by turns, five minutes of event time of each."""
    for part in range(20):
        run.produce("in-a", a[part * len(a) // 20 : (part + 1) * len(a) // 20])
        run.produce("in-b", b[part * len(b) // 20 : (part + 1) * len(b) // 20])


def _killed(run: Bench, worker: Process) -> None:
    assert worker.wait() == -signal.SIGKILL, worker.said()
    run.expel()


def _finish(run: Bench) -> None:
    worker = run.worker()
    run.until_done()
    assert worker.stop() == 0, worker.said()


def _is_as_without_fault(run: Bench, inputs: Inputs) -> None:
    in_force = run.in_force()
    assert in_force == expected(*inputs)
    settled = run.outputs("settled")
    assert len({each["id"] for each in settled}) == len(settled), "settled twice"
    assert all(each["count"] == in_force[each["id"]] for each in settled)


@pytest.mark.parametrize("name", IN_A_TRANSACTION)
def test_killed_within_a_transaction(bench: Callable[..., Bench], name: str) -> None:
    run = bench()
    a, b = events(1500, seed=3)
    worker = run.worker(**{FAILPOINT: f"{name}:{WHEN[name]}"})
    _live(run, a[:1000], b[:100])
    _killed(run, worker)
    run.produce("in-b", b[100:])
    run.produce("in-a", a[1000:])
    _finish(run)
    _is_as_without_fault(run, (a, b))


@pytest.mark.parametrize("name", ["producer_started", "while_restoring", "after_restore", "after_tick", "revoked"])
def test_killed_in_another_moment_of_its_life(bench: Callable[..., Bench], name: str) -> None:
    run = bench()
    a, b = events(1500, seed=4)
    _live(run, a[:700], b[:70])
    if name == "revoked":
        worker = run.worker(**{FAILPOINT: name})
        run.until_done()
        worker.process.send_signal(signal.SIGTERM)
        _killed(run, worker)
    elif name == "after_tick":
        _killed(run, run.worker(**{FAILPOINT: "after_tick:3"}))
    else:
        _finish(run)
        _killed(run, run.worker(**{FAILPOINT: f"{name}:2"}))
    run.produce("in-b", b[70:])
    run.produce("in-a", a[700:])
    _finish(run)
    _is_as_without_fault(run, (a, b))


def test_killed_while_refolding_after_a_control(bench: Callable[..., Bench]) -> None:
    run = bench("controlled", partitions=1)
    a, b = events(600, seed=5, keys=300)
    _live(run, a, b)
    _finish(run)
    middle = b[len(b) // 2]["at"]
    run.produce("controls", [{"key": "c", "since": middle, "factor": 10}])
    _killed(run, run.worker(**{FAILPOINT: "while_refolding:2"}))
    _finish(run)
    plain = expected(a, b)
    assert run.in_force() == {
        each["id"]: plain[each["id"]] * (10 if each["at"] >= middle and plain[each["id"]] else 1) for each in b
    }


def test_every_failpoint_is_killed_at_by_a_test() -> None:
    here = {"producer_started", "while_restoring", "after_restore", "after_tick", "revoked", "while_refolding"}
    assert set(IN_A_LIFE) == here
    assert set(NAMES) == {*IN_A_TRANSACTION, *here, *IN_A_FLUSH, WITH_OFFSETS_OUTSIDE}  # the sink's: torture


def test_with_offsets_outside_the_transaction_the_same_check_fails(bench: Callable[..., Bench]) -> None:
    run = bench()
    a, b = events(1500, seed=3)
    run.produce("in-a", a[:1000])
    _killed(run, run.worker(**{FAILPOINT: WITH_OFFSETS_OUTSIDE, OFFSETS: "outside"}))
    run.produce("in-b", b)
    run.produce("in-a", a[1000:])
    _finish(run)
    with pytest.raises(AssertionError):
        _is_as_without_fault(run, (a, b))
