"""Workers on the real Kafka: results, restart, restore with a quiet partition's timer, two workers and a rebalance, SIGTERM."""

import random
import time
from collections.abc import Callable
from typing import Any

from tests.engine_service import Bench

SECOND = 1_000_000


def events(count: int, seed: int, *, keys: int = 20) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """`a` and `b` events over one minute that ended an hour ago, each topic shuffled within a few seconds."""
    draw = random.Random(seed)
    start = int((time.time() - 3600) * SECOND)
    a = [
        {"key": f"k{draw.randrange(keys)}", "id": f"a{n}", "at": start + n * 60 * SECOND // count} for n in range(count)
    ]
    b = [
        {"key": f"k{draw.randrange(keys)}", "id": f"b{n}", "at": start + n * 600 * SECOND // count}
        for n in range(count // 10)
    ]
    for each in (a, b):
        each.sort(key=lambda event: event["at"] + draw.randrange(3 * SECOND))
    return a, b


def expected(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> dict[str, int]:
    """What AsOf must have in force at the end."""
    return {
        each["id"]: sum(1 for other in a if other["key"] == each["key"] and other["at"] <= each["at"]) for each in b
    }


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
