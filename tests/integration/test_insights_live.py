"""Insights live on the real Kafka: told once a window to those who can put the cause right, by the next worker, too."""

import time
from collections.abc import Callable
from pathlib import Path

from schemas.decisions import Notification
from streams.engine.job import Message
from streams.packs_folder import find
from streams.packs_in_force import activate
from tests.builders import message, records
from tests.main_service import DEADLINE_SECONDS, Product, closers

DAY = 86_400
WEEK = 7 * DAY  # the scene begins on a Monday, 10:00
PACK = """pack: learning
inherits: retail
description: Causes that come again are told.
texts:
  again: {en: "{cause} at {touchpoint}: {subjects} customers, {windows} weeks in a row"}
insights:
  audience: product
  recurring: {text: again, customers: 3, windows: 2}
"""


def test_a_cause_that_comes_again_is_told_once_and_revised_after_a_worker_was_killed(
    product: Callable[..., Product], tmp_path: Path
) -> None:
    (tmp_path / "learning.yaml").write_text(PACK, encoding="utf-8")
    one = product(core_packs=tmp_path)
    activate(find("learning", one.settings), one.settings, at="beginning", brand="b")
    worker = one.start("worker")
    payments_fail(one, week=0, customers=3)
    payments_fail(one, week=1, customers=4)
    time_goes_on(one, 2 * WEEK + DAY)
    first = ("a failure at payment: 4 customers, 2 weeks in a row", 1)
    assert told(one, 1) == [first]
    worker.kill()
    one.expel()
    one.start("worker")
    payments_fail(one, week=2, customers=5)
    time_goes_on(one, 3 * WEEK + DAY)
    assert told(one, 2) == [first, ("a failure at payment: 5 customers, 3 weeks in a row", 2)]
    assert len({each.action_id for each in notified(one)}) == 1


BESIDE = """pack: beside
inherits: retail
description: Units and colleagues are compared.
texts:
  worse: {en: "{unit} at {touchpoint}: {bad} of {contacts}, usual {usual}"}
  talk: {en: "{staff} at {touchpoint}: {bad} of {contacts}, usual {usual}"}
insights:
  audience: product
  drivers: {text: worse, contacts: 20, siblings: 3}
  coaching: {text: talk, audience: managers, contacts: 20, peers: 3}
"""


def test_who_stands_out_beside_others_is_told(product: Callable[..., Product], tmp_path: Path) -> None:
    (tmp_path / "beside.yaml").write_text(BESIDE, encoding="utf-8")
    one = product(core_packs=tmp_path)
    activate(find("beside", one.settings), one.settings, at="beginning", brand="b")
    one.start("worker")
    one.produce(contact(unit, number, bad=number < bad) for unit, bad in UNITS.items() for number in range(20))
    time_goes_on(one, WEEK + DAY)
    assert sent(one, "product") == [("d at checkout: 12 of 20, usual 10%", 1)]
    assert sent(one, "managers") == [("staff-d at checkout: 12 of 20, usual 10%", 1)]


UNITS = {"a": 2, "b": 2, "c": 1, "d": 12}  # contacts of 20 that end badly


def contact(unit: str, number: int, *, bad: bool) -> Message:
    """A customer's contact with a unit; in each works one colleague."""
    outcome = "abandoned" if bad else "success"  # nobody fails: nothing else is asked of managers
    at, subject = number * 3600, f"{unit}-{number}"
    fields = {"brand": "b", "touchpoint": "checkout", "outcome": outcome, "unit": unit, "staff": f"staff-{unit}"}
    return message("touchpoint", f"{subject}-0", at, 0, subject, **fields)


def sent(one: Product, audience: str) -> list[tuple[str | None, int]]:
    """(text, revision) of what an audience has been sent, once there is something."""
    topic, deadline = f"cx-notify-{audience}", time.monotonic() + DEADLINE_SECONDS
    found: list[Notification] = []
    while not (found := records(one.outputs(topic), topic, Notification)):
        assert time.monotonic() < deadline, f"nothing came on {topic}"
        time.sleep(0.1)
    return [(each.text, each.revision) for each in found]


def payments_fail(one: Product, week: int, customers: int) -> None:
    """So many customers cannot pay."""
    failed = {"brand": "b", "touchpoint": "payment", "outcome": "failure"}
    names = [f"customer-{week}-{number}" for number in range(customers)]
    at = week * WEEK + 2 * DAY
    one.produce(message("touchpoint", f"{name}-0", at, 0, name, **failed) for name in names)


def time_goes_on(one: Product, until: int) -> None:
    """Stream time passes the end of the window and what may come late for it."""
    one.until_decided()
    one.produce(closers(one.settings.kafka_partitions, until))


def notified(one: Product) -> list[Notification]:
    """What those who look after the product have been sent about failures; that customers give up then is another cause."""
    found: list[Notification] = records(one.outputs("cx-notify-product"), "cx-notify-product", Notification)
    return [each for each in found if each.parameters["cause"] == "failure"]


def told(one: Product, count: int) -> list[tuple[str | None, int]]:
    """(text, revision) of all insights, once there are so many."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(found := notified(one)) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} insights came"
        time.sleep(0.1)
    return [(each.text, each.revision) for each in found]
