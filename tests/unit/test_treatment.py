"""How an episode is treated: working time, reminders, waiting for the customer, hand-over, escalation, what comes back."""

from typing import Any

import pytest

from schemas.controls import Control, Opening, Staff, Unit
from schemas.decisions import Action, Experience
from streams.errors import Unavailable
from streams.experience.compiled import CompiledPack
from streams.experience.pack_compile import PackErrors
from tests.builders import SECOND, START, actions, child_pack, control_message, driver, records
from tests.one_life import DAY, HOUR, MINUTE, Life, receipt

CALENDAR = """
calendars:
  shop:
    holidays: CN
    years: [2026]
    time_zone: Asia/Shanghai
    hours: {mon: ["09:00-20:00"], tue: ["09:00-20:00"], wed: ["09:00-20:00"], thu: ["09:00-20:00"], fri: ["09:00-20:00"]}
"""
WORKING = child_pack(CALENDAR + "treatment: {calendar: shop, remind_before_seconds: 900}")
REMINDING = child_pack(
    """
treatment: {remind_before_seconds: 900}
actions: {remind: {on: step_due_soon, audience: care, kind: reminder, step: respond, text: escalate}}
"""
)


def unit(name: str, staff: list[Staff], **fields: Any) -> Control:
    """A unit as it is from the beginning."""
    told = Unit(unit_id=name, staff=staff, **fields)
    return Control(control_id=f"unit-{name}", in_force_at=0, written_at=START, unit=told)


def fired(life: Life, rule: str) -> list[tuple[float, Action]]:
    """(hours after START, action) of a rule, in order of time."""
    found = {one.action_id: one for one in actions(life.outputs) if one.rule == rule}
    return sorted(((one.decided_at - START) / SECOND / HOUR, one) for one in found.values())  # type: ignore[type-var]


def due_in(life: Life) -> float:
    """Hours after START at which the episode's step is due."""
    due = life.episode().due_at
    assert due is not None
    return (due - START) / SECOND / HOUR


# --- working time --------------------------------------------------------------------------------------------------


def test_steps_and_tasks_are_due_in_working_time() -> None:
    life = Life(driver(WORKING))
    action = life.unhappy(90 * MINUTE)  # 19:31 in Shanghai, the shop closes at 20:00
    assert action.due_at == START + (15 * HOUR + 31 * MINUTE) * SECOND
    assert life.episode().due_at == action.due_at
    life.until(15 * HOUR)
    assert not fired(life, "escalate")
    life.until(16 * HOUR)
    assert len(fired(life, "escalate")) == 1


def test_a_unit_s_own_hours_go_before_those_of_the_calendar() -> None:
    night = [Opening(weekday=day, opens="00:00", closes="24:00") for day in range(1, 8)]
    one = driver(WORKING)
    one.control(control_message(unit("store-1", [], opening_hours=night, time_zone="Asia/Shanghai")))
    life = Life(one)
    life.touch(90 * MINUTE, "payment", "failure", matter="o1", unit="store-1")
    life.touch(91 * MINUTE, "payment", "failure", matter="o1", unit="store-1")
    assert due_in(life) == pytest.approx((91 * MINUTE + HOUR) / HOUR)


def test_a_journey_and_a_task_round_the_clock() -> None:
    pack = child_pack(
        CALENDAR
        + """
treatment: {calendar: shop}
journeys: {purchase: {round_the_clock: true}}
"""
    )
    life = Life(driver(pack))
    life.unhappy(90 * MINUTE)
    assert due_in(life) == pytest.approx((91 * MINUTE + HOUR) / HOUR)
    pack = child_pack(CALENDAR + "treatment: {calendar: shop}\nactions: {call_back: {round_the_clock: true}}")
    action = Life(driver(pack)).unhappy(90 * MINUTE)
    assert action.due_at == action.decided_at + HOUR * SECOND


def test_a_year_without_known_days_holds_the_task_instead_of_guessing() -> None:
    life = Life(driver(child_pack(CALENDAR.replace("[2026]", "[2025]") + "treatment: {calendar: shop}")))
    with pytest.raises(Unavailable, match="calendar shop does not cover 2026"):
        life.unhappy()


# --- reminders -----------------------------------------------------------------------------------------------------


def test_a_reminder_comes_before_the_step_is_missed_and_once_a_step() -> None:
    life = Life(driver(REMINDING))
    life.unhappy()
    life.until(4 * HOUR)
    minute = MINUTE / HOUR
    assert [at for at, _ in fired(life, "remind")] == pytest.approx([0.75 + minute, 1.75 + minute, 2.75 + minute])
    assert [at for at, _ in fired(life, "escalate")] == pytest.approx([1 + minute, 2 + minute, 3 + minute])


def test_who_has_answered_is_not_reminded() -> None:
    life = Life(driver(REMINDING))
    action = life.unhappy()
    life.touch(4 * MINUTE, "payment")
    receipt(life, 5 * MINUTE, action, "resolved")
    life.until(4 * HOUR)
    assert fired(life, "remind") == []


# --- waiting for the customer --------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["receipt", "touch", "feedback", "elsewhere", "nothing"])
def test_the_clock_stands_still_while_the_customer_has_the_next_word(what: str) -> None:
    life = Life(driver(child_pack("treatment: {waits_at_most_seconds: 36000}")))
    action = life.unhappy()  # due after an hour and a minute
    receipt(life, 31 * MINUTE, action, "waiting_for_customer")
    assert (life.episode().due_at, life.episode().resumes_at) == (None, START + (31 * MINUTE + 36000) * SECOND)
    life.until(5 * HOUR)
    assert fired(life, "escalate") == []
    resumed = 5 * HOUR
    if what == "receipt":
        receipt(life, resumed, action, "accepted")
        assert due_in(life) == pytest.approx(5 + 4)  # the next step's own four hours
        return
    if what == "touch":
        life.touch(resumed, "checkout")
    elif what == "feedback":
        life.say(resumed, "comment", text="…", touchpoint="checkout")
    else:
        if what == "elsewhere":
            life.touch(resumed, "delivery")
        life.until(resumed + HOUR)
        assert life.episode().resumes_at is not None
        resumed = 31 * MINUTE + 36000
        life.until(resumed)
    assert life.episode().resumes_at is None
    assert due_in(life) == pytest.approx((resumed + 30 * MINUTE) / HOUR)


def test_waiting_twice_and_after_the_last_reminder() -> None:
    life = Life()
    action = life.unhappy()
    receipt(life, 10 * MINUTE, action, "waiting_for_customer")
    receipt(life, 20 * MINUTE, action, "waiting_for_customer")
    assert life.episode().resumes_at == START + (10 * MINUTE + 3 * DAY) * SECOND
    life = Life()
    action = life.unhappy()
    life.until(5 * HOUR)  # missed three times: nothing is due any more
    receipt(life, 6 * HOUR, action, "waiting_for_customer")
    life.until(6 * HOUR + 3 * DAY)
    assert (life.episode().due_at, life.episode().resumes_at) == (None, None)


# --- escalation up the units, hand-over -----------------------------------------------------------------------------


def managed(pack: CompiledPack | None = None) -> Life:
    one = driver(pack) if pack is not None else driver()
    staff = {"store": "mina", "district": "dora", "region": "rita"}
    parents = {"store": ["town"], "town": ["district", "region"], "district": ["region"], "region": []}
    for name, above in parents.items():
        people = [Staff(staff_id=staff[name], role="manager")] if name in staff else []
        one.control(control_message(unit(name, people, parents=above)))
    return Life(one)


def missed(life: Life) -> list[str | None]:
    life.touch(0, "payment", "failure", matter="o1", unit="store")
    life.touch(MINUTE, "payment", "failure", matter="o1", unit="store")
    life.until(DAY)
    return [one.assignee for _, one in fired(life, "escalate")]


def test_each_further_miss_goes_to_the_next_holder_up_the_units() -> None:
    assert missed(managed()) == ["mina", "dora", "rita"]
    assert missed(managed(child_pack("treatment: {escalates_most: 5}"))) == ["mina", "dora", "rita", "rita", "rita"]
    assert missed(managed(child_pack("audiences: {managers: {climbs: false}}"))) == ["mina"] * 3


def test_where_nobody_is_above_the_fallback_is_asked() -> None:
    pack = child_pack("audiences: {managers: {fallback: head-office}, care: {fallback: desk}}")
    life = Life(driver(pack))
    assert missed(life) == ["head-office"] * 3
    assert [one.assignee for _, one in fired(life, "call_back")] == ["desk"]


def test_units_that_name_each_other_end() -> None:
    one = driver()
    one.control(control_message(unit("store", [], parents=["other"])))
    one.control(control_message(unit("other", [], parents=["store"])))
    assert missed(Life(one)) == [None] * 3


def test_who_takes_over_gets_what_follows() -> None:
    life = Life()
    life.take("customer", 0, owner="li")
    action = life.unhappy(1)
    receipt(life, 5 * MINUTE, action, "handed_over", to="wu")
    [(_, told)] = fired(life, "take_over")
    assert (action.assignee, told.assignee, life.episode().owner) == ("li", "wu", "wu")
    assert life.episode().due_at == action.due_at  # the customer goes on waiting
    receipt(life, 6 * MINUTE, action, "handed_over", to="an")
    assert [one.assignee for _, one in fired(life, "take_over")] == ["wu", "an"]
    life.touch(10 * MINUTE, "payment", "abandoned", matter="o1")
    assert [one.assignee for _, one in fired(life, "call_back_urgently")] == ["an"]


# --- what the customer answers --------------------------------------------------------------------------------------


def test_an_answer_to_the_question_belongs_to_its_episode_whatever_else_it_names() -> None:
    life = Life(driver(silent()))
    receipt(life, HOUR, life.unhappy(), "resolved")
    life.until(HOUR + 10 * MINUTE)
    [(_, question)] = fired(life, "did_it_help")
    life.say(2 * HOUR, "nps", score=2, action_id=question.action_id)
    assert (life.episode().state, life.episode().reopened) == ("open", 1)
    receipt(life, 3 * HOUR, fired(life, "call_back_again")[0][1], "resolved")
    life.say(4 * HOUR, "nps", score=10, invitation_id=question.action_id)
    assert life.episode().state == "closed"
    assert "sales_follow_up" not in life.rules()  # the end of a case is no occasion to sell


def test_an_answer_that_names_a_touchpoint_is_about_that_one_and_not_about_the_latest_contact() -> None:
    life = Life(driver(silent()))
    receipt(life, HOUR, life.unhappy(), "resolved")
    life.touch(2 * HOUR, "chat", matter="o1")
    life.say(3 * HOUR, "nps", score=9, touchpoint="payment", matter="o1")
    assert life.episode().state == "closed"
    [seen] = records(life.outputs, "cx-experiences", Experience)
    assert (seen.journey, seen.touchpoint, seen.context.event_id) == ("purchase", "payment", "e2")


def test_who_waited_for_the_customer_goes_on_when_she_writes_about_the_matter_elsewhere() -> None:
    life = Life(driver(silent()))
    action = life.unhappy()
    receipt(life, 11 * MINUTE, action, "waiting_for_customer")
    life.touch(5 * HOUR, "chat", matter="o2")
    assert life.episode().resumes_at is not None
    life.touch(6 * HOUR, "chat", matter="o1")
    assert life.episode().resumes_at is None
    assert due_in(life) == pytest.approx(6 + 50 / 60)


def silent() -> CompiledPack:
    """Retail in which nobody is taken to have given up."""
    return child_pack("silences: {gave_up_paying: null}\nsignals: {gave_up: null}")


# --- one who is not answered ----------------------------------------------------------------------------------------


def test_new_trouble_after_all_escalations_were_in_vain_begins_again() -> None:
    life = Life(driver(silent()))
    life.unhappy()
    life.until(DAY)
    assert len(fired(life, "escalate")) == 3
    life.say(5 * DAY, "complaint", touchpoint="payment")  # what was has faded: it is compared with what is left
    assert [round(at) for at, _ in fired(life, "call_back_urgently")] == [120]
    life.until(6 * DAY)
    assert [round(at) for at, _ in fired(life, "escalate")] == [1, 2, 3, 121, 122, 123]


def test_each_step_climbs_anew_once_somebody_has_moved_it_on() -> None:
    one = driver(silent())
    one.control(control_message(unit("region", [Staff(staff_id="boss", role="manager")])))
    one.control(control_message(unit("shop", [Staff(staff_id="head", role="manager")], parents=["region"])))
    life = Life(one)
    life.touch(0, "payment", "failure", matter="o1", unit="shop")
    action = next(row for row in actions(life.touch(MINUTE, "payment", "failure", matter="o1", unit="shop")))
    life.until(2 * HOUR + 2 * MINUTE)
    receipt(life, 2 * HOUR + 5 * MINUTE, action, "accepted")
    life.until(DAY)
    assert [row.assignee for _, row in fired(life, "escalate")] == ["head", "boss", "head", "boss", "boss"]
    assert life.episode().missed == 5


def test_nobody_has_worked_on_what_came_after_the_work() -> None:
    life = Life(driver(silent()))
    life.say(0, "complaint", touchpoint="payment")
    receipt(life, HOUR, fired(life, "call_back")[0][1], "resolved")
    life.say(DAY, "complaint", touchpoint="payment")  # re-opens it, and nobody does anything
    life.until(40 * DAY)
    assert [round(at / 24) for at, _ in fired(life, "never_answered")] == [31]


# --- what comes back ------------------------------------------------------------------------------------------------


def test_the_same_cause_at_the_same_touchpoint_after_the_fix_is_counted() -> None:
    life = Life()
    action = life.unhappy()
    life.touch(2 * MINUTE, "payment", "failure", matter="o1")  # before the fix
    receipt(life, 5 * MINUTE, action, "resolved")
    assert life.episode().recurrences == 0
    life.touch(DAY, "checkout", "failure", matter="o2")
    life.touch(DAY + MINUTE, "checkout", "failure", matter="o2")  # elsewhere
    assert life.episode().recurrences == 0
    for number in (2, 3):
        life.touch(number * DAY, "payment", "failure", matter="o3")
        life.touch(number * DAY + MINUTE, "payment", "failure", matter="o3")
    life.until(3 * DAY + HOUR)
    assert life.episode().recurrences == 2
    assert [one.parameters["recurrences"] for _, one in fired(life, "came_back")] == ["1"]


def test_each_cause_of_an_event_comes_back_and_counts_also_where_no_episode_opens() -> None:
    life = Life(driver(child_pack("treatment: {recurs_within_seconds: 8640000}")))
    life.say(0, "complaint", touchpoint="hotline")
    action = next(one for one in actions(life.outputs) if one.rule == "call_back")
    assert action.cause == "complaint"
    receipt(life, HOUR, action, "resolved")
    life.say(
        20 * DAY, "complaint", touchpoint="hotline", score=1, scale_min=0, scale_max=10
    )  # the low score is heavier
    [(_, told)] = fired(life, "came_back")
    assert (told.parameters["recurrences"], life.episode("aftersales").recurrences) == ("1", 1)


def test_below_an_episode_it_counts_and_is_told_once_there_is_one() -> None:
    life = Life(driver(child_pack("signals: {repeated_failure: {cause: failure}}")))
    receipt(life, HOUR, life.unhappy(), "resolved")
    life.say(2 * HOUR, "nps", score=10, touchpoint="payment")
    assert life.episode().state == "closed"
    life.touch(20 * DAY, "payment", "failure", matter="o3")  # one alone opens nothing
    assert not fired(life, "came_back")
    life.touch(20 * DAY + MINUTE, "payment", "failure", matter="o3")
    assert [one.parameters["recurrences"] for _, one in fired(life, "came_back")] == ["2"]


def test_after_long_it_is_not_the_same_any_more() -> None:
    life = Life(driver(child_pack("treatment: {recurs_within_seconds: 86400}")))
    receipt(life, 5 * MINUTE, life.unhappy(), "resolved")
    life.touch(2 * DAY, "payment", "failure", matter="o3")
    life.touch(2 * DAY + MINUTE, "payment", "failure", matter="o3")
    assert life.episode().recurrences == 0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("treatment: {remind_before_seconds: 0}", "must be positive"),
        ("treatment: {waits_at_most_seconds: -1}", "must be positive"),
        ("audiences: {care: {climbs: true}}", "say which: role: manager"),
    ],
)
def test_what_cannot_be_is_refused(text: str, what: str) -> None:
    with pytest.raises(PackErrors, match=what):
        child_pack(text)
