"""Workers on the real Kafka: results, restart, restore with a quiet partition's timer, two workers and a rebalance, SIGTERM."""

from collections.abc import Callable

from tests.engine_events import events, expected
from tests.engine_service import Bench


def test_two_topics_are_joined_and_a_restart_goes_on_where_it_was(bench: Callable[..., Bench]) -> None:
    run = bench()
    a, b = events(2000, seed=1)
    run.produce("in-a", a[:1000])
    run.produce("in-b", b[:100])
    worker = run.worker()
    run.until_done()
    assert worker.stop() == 0
    run.produce("in-b", b[100:])
    run.produce("in-a", a[1000:])
    worker = run.worker()
    run.until_done()
    assert worker.stop() == 0
    assert run.in_force() == expected(a, b)
    assert "restored 0 keys" not in worker.said()


def test_a_backlog_in_order_is_joined_without_a_single_revision(bench: Callable[..., Bench]) -> None:
    run = bench()
    a, b = events(6000, seed=2)
    for each in (a, b):
        each.sort(key=lambda event: event["at"])
    run.produce("in-b", b)
    run.produce("in-a", a)
    run.worker()
    run.until_done()
    assert run.in_force() == expected(a, b)
    assert {output["revision"] for output in run.outputs()} == {1}
