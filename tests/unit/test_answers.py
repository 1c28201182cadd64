"""Every feedback is answered, a solution goes with the task, and the customer is asked whether it helped."""

import pytest

from streams.experience.pack_compile import PackErrors
from streams.experience.solutions import solution_of
from tests.builders import SECOND, START, actions, child_pack, driver, pack
from tests.one_life import DAY, HOUR, MINUTE, Life, receipt

CATALOGUE = """
solutions:
  everything: {text: {en: Say sorry., zh: 道歉。}}
  at_payment: {touchpoints: [payment], text: {en: Take the payment by phone.}}
  failing: {causes: [failure, repeated_failure], text: {en: Find out what failed.}}
  failing_payment: {causes: [repeated_failure], touchpoints: [payment], text: {en: Offer another card.}}
"""


@pytest.mark.parametrize(
    ("cause", "touchpoint", "name"),
    [
        ("repeated_failure", "payment", "failing_payment"),
        ("failure", "payment", "failing"),
        ("complaint", "payment", "at_payment"),
        ("complaint", "hotline", "everything"),
        (None, None, "everything"),
    ],
)
def test_the_most_special_solution_goes_first(cause: str | None, touchpoint: str | None, name: str) -> None:
    found = solution_of(child_pack(CATALOGUE), cause, touchpoint, None)
    assert found is not None
    assert found[0] == name


def test_a_solution_goes_with_tasks_in_the_house_s_language_and_into_texts() -> None:
    told = """
actions: {call_back: {solution: null, text: tell}}
texts: {tell: {en: "Do this: {solution}"}}
"""
    life = Life(driver(child_pack(CATALOGUE + told)))
    life.take("customer", -1, language="zh")
    action = life.unhappy()
    assert (action.solution, action.text) == ("Offer another card.", "Do this: Offer another card.")
    assert action.parameters["solution_name"] == "failing_payment"
    assert solution_of(pack(), "failure", "payment", "zh") is None
    assert solution_of(child_pack(CATALOGUE), "complaint", "hotline", "zh-CN") == ("everything", "道歉。")


def test_the_rule_s_own_solution_goes_before_the_catalogue() -> None:
    action = Life(driver(child_pack(CATALOGUE))).unhappy()
    assert action.solution == "Ask what happened, say sorry, settle it in this call."


@pytest.mark.parametrize(("score", "state"), [(10, "closed"), (1, "open")])
def test_the_customer_is_asked_whether_it_helped_and_the_answer_decides(score: int, state: str) -> None:
    life = Life()
    action = life.unhappy()
    life.touch(3 * MINUTE, "payment", matter="o1")
    receipt(life, HOUR, action, "resolved")
    life.until(2 * HOUR)
    [question] = [one for one in actions(life.outputs) if one.rule == "did_it_help"]
    assert (question.audience, question.kind) == ("customers", "did_it_help")
    assert question.decided_at == START + HOUR * SECOND
    life.say(3 * HOUR, "nps", score=score, touchpoint="payment", invitation_id=question.action_id)
    assert life.episode().state == state


@pytest.mark.parametrize(
    ("kind", "fields", "rules"),
    [
        ("nps", {"score": 7}, ["thank_for_answer"]),
        ("comment", {"text": "Opening hours?"}, ["thank_for_answer"]),
        ("nps", {"score": 10}, ["sales_follow_up"]),
        ("praise", {}, ["thank_for_praise"]),
        ("nps", {"score": 1}, ["call_back", "offer_compensation", "say_sorry"]),
        ("complaint", {}, ["call_back", "offer_compensation", "say_sorry"]),
    ],
)
def test_something_follows_from_every_kind_of_feedback(kind: str, fields: dict[str, object], rules: list[str]) -> None:
    life = Life()
    life.say(0, kind, touchpoint="store_visit", **fields)
    life.until(HOUR - 1)
    assert sorted({one.rule for one in actions(life.outputs)}) == rules


def test_thanks_are_not_said_twice_a_month() -> None:
    life = Life()
    for day in (0, 10, 31):
        life.say(day * DAY, "nps", score=7, touchpoint="store_visit")
        life.until(day * DAY + HOUR)
    thanks = [one for one in actions(life.outputs) if one.rule == "thank_for_answer"]
    assert [(one.decided_at - START) // SECOND // DAY for one in thanks] == [0, 31]


def test_before_a_promise_breaks_customer_and_adviser_know() -> None:
    life = Life(driver(pack("automotive")))
    life.touch(0, "drop_off", matter="job-1", promised_at=START + 5 * HOUR * SECOND)
    life.until(4 * HOUR + 5 * MINUTE)
    assert [one.rule for one in actions(life.outputs)] == [
        "tell_before_it_is_late"
    ]  # an hour before: who can plan anew
    life.until(4 * HOUR + 35 * MINUTE)
    assert [one.rule for one in actions(life.outputs)] == ["tell_before_it_is_late", "tell_customer_before_it_is_late"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("solutions: {s: {text: {zh: 道歉。}}}", "no text in the default locale 'en'"),
        ("solutions: {s: {text: {en: x}, causes: [failur]}}", "did you mean 'failure'"),
        ("causes: {failur: {en: x}}", "did you mean 'failure'"),
        ("solutions: {s: {text: {en: x}, touchpoints: [paymnt]}}", "did you mean 'payment'"),
    ],
)
def test_what_cannot_be_is_refused(text: str, what: str) -> None:
    with pytest.raises(PackErrors, match=what):
        child_pack(text)
