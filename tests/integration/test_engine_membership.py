"""Several workers: a rebalance moves only what must move, a zombie writes nothing, a worker that goes leaves its work committed."""

import re
import signal
import time
from collections.abc import Callable

from tests.engine_events import events, expected
from tests.engine_service import Bench, until


def test_a_second_worker_takes_half_and_the_first_keeps_the_rest_without_restoring(bench: Callable[..., Bench]) -> None:
    run = bench(partitions=4)
    a, b = events(3000, seed=6)
    run.produce("in-b", b[:100])
    run.produce("in-a", a[:1000])
    first = run.worker()
    first.says("restored", times=4)
    second = run.worker()
    run.produce("in-a", a[1000:2000])
    run.produce("in-b", b[100:200])
    second.says("restored", times=2)
    until("the first keeps two", lambda: re.search(r"generation 2: .* kept \[\d, \d\]", first.said()) is not None)
    run.produce("in-b", b[200:])
    run.produce("in-a", a[2000:])
    run.until_done()
    assert second.stop() == 0
    first.says("restored", times=6)  # its four, and the two that came back
    assert first.stop() == 0
    assert run.in_force() == expected(a, b)


def test_a_worker_that_dies_is_replaced_when_its_session_ends(bench: Callable[..., Bench]) -> None:
    run = bench(worker_session_seconds=6)
    a, b = events(1200, seed=7)
    run.produce("in-a", a[:600])
    run.produce("in-b", b[:60])
    first, second = run.worker(), run.worker()
    first.says("restored", times=1)
    second.says("restored", times=1)
    first.process.kill()
    run.produce("in-b", b[60:])
    run.produce("in-a", a[600:])
    run.until_done()
    assert second.stop() == 0
    assert run.in_force() == expected(a, b)


def test_a_zombie_is_fenced_writes_nothing_and_joins_again(bench: Callable[..., Bench]) -> None:
    run = bench(partitions=1, worker_commit_interval_ms=4000)
    a, b = events(1500, seed=8)
    run.produce("in-a", a[:700])
    zombie = run.worker()
    run.until_done()
    run.produce("in-a", a[700:900])
    until("its fetch is under way, its transaction is not due", lambda: time.sleep(0.5) is None)
    zombie.process.send_signal(signal.SIGSTOP)
    assert run.lag() == 200, "the zombie has work that it has not committed"
    run.expel()
    owner = run.worker()
    owner.says("restored")
    run.produce("in-b", b[:70])
    run.until_done()
    zombie.process.send_signal(signal.SIGCONT)
    zombie.says("ProducerFenced")
    run.produce("in-b", b[70:])
    run.produce("in-a", a[900:])
    zombie.says("generation", times=2)
    run.until_done()
    assert owner.stop() == 0
    zombie.says("restored", times=2)
    assert zombie.stop() == 0
    assert run.in_force() == expected(a, b)


def test_sigterm_in_mid_batch_commits_what_is_done_and_leaves_the_group(bench: Callable[..., Bench]) -> None:
    run = bench(worker_commit_interval_ms=60_000, worker_eager_commit_ms=60_000, worker_relaxed_commit_ms=60_000)
    a, b = events(3000, seed=9)
    run.produce("in-b", b)
    run.produce("in-a", a)
    worker = run.worker()
    worker.says("restored", times=2)
    assert worker.stop() == 0
    assert "Traceback" not in worker.said()
    done = sum(1 for _ in run.outputs())
    second = run.worker()
    second.says("restored", times=2)  # at once: nobody waits for a session to end
    run.settings = run.settings.model_copy(
        update={"worker_commit_interval_ms": 100, "worker_eager_commit_ms": 10, "worker_relaxed_commit_ms": 10}
    )
    assert second.stop() == 0
    third = run.worker()
    third.says("restored", times=2)  # the second may have left nothing to wait for
    run.until_done()
    assert third.stop() == 0
    assert run.in_force() == expected(a, b)
    assert len(run.outputs()) >= done
