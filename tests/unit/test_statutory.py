"""Complaints lodged with a regulator: statutory clocks, one case, never held out, not closed before they are answered."""

import pytest

from schemas.decisions import Action
from streams.experience.pack_compile import PackErrors
from streams.experience.state import Episode, load_fold
from tests.builders import SECOND, START, actions, child_pack, control_message, driver
from tests.one_life import DAY, HOUR, MINUTE, Life, receipt, unit
from tests.unit.test_core_rules import subject


def lodge(life: Life, at: int, **fields: object) -> None:
    life.say(at, "complaint", channel="regulator", **{"touchpoint": "hotline", **fields})


def told(life: Life, rule: str) -> list[tuple[float, str]]:
    """(days after START, clock) of a rule's actions."""
    found = {one.action_id: one for one in actions(life.outputs) if one.rule == rule and not one.retracted}
    return sorted(((one.decided_at - START) / SECOND / DAY, one.parameters["clock"]) for one in found.values())


def first(life: Life, rule: str) -> Action:
    return next(one for one in actions(life.outputs) if one.rule == rule)


def test_the_clocks_begin_remind_and_are_missed() -> None:
    life = Life()
    lodge(life, 0)
    action = first(life, "answer_regulator")
    assert (action.audience, action.due_at) == ("managers", START + 5 * DAY * SECOND)
    assert action.parameters["deadline"] == "2026-03-07T10:00:00Z"
    assert "by 2026-03-07 11:00 (Europe/Berlin)" in action.text
    life.until(20 * DAY)
    assert told(life, "answer_regulator") == [(0, "regulator/acknowledge")]
    assert told(life, "regulator_due_soon") == [(4, "regulator/acknowledge"), (12, "regulator/answer")]
    assert told(life, "regulator_missed") == [(5, "regulator/acknowledge"), (15, "regulator/answer")]


DESK = """
calendars: {desk: {time_zone: America/New_York, hours: {mon: ["09:00-17:00"]}}}
treatment: {calendar: desk}
"""
TO_HER = """
actions: {answer_her: {on: complaint_lodged, audience: customers, kind: receipt, step: respond, text: answer_regulator, emit: settled, priority: 99}}
"""


@pytest.mark.parametrize(
    ("pack", "told"),
    [
        ("", "2026-03-07 11:00 (Europe/Berlin)"),
        ("quiet_hours: null", "2026-03-07 10:00 (UTC)"),
        (DESK, "2026-03-07 05:00 (America/New_York)"),
    ],
)
def test_a_deadline_is_told_in_the_time_of_those_who_read_it(pack: str, told: str) -> None:
    life = Life(driver(child_pack(pack)))
    lodge(life, 0)
    assert told in first(life, "answer_regulator").text
    life = Life(driver(child_pack(pack + TO_HER)))
    life.driver.control(control_message(unit("shop-1", time_zone="Asia/Shanghai")))
    life.take("customer", 0, time_zone="Asia/Tokyo")
    lodge(life, 1, unit="shop-1")
    life.until(HOUR)
    assert "2026-03-07 18:00 (Asia/Shanghai)" in first(life, "answer_regulator").text
    assert "2026-03-07 19:00 (Asia/Tokyo)" in first(life, "answer_her").text


def test_a_receipt_answers_one_clock_or_all() -> None:
    life = Life()
    lodge(life, 0)
    receipt(life, DAY, first(life, "answer_regulator"), "contacted", attributes={"clock": "acknowledge"})
    life.until(13 * DAY)
    assert told(life, "regulator_due_soon") == [(12, "regulator/answer")]
    receipt(life, 14 * DAY, first(life, "answer_regulator"), "resolved")
    life.until(30 * DAY)
    assert told(life, "regulator_missed") == []


def test_it_belongs_to_the_internal_case_about_the_same_matter() -> None:
    life = Life()
    life.unhappy()  # payment, matter o1: an episode in purchase
    lodge(life, HOUR, matter="o1")
    assert {one.journey for one in open_episodes(life)} == {"purchase"}
    action = first(life, "answer_regulator")
    assert (action.journey, action.episode_id) == ("purchase", life.episode().episode_id)
    lodge(life, 2 * HOUR, matter="o9")  # about something else
    assert {one.journey for one in open_episodes(life)} == {"purchase", "aftersales"}


def test_what_comes_up_about_the_matter_belongs_to_the_case_until_it_is_answered() -> None:
    life = Life()
    lodge(life, 0, matter="o1")
    life.touch(HOUR, "payment", "failure", matter="o1")
    life.touch(HOUR + MINUTE, "payment", "failure", matter="o1")
    [case] = open_episodes(life)
    assert (case.journey, case.members) == ("aftersales", ["e1", "e2", "e3"])
    life.touch(2 * HOUR, "payment", "failure", matter="o9")  # about something else
    life.touch(2 * HOUR + MINUTE, "payment", "failure", matter="o9")
    assert {one.journey for one in open_episodes(life)} == {"purchase", "aftersales"}


def test_a_complaint_after_the_answer_starts_the_clocks_anew() -> None:
    life = Life()
    lodge(life, 0)
    receipt(life, DAY, first(life, "answer_regulator"), "resolved")
    lodge(life, 2 * DAY)
    assert life.episode("aftersales").state == "open"
    life.until(30 * DAY)
    assert told(life, "answer_regulator") == [(0, "regulator/acknowledge"), (2, "regulator/acknowledge")]
    assert told(life, "regulator_missed") == [(7, "regulator/acknowledge"), (17, "regulator/answer")]
    assert len({one.action_id for one in actions(life.outputs) if one.rule == "answer_regulator"}) == 2


def open_episodes(life: Life) -> list[Episode]:
    return [one for one in load_fold(subject(life).now).episodes if one.state != "closed"]


def test_it_is_not_closed_before_the_authority_has_its_answer() -> None:
    life = Life()
    lodge(life, 0)
    life.say(DAY, "nps", score=10, touchpoint="hotline")
    life.until(400 * DAY)
    assert life.episode("aftersales").state == "open"
    receipt(life, 401 * DAY, first(life, "answer_regulator"), "resolved")
    life.say(402 * DAY, "nps", score=10, touchpoint="hotline")
    assert life.episode("aftersales").state == "closed"


def test_waiting_for_the_customer_does_not_stop_the_law() -> None:
    life = Life()
    lodge(life, 0)
    receipt(life, HOUR, first(life, "answer_regulator"), "waiting_for_customer")
    life.until(6 * DAY)
    assert told(life, "regulator_missed") == [(5, "regulator/acknowledge")]


def test_a_second_complaint_in_the_same_case_starts_no_second_clock() -> None:
    life = Life()
    lodge(life, 0)
    lodge(life, DAY)
    life.until(20 * DAY)
    assert told(life, "answer_regulator") == [(0, "regulator/acknowledge")]
    assert len(told(life, "regulator_missed")) == 2


def test_working_days_of_the_law() -> None:
    pack = child_pack("""
calendars:
  office:
    holidays: CN
    years: [2026]
    time_zone: Asia/Shanghai
    hours: {mon: ["00:00-24:00"], tue: ["00:00-24:00"], wed: ["00:00-24:00"], thu: ["00:00-24:00"], fri: ["00:00-24:00"]}
statutes: {regulator: {clocks: {acknowledge: {within_seconds: 604800, calendar: office, remind_before_seconds: 86400}, answer: null}}}
""")
    life = Life(driver(pack))
    lodge(life, 0)
    assert first(life, "answer_regulator").due_at == START + 9 * DAY * SECOND  # seven working days, over a weekend


def test_nobody_who_complained_to_a_regulator_is_held_out() -> None:
    pack = child_pack("holdout: {share: 0.5, salt: salt}")
    called = {"failures": 0, "regulator": 0}
    for number in range(8):
        quiet, formal = Life(driver(pack), f"a{number}"), Life(driver(pack), f"a{number}")
        quiet.touch(0, "payment", "failure", matter="o1")
        quiet.touch(MINUTE, "payment", "failure", matter="o1")
        lodge(formal, 0)
        called["failures"] += "call_back" in quiet.rules()
        called["regulator"] += {"call_back", "answer_regulator"} <= set(formal.rules())
    assert 0 < called["failures"] < 8
    assert called["regulator"] == 8


def test_late_and_early_give_the_same() -> None:
    late = Life()
    late.touch(20 * MINUTE, "search")
    lodge(late, 0)
    early = Life()
    lodge(early, 0)
    early.touch(20 * MINUTE, "search")
    for life in (late, early):
        life.until(16 * DAY)
    assert told(late, "regulator_missed") == told(early, "regulator_missed") != []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("statutes: {regulator: {clocks: {answer: null, acknowledge: null}}}", "no clock: nothing would begin"),
        ("statutes: {regulator: {clocks: {answer: {within_seconds: 0}}}}", "must be positive"),
        ("statutes: {regulator: {clocks: {answer: {remind_before_seconds: 1296000}}}}", "shorter than within_seconds"),
        ("statutes: {regulator: {clocks: {answer: {calendar: none}}}}", "no calendar 'none'"),
        ("signals: {regulator_complaint: {statute: court}}", "no statute 'court'"),
        ("signals: {regulator_complaint: {never_hold_out: false}}", "write never_hold_out: true"),
        ("signals: {failure: {statute: regulator, never_hold_out: true}}", "on: feedback"),
    ],
)
def test_what_cannot_be_is_refused(text: str, what: str) -> None:
    with pytest.raises(PackErrors, match=what):
        child_pack(text)
