"""The main job on the real Kafka and the real ClickHouse: what customers do and say in, actions out, stored and reconciled."""

import random
from collections.abc import Callable
from typing import Any

from streams.engine.job import Message
from streams.replay.driver import Driver
from tests.builders import SECOND, START, driver, in_force, message
from tests.lives import HOUR, event_at, in_order, life, shuffled
from tests.main_service import Product, closers
from tests.touchstone_command import touchstone

SUBJECTS = [f"customer-{number}" for number in range(10)]


def lives(seed: int) -> list[Message]:
    """Lives of some customers, by topic in order of offset."""
    return [one for number, subject in enumerate(SUBJECTS) for one in life(seed + number, 15, subject)]


def arrivals(messages: list[Message], seed: int) -> list[Message]:
    """As they might arrive."""
    found = []
    for subject in SUBJECTS:
        mine = [one for one in messages if one.key == subject.encode()]
        found += shuffled(random.Random(f"{seed}/{subject}"), mine)
    return [arrival.message for arrival in sorted(found, key=lambda arrival: arrival.at)]


def expected(messages: list[Message]) -> tuple[dict[str, dict[str, Any]], int]:
    """Actions and experiences in force after a run in order of event time, and an instant after which nothing is due for long."""
    until = max(event_at(one) for one in messages) + 30 * HOUR
    while True:
        one = driver()
        outputs = [output for arrival in in_order(messages) for output in one.take(arrival.message)]
        outputs += one.advance(START + until * SECOND)
        if _quiet_after(one, until):
            return in_force(outputs), until
        until += HOUR


def _quiet_after(one: Driver, until: int) -> bool:
    due = one.next_due()
    return due is None or due > START + (until + 1800) * SECOND


def subjects_only(held: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without incidents, which the second job decides."""
    return {key: row for key, row in held.items() if row["subject_type"] != "touchpoint"}


def burst() -> list[Message]:
    """Full marks from one device: what the second job finds out of them reaches these customers again."""
    return [
        message(
            "feedback", f"full-{n}", 30 * n, n, f"c{n}", kind="nps", score=10.0, touchpoint="delivery", device="kiosk"
        )
        for n in range(7)
    ]


def test_from_events_to_actions_in_clickhouse(product: Callable[..., Product]) -> None:
    one = product()
    messages = lives(7)
    wanted, until = expected(messages)
    assert len(wanted) > 30
    one.start("worker")
    one.start("sink", "clickhouse")
    one.produce([*burst(), *arrivals(messages, 1)])
    one.until_decided()
    one.produce(closers(one.settings.kafka_partitions, until))
    one.until_quiet()
    held = one.in_force()
    trust = {name: row["trust"] for name, row in held.items() if name.startswith("cx-experiences:full-")}
    assert trust == {f"cx-experiences:full-{n}": 0.2 for n in range(7)}
    of_lives = {name: row for name, row in subjects_only(held).items() if row["subject_id"] in SUBJECTS}
    assert of_lives == wanted
    reconciled = touchstone("reconcile", "--wait", "60", settings=one.settings)
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr
    again = touchstone("replay", settings=one.settings)
    assert again.returncode == 0, again.stdout + again.stderr


def test_two_workers_and_a_rebalance_decide_the_same(product: Callable[..., Product]) -> None:
    one = product(kafka_partitions=4)
    messages = lives(23)
    wanted, until = expected(messages)
    order = arrivals(messages, 2)
    first = one.start("worker")
    one.produce(order[: len(order) // 3])
    second = one.start("worker")
    one.produce(order[len(order) // 3 : 2 * len(order) // 3])
    one.until_decided()
    assert first.stop() == 0
    one.produce(order[2 * len(order) // 3 :])
    one.until_decided()
    one.produce(closers(4, until))
    one.until_quiet()
    assert subjects_only(one.in_force()) == wanted
    assert second.stop() == 0
