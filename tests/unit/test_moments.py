"""Moments that matter: festivals, birthdays and milestones at a touchpoint, never while somebody is unhappy."""

from datetime import date

import pytest

from schemas.json_form import instant
from streams.experience.festivals import festival_on, is_birthday, local_day
from streams.experience.pack_compile import PackErrors
from tests.builders import SECOND, START, actions, child_pack, driver
from tests.one_life import DAY, HOUR, MINUTE, Life

ALL = {name: name for name in ("spring_festival", "lantern", "qingming", "dragon_boat", "mid_autumn")}
MOMENTS = """
festivals: {spring: "03-02", mid_autumn: mid_autumn}
signals:
  third: {on: touchpoint, mood: notice, when: 'event.touchpoint == "payment" && successes() == 3'}
  feast: {on: touchpoint, mood: notice, when: 'event.touchpoint == "store_visit" && festival() == "spring"'}
  birthday: {on: touchpoint, mood: notice, when: 'event.touchpoint == "store_visit" && birthday()'}
actions:
  celebrate: {on: signal, signal: third, audience: customers, kind: milestone, peak: positive, step: recognise, text: thank_you, emit: settled, never_with_open_episode: true}
  treat: {on: signal, signal: feast, audience: care, kind: treat, peak: surprise, step: recognise, text: call_back, emit: settled, never_with_open_episode: true}
  cake: {on: signal, signal: birthday, audience: care, kind: cake, peak: surprise, step: recognise, text: call_back, emit: settled, never_with_open_episode: true}
"""


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2026-02-17", "spring_festival"),
        ("2026-02-18", "none"),
        ("2026-03-03", "lantern"),
        ("2026-04-05", "qingming"),
        ("2026-06-19", "dragon_boat"),
        ("2026-09-25", "mid_autumn"),
        ("2030-09-12", "mid_autumn"),
        ("2031-01-23", "spring_festival"),
    ],
)
def test_festivals_that_move(day: str, name: str) -> None:
    assert festival_on(date.fromisoformat(day), ALL) == name


def test_festivals_of_every_year_and_of_one() -> None:
    mine = {"house": "05-20", "opening": "2026-09-01"}
    assert festival_on(date(2030, 5, 20), mine) == "house"
    assert festival_on(date(2026, 9, 1), mine) == "opening"
    assert festival_on(date(2027, 9, 1), mine) == "none"


def test_the_day_is_the_customer_s() -> None:
    late = instant("2026-03-02T20:00:00Z")
    assert local_day(late, "Asia/Shanghai", "UTC") == date(2026, 3, 3)
    assert local_day(late, None, "Europe/Berlin") == date(2026, 3, 2)
    assert local_day(late, "no/where", "Asia/Tokyo") == date(2026, 3, 3)


@pytest.mark.parametrize(
    ("told", "day", "yes"),
    [
        ("1990-03-02", date(2026, 3, 2), True),
        ("03-02", date(2026, 3, 2), True),
        ("03-03", date(2026, 3, 2), False),
        ("1992-02-29", date(2026, 2, 28), True),
        ("1992-02-29", date(2028, 2, 28), False),
        ("", date(2026, 3, 2), False),
        (None, date(2026, 3, 2), False),
    ],
)
def test_birthdays(told: str | None, day: date, yes: bool) -> None:
    assert is_birthday(day, told) is yes


def test_a_milestone_is_celebrated_once_whatever_the_order_of_arrival() -> None:
    for order in ((0, 1, 2, 3), (0, 2, 1, 3)):
        life = Life(driver(child_pack(MOMENTS)))
        for number in order:
            life.touch(number * 60, "payment", event_id=f"p{number}")
        life.until(HOUR)
        sent = [one for one in actions(life.outputs) if one.rule == "celebrate" and not one.retracted]
        assert [(one.decided_at - START) // SECOND for one in sent] == [120]
        assert sent[0].parameters["peak"] == "positive"


def test_a_festival_and_a_birthday_at_the_right_touchpoint() -> None:
    life = Life(driver(child_pack(MOMENTS)))
    life.take("customer", 0, attributes={"birthday": "1990-03-03"}, time_zone="Asia/Shanghai")
    life.touch(1, "payment")
    life.touch(MINUTE, "store_visit")  # 2 March
    life.touch(DAY, "store_visit")  # 3 March
    life.touch(2 * DAY, "store_visit")
    life.until(3 * DAY)
    assert [one.rule for one in actions(life.outputs)] == ["treat", "cake"]


def test_never_while_somebody_is_unhappy_and_the_reason_is_told() -> None:
    life = Life(driver(child_pack(MOMENTS)))
    life.unhappy()
    life.touch(5 * MINUTE, "store_visit")
    life.until(HOUR)
    assert "treat" not in {one.rule for one in actions(life.outputs)}
    assert ("treat", "open_episode") in {(row.rule, row.reason) for row in life.episode().losers}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('festivals: {feast: "13-40"}', "'13-40' is no day"),
        ("festivals: {feast: easter}", "'easter' is no day"),
        ("actions: {say_sorry: {peak: surprise}}", "write never_with_open_episode: true"),
        (
            "signals: {s: {on: touchpoint, mood: notice, when: 'festival() == \"christmas\"'}}",
            "christmas",
        ),
    ],
)
def test_what_cannot_be_is_refused(text: str, what: str) -> None:
    with pytest.raises(PackErrors, match=what):
        child_pack(text)
