"""What follows from dissatisfaction: episodes, their treatment, actions, the arbiter; late events revise or retract."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from schemas.controls import Staff
from schemas.decisions import Action, Experience, Notification
from schemas.events import Customer
from schemas.json_form import instant
from streams.errors import UserError
from streams.experience.fold import updated
from streams.experience.state import Profile, Subject, dump
from tests.builders import (
    CODEC,
    SECOND,
    START,
    actions,
    control_message,
    driver,
    message,
    pack,
    records,
)
from tests.one_life import DAY, HOUR, MINUTE, Life, receipt, unit


def test_an_action_is_explained_and_reaches_its_audience() -> None:
    life = Life()
    life.take("customer", 0, name="Anna", tier="gold", language="zh", owner="li")
    action = life.unhappy(10)
    assert action.origin == "inferred"
    assert action.text == "Anna 对支付不满（多次失败，0.55）。请回电倾听。"  # the cause by its title
    assert action.cause == action.parameters["cause"] == "repeated_failure"
    assert action.assignee == "li"
    assert action.due_at == action.decided_at + 900 * SECOND
    assert [(row.signal, row.topic, row.offset) for row in action.evidence] == [
        ("repeated_failure", "cx-touchpoints", 3),
        ("failure", "cx-touchpoints", 3),
        ("failure", "cx-touchpoints", 2),
    ]
    told = records(life.outputs, "cx-notify-care", Notification)
    assert [one.action_id for one in told] == [action.action_id]
    assert life.episode().due_at == action.due_at


def test_latency_is_measured_from_the_cause_of_what_goes_out_at_once() -> None:
    life = Life()
    life.unhappy(10)
    life.touch(9 + MINUTE, "payment", "failure", matter="o1")  # late: what follows is a revision
    life.until(20 * HOUR)
    sent = [output for output in life.outputs if output.topic == "cx-actions"]
    told = [CODEC.decode(output.value, Action) for output in sent]
    assert any(action.revision > 1 for action in told)
    assert any(action.emit == "settled" for action in told)
    assert [output.caused_at for output in sent] == [
        action.decided_at if action.revision == 1 and action.emit == "now" else 0 for action in told
    ]
    assert not any(output.caused_at for output in life.outputs if output.topic != "cx-actions")


def test_feedback_is_judged_by_the_moment_it_is_about() -> None:
    life = Life()
    life.touch(0, "delivery", "failure", matter="o1", unit="berlin-1", waiting_seconds=30.0)
    life.touch(2 * HOUR, "hotline", "failure", matter="o2")
    life.touch(2 * HOUR + 5, "hotline", "failure", matter="o2")
    [seen] = records(life.say(3 * HOUR, "nps", score=6, matter="o1"), "cx-experiences", Experience)
    assert (seen.touchpoint, seen.journey, seen.unit) == ("delivery", "fulfilment", "berlin-1")
    assert (seen.context.failures, seen.context.event_id, seen.context.outcome) == (1, "e1", "failure")
    assert (seen.experience, seen.expectation, seen.expectation_source, seen.satisfaction) == (
        6.0,
        8.0,
        "inherited",
        -2.0,
    )
    assert seen.weighted == -16.0
    [now] = records(life.say(3 * HOUR, "nps", score=6, touchpoint="hotline"), "cx-experiences", Experience)
    assert now.context.failures == 3


def test_unknown_touchpoint_is_joined_as_other() -> None:
    life = Life()
    life.touch(0, "moon_shop", "failure")
    [seen] = records(life.say(9, "comment", text="ok", touchpoint="moon_shop"), "cx-experiences", Experience)
    assert (seen.touchpoint, seen.expectation_source, seen.satisfaction) == ("other", "unknown", None)


def test_somebody_anonymous_opens_an_episode_that_the_unit_can_treat() -> None:
    life = Life(subject="qr-4711")
    life.driver.control(control_message(unit("berlin-1", staff=[Staff(staff_id="mia", role="manager")])))
    new = life.say(0, "complaint", subject_type="anonymous", touchpoint="store_visit", unit="berlin-1", text="rude")
    assert {action.unit for action in actions(new)} == {"berlin-1"}
    assert life.episode().subject_type == "anonymous"


def test_missed_steps_escalate_to_the_units_manager_a_limited_number_of_times() -> None:
    life = Life()
    parent = unit("region", staff=[Staff(staff_id="boss", role="manager")])
    for one in (parent, unit("berlin-1", parents=["region"])):
        life.driver.control(control_message(one))
    life.take("customer", 0, name="Anna", unit="berlin-1")
    life.unhappy()
    life.until(20 * HOUR)
    escalations = [action for action in actions(life.outputs) if action.rule == "escalate"]
    assert len(escalations) == 3
    assert len({action.action_id for action in escalations}) == 3
    assert {(action.assignee, action.unit) for action in escalations} == {("boss", "berlin-1")}
    assert [action.decided_at for action in escalations] == [START + (60 + 3600 * n) * SECOND for n in (1, 2, 3)]


def test_receipts_move_an_episode_on_and_only_a_verifying_signal_closes_it() -> None:
    life = Life()
    action = life.unhappy()
    receipt(life, 5 * MINUTE, action, "accepted")
    assert (life.episode().stage, life.episode().state) == ("respond", "open")
    receipt(life, 10 * MINUTE, action, "contacted")
    assert life.episode().stage == "compensate"
    receipt(life, 20 * MINUTE, action, "resolved")
    assert (life.episode().state, life.episode().due_at) == ("treated", None)
    life.say(DAY, "nps", score=10, touchpoint="payment", event_id="thanks")
    assert (life.episode().state, life.episode().closed_by) == ("closed", "thanks")
    assert "escalate" not in life.rules()


def test_a_treatment_that_nothing_verifies_reopens() -> None:
    life = Life()
    receipt(life, 20 * MINUTE, life.unhappy(), "resolved")
    life.until(8 * DAY)
    assert (life.episode().state, life.episode().reopened) == ("open", 1)
    assert "call_back_again" in life.rules()


def test_new_trouble_soon_after_closing_is_the_same_episode() -> None:
    life = Life()
    receipt(life, 5 * MINUTE, life.unhappy(), "resolved")
    life.touch(10 * MINUTE, "payment")
    life.say(15 * MINUTE, "nps", score=10, touchpoint="payment")
    first = life.episode()
    assert first.state == "closed"
    life.touch(2 * HOUR, "payment", "failure")
    life.touch(2 * HOUR + 9, "payment", "failure")
    assert (life.episode().episode_id, life.episode().state, life.episode().reopened) == (first.episode_id, "open", 1)


def test_all_signals_of_one_event_make_one_decision_for_the_heaviest() -> None:
    life = Life()
    life.touch(0, "hotline", channel="phone", matter="o1")
    new = actions(life.touch(HOUR, "chat", channel="web", matter="o1", waiting_seconds=999.0))
    assert [action.rule for action in new] == ["call_back", "offer_compensation"]
    assert {row.signal for row in new[0].evidence} == {"channel_hop", "repeated_contact", "waited_beyond_promise"}
    assert life.episode("aftersales").cause == "channel_hop"


def test_an_episode_without_news_fades() -> None:
    life = Life()
    life.unhappy()
    life.until(31 * DAY)
    assert (life.episode().state, life.episode().closed_by) == ("closed", "quiet")


def test_what_is_treated_does_not_fade_before_it_is_verified() -> None:
    life = Life()
    action = life.unhappy()
    receipt(life, 25 * DAY, action, "resolved")  # to be verified until day 32, the evidence has faded on day 30
    life.until(31 * DAY)
    assert life.episode().state == "treated"
    life.until(33 * DAY)
    assert (life.episode().state, life.episode().reopened) == ("open", 1)
    life.until(70 * DAY)
    assert (life.episode().state, life.episode().closed_by) == ("closed", "quiet")


@pytest.mark.parametrize(
    ("said", "worked", "follows"),
    [(True, False, ["never_answered"]), (True, True, []), (False, False, [])],
)
def test_nobody_is_thanked_for_having_fallen_silent(said: bool, worked: bool, follows: list[str]) -> None:
    life = Life()
    if said:
        life.say(0, "complaint", touchpoint="payment", score=0, scale_min=0, scale_max=10)
    else:
        life.unhappy()
    if worked:
        receipt(life, HOUR, next(one for one in actions(life.outputs) if one.rule == "call_back"), "contacted")
    before = len(life.rules())
    life.until(29 * DAY)
    missed = len(life.rules())
    life.until(31 * DAY)
    assert (life.episode().closed_by, life.rules()[missed:]) == ("quiet", follows)
    assert before < missed  # somebody was told in time


def test_a_declined_action_goes_to_the_manager() -> None:
    life = Life()
    receipt(life, 5 * MINUTE, life.unhappy(), "declined")
    assert "escalate_declined" in life.rules()


def test_never_sell_to_a_customer_with_an_open_episode() -> None:
    life = Life()
    life.say(0, "nps", score=10, touchpoint="delivery")
    life.until(HOUR)
    assert life.rules() == ["sales_follow_up"]
    other = Life(subject="ben")
    other.unhappy()
    other.say(5 * MINUTE, "nps", score=10, touchpoint="delivery")
    other.until(HOUR)
    assert "sales_follow_up" not in other.rules()


def test_an_action_for_good_news_carries_that_news_as_evidence() -> None:
    life = Life()
    life.touch(0, "delivery", "failure")
    life.say(MINUTE, "nps", score=10, touchpoint="delivery")
    life.until(HOUR)
    [sale] = actions(life.outputs)
    news = sale.evidence[0]
    assert (news.signal, news.event_id, news.origin, news.weight) == ("delighted", "e2", "said", 0.0)
    assert {row.event_id for row in sale.evidence[1:]} == {"e1"}


def test_every_action_of_an_episode_carries_evidence_even_when_all_has_faded() -> None:
    life = Life()
    receipt(life, 20 * MINUTE, life.unhappy(), "resolved")
    life.until(40 * DAY)
    assert {action.rule for action in actions(life.outputs)} >= {"call_back", "call_back_again", "escalate"}
    assert [action.rule for action in actions(life.outputs) if not action.evidence] == []


def test_the_worst_score_of_a_scale_upside_down_is_a_plain_zero() -> None:
    life = Life()
    life.say(0, "csat", score=5, scale_min=1, scale_max=5, scale_direction="lower_is_better", touchpoint="hotline")
    [action, *_] = actions(life.outputs)
    assert [row.detail for row in action.evidence] == ["level 0 of 10"]


def test_an_episode_withdraws_a_sales_action_that_is_not_out_yet() -> None:
    life = Life()
    life.say(0, "nps", score=10, touchpoint="delivery")
    life.unhappy(60)
    life.until(2 * HOUR)
    assert "sales_follow_up" not in [action.rule for action in actions(life.outputs)]


def test_what_loses_is_told_with_its_reason() -> None:
    life = Life()
    life.unhappy()
    complaint = actions(life.say(2 * MINUTE, "complaint", touchpoint="hotline"))
    [call] = [action for action in complaint if action.rule == "call_back"]
    assert [(loser.rule, loser.reason) for loser in call.losers] == [("say_sorry", "cap")]


def test_settled_actions_wait_and_quiet_hours_delay_their_delivery() -> None:
    night = (instant("2026-03-02T22:00:00Z") - START) // SECOND
    life = Life()
    life.take("customer", night - 9, time_zone="Asia/Shanghai")
    life.unhappy(night)
    assert "say_sorry" not in life.rules()
    [sorry] = [action for action in actions(life.until(night + 181)) if action.rule == "say_sorry"]
    assert sorry.deliver_not_before_at == instant("2026-03-03T00:00:00Z")  # 08:00 in Shanghai
    assert sorry.decided_at == START + (night + 60) * SECOND


@pytest.mark.parametrize("name", ["Europe", "Mars/Olympus", "../etc/passwd", "x" * 300, ""])
def test_a_time_zone_that_there_is_not_counts_as_none(name: str) -> None:
    night = (instant("2026-03-02T22:00:00Z") - START) // SECOND
    life = Life()
    life.take("customer", night - 9, time_zone=name)
    life.unhappy(night)
    [sorry] = [action for action in actions(life.until(night + 181)) if action.rule == "say_sorry"]
    assert sorry.deliver_not_before_at == instant("2026-03-03T07:00:00Z")  # 08:00 in Berlin, the pack's zone


def test_a_customer_update_leaves_replaces_and_clears() -> None:
    begin: dict[str, Any] = {"event_id": "e", "subject_type": "customer", "subject_id": "c", "occurred_at": START}
    known = updated(Profile(), Customer(**begin, tier="gold", value=Decimal(7), attributes={"a": "1", "b": "2"}))
    known = updated(known, Customer(**begin, language="zh", consents=[]))
    assert (known.tier, known.value, known.language, known.attributes) == ("gold", 7.0, "zh", {"a": "1", "b": "2"})
    known = updated(known, Customer(**begin, tier="", value=Decimal(0), attributes={"a": "", "c": "3"}))
    assert (known.tier, known.value, known.language, known.attributes) == (None, 0.0, "zh", {"b": "2", "c": "3"})


def test_attributes_of_a_customer_do_not_grow_without_end() -> None:
    begin: dict[str, Any] = {"event_id": "e", "subject_type": "customer", "subject_id": "c", "occurred_at": START}
    known = Profile()
    for number in range(200):
        known = updated(known, Customer(**begin, attributes={"kept": "x", f"name-{number}": "x"}))
    assert len(known.attributes) == 64
    assert {"kept", "name-199"} <= set(known.attributes)


def test_one_failure_and_then_nothing_is_too_little_two_are_enough() -> None:
    life = Life()
    life.touch(0, "payment", "failure")
    life.until(20 * MINUTE)
    assert life.rules() == []
    life = Life()
    life.touch(0, "payment", "failure")
    life.touch(60, "payment", "failure")
    life.until(20 * MINUTE)
    assert "call_back" in life.rules()


def test_too_late_is_refused_with_its_message() -> None:
    life = Life()
    life.touch(3 * HOUR, "search")
    life.touch(HOUR, "search")
    [rejected] = life.driver.rejected
    assert rejected.reason == "too_late"
    assert rejected.message.offset == 2


def test_duplicates_change_nothing() -> None:
    life = Life()
    life.touch(0, "payment", "failure", event_id="same")
    assert life.touch(0, "payment", "failure", event_id="same") == []


def test_each_input_is_judged_by_the_pack_in_force_at_its_time() -> None:
    from tests.builders import pack, pack_control

    one = driver(pack("retail"), pack("airline"))
    one.control(control_message(pack_control(pack("airline"), START + HOUR * SECOND)))
    life = Life(one)
    life.unhappy()
    life.say(2 * HOUR, "complaint", touchpoint="hotline")
    assert {action.pack for action in actions(life.outputs)} == {"retail", "airline"}
    life.until(5 * HOUR)
    escalated = [
        action for action in actions(life.outputs) if action.rule == "escalate" and action.journey == "purchase"
    ]
    assert {action.pack for action in escalated} == {"retail"}  # an episode finishes under the pack that opened it


def test_a_brand_can_have_a_pack_of_its_own() -> None:
    from tests.builders import pack, pack_control

    one = driver(pack("retail"), pack("airline"))
    one.control(control_message(pack_control(pack("airline"), 0, brand="wings")))
    life = Life(one)
    life.say(0, "complaint", touchpoint="hotline", brand="wings")
    assert {action.pack for action in actions(life.outputs)} == {"airline"}


def test_the_window_has_a_greatest_length() -> None:
    one = driver(window=10)
    life = Life(one)
    for at in range(100):
        life.touch(at, "search")
    assert len(one.states[b"anna"]) < 20_000
    life.touch(0, "search", event_id="late")
    assert [rejected.reason for rejected in one.rejected] == ["too_late"]


def test_the_window_has_a_greatest_size() -> None:
    one = driver()
    life = Life(one)
    for at in range(200):
        life.say(at, "comment", text="x" * 60_000)
    assert not one.rejected
    assert len(one.states[b"anna"]) < 5 << 20  # the changelog takes 16 MiB


@pytest.mark.parametrize(
    "state", [dump(Subject(format=99)), msgspec.msgpack.encode([99, 0, 0, 0, ["other", "fields"]])]
)
def test_a_state_of_another_format_is_refused(state: bytes) -> None:
    one = driver()
    one.states[b"anna"] = state
    with pytest.raises(UserError, match=r"(?s)state of format 99, this version knows .*build the state anew"):
        one.take(message("touchpoint", "e1", 0, touchpoint="search"))


def test_records_survive_the_codec() -> None:
    action = Life().unhappy()
    assert CODEC.decode(CODEC.encode(action), Action) == action


def test_no_customer_reads_the_name_of_a_touchpoint_that_is_none() -> None:
    life = Life()
    life.say(0, "nps", score=0)
    life.until(HOUR)
    [message] = [action for action in actions(life.outputs) if action.audience == "customers"]
    assert (message.touchpoint, message.journey) == ("other", "other")
    assert message.text is not None
    assert message.text.startswith("We are sorry about the trouble with our service.")


def test_no_message_to_a_customer_where_the_subject_is_a_unit() -> None:
    life = Life(subject="shop-12")
    life.take(
        "feedback", 0, subject_type="unit", kind="complaint", respondent="staff", touchpoint="payment", unit="shop-12"
    )
    life.until(HOUR)
    decided = actions(life.outputs)
    assert "call_back" in life.rules()
    assert not [action for action in decided if action.audience == "customers"]
    assert ("say_sorry", "no_customer") in {(one.rule, one.reason) for action in decided for one in action.losers}


def test_the_grounds_of_an_open_episode_stay_although_another_journey_brings_news() -> None:
    life = Life()
    receipt(life, 20 * MINUTE, life.unhappy(), "resolved")
    for day in range(5, 30, 5):
        life.touch(day * DAY, "delivery", "failure")
    life.until(40 * DAY)
    told = [action for action in actions(life.outputs) if action.journey == "purchase"]
    assert "call_back_again" in {action.rule for action in told}
    assert [action.rule for action in told if not action.evidence] == []


def test_a_cause_is_told_by_its_title_in_the_language_of_the_text_else_by_its_name() -> None:
    retail = pack()
    assert retail.cause("repeated_failure", "zh") == "多次失败"
    assert retail.cause("repeated_failure", "fr") == "failed again and again"  # the default language
    assert retail.cause("heard", "en") == "heard"
    assert retail.cause("nobody_knows_it", "en") == "nobody_knows_it"
