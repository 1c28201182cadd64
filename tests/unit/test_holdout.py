"""Who is held out, what is recorded of it, and who never is: decided as live does, in memory."""

from typing import Any

import pytest

from schemas.decisions import Experience, Holdout
from streams.engine.job import Output
from streams.experience.compiled import CompiledPack
from streams.experience.holdout import drawn
from streams.experience.pack_compile import PackErrors
from tests.builders import START, actions, driver, episodes, message, pack_with, records

HOUR = 3600
ALL: dict[str, Any] = {"holdout": {"salt": "s", "share": 0.5}}
PEOPLE = [f"c-{number}" for number in range(60)]


def held(salt: str, experiment: str, share: float) -> list[str]:
    return [who for who in PEOPLE if drawn(salt, experiment, who) < share]


def lives(pack: CompiledPack, *messages: Any, until: int = 600) -> list[Output]:
    one = driver(pack)
    outputs: list[Output] = []
    for each in messages:
        outputs += one.take(each)
    assert not one.rejected
    return outputs + one.advance(START + until * 1_000_000)


def unhappy(who: str, at: int = 0, **fields: Any) -> Any:
    return message(
        "feedback", f"{who}-{at}", at, subject=who, **{"kind": "nps", "score": 0.0, "touchpoint": "payment"} | fields
    )


def holdouts(outputs: list[Output]) -> list[Holdout]:
    return list(records(outputs, "cx-holdouts", Holdout))


def test_the_draw_is_what_the_docs_say_in_every_process() -> None:
    """The number stands here, not a hash that Python salts anew for each process."""
    assert drawn("spring-26", "offer_compensation", "c-31007") == 0.40682216238706737


def test_draws_are_even_and_independent_of_each_other() -> None:
    many = [f"c-{number}" for number in range(20_000)]
    one = {who for who in many if drawn("s", "a", who) < 0.3}
    other = {who for who in many if drawn("s", "b", who) < 0.3}
    salted = {who for who in many if drawn("t", "a", who) < 0.3}
    assert len(one) == pytest.approx(6000, abs=250)
    assert len(one & other) == pytest.approx(1800, abs=150)
    assert len(one & salted) == pytest.approx(1800, abs=150)
    assert one < {who for who in many if drawn("s", "a", who) < 0.4}, "a larger share only adds customers"


def test_what_a_held_out_customer_would_have_got_is_recorded_with_the_same_trigger() -> None:
    pack = pack_with({"holdout": {"salt": "s"}, "actions": {"offer_compensation": {"hold_out": 0.5}}})
    outputs = lives(pack, *(unhappy(who) for who in PEOPLE))
    kept = set(held("s", "offer_compensation", 0.5))
    vouchers = {one.subject_id: one for one in actions(outputs) if one.rule == "offer_compensation"}
    others = {one.subject_id: one for one in holdouts(outputs)}
    assert 15 < len(kept) < 45
    assert set(others) == kept
    assert set(vouchers) == set(PEOPLE) - kept
    someone = others[min(kept)]
    assert (someone.rule, someone.experiment, someone.share, someone.salt) == (
        "offer_compensation",
        "offer_compensation",
        0.5,
        "s",
    )
    assert someone.decided_at == START
    assert someone.amount == 10
    assert {one.subject_id for one in actions(outputs) if one.rule == "call_back"} == set(PEOPLE)
    assert not any(
        output.topic == "cx-notify-care" and b"voucher" in output.value
        for output in outputs
        if output.key.decode() in kept
    )


def test_it_has_lost_and_everybody_who_looks_sees_why() -> None:
    pack = pack_with({"holdout": {"salt": "s"}, "actions": {"offer_compensation": {"hold_out": 0.5}}})
    who = held("s", "offer_compensation", 0.5)[0]
    outputs = lives(pack, unhappy(who))
    (episode,) = episodes(outputs).values()
    reasons = {loser.rule: (loser.reason, loser.detail) for loser in episode.losers}
    assert reasons["offer_compensation"] == ("holdout", "0.5 of customers, experiment offer_compensation")
    call = next(one for one in actions(outputs) if one.rule == "call_back")
    assert [loser.reason for loser in call.losers] == ["holdout"]


def test_the_whole_pack_can_hold_out_and_the_id_is_that_of_the_action() -> None:
    nobody = lives(pack_with({}), unhappy("c-1"))
    pack = pack_with({"holdout": {"salt": "s", "share": 0.5}})
    kept = held("s", "*", 0.5)
    outputs = lives(pack, *(unhappy(who) for who in PEOPLE), until=5 * HOUR)
    assert {one.subject_id for one in actions(outputs)} == set(PEOPLE) - set(kept)
    would = [one for one in holdouts(outputs) if one.subject_id == kept[0]]
    assert {one.experiment for one in would} == {"*"}
    assert {one.rule for one in would} == {"call_back", "offer_compensation", "say_sorry", "escalate"}
    if "c-1" in kept:
        ids = {one.action_id for one in holdouts(outputs) if one.subject_id == "c-1" and one.rule != "escalate"}
        assert ids == {one.action_id for one in actions(nobody)}


def test_rules_and_signals_that_never_hold_out() -> None:
    kept = held("s", "*", 0.5)
    complaint = {"kind": "complaint", "score": None, "text": "the stairs gave way"}
    assert actions(lives(pack_with(ALL), unhappy(kept[0]))) == []
    outputs = lives(pack_with(ALL), unhappy(kept[0], **complaint))
    assert {one.rule for one in actions(outputs)} >= {"call_back", "say_sorry"}, (
        "the standard never holds out complaints"
    )
    assert holdouts(outputs) == []
    safe = pack_with(ALL | {"actions": {"call_back": {"never_hold_out": True}}})
    outputs = lives(safe, unhappy(kept[0]))
    assert {one.rule for one in actions(outputs)} == {"call_back"}
    assert {one.rule for one in holdouts(outputs)} == {"offer_compensation", "say_sorry"}


def test_colleagues_hear_of_a_formal_complaint_however_bad_the_score_was_before() -> None:
    """What was held out until then has left the score so high that nothing can make it much worse."""
    kept = held("s", "*", 0.5)[0]
    bad = [unhappy(kept, at) for at in range(3)]
    complaint = unhappy(kept, 60, kind="complaint", score=None, text="the stairs gave way")
    outputs = lives(pack_with(ALL), *bad)
    assert actions(outputs) == []
    told = [one for one in actions(lives(pack_with(ALL), *bad, complaint)) if one.audience == "care"]
    assert {one.decided_at for one in told} == {START + 60 * 1_000_000}


def test_only_customers_are_held_out() -> None:
    kept = held("s", "*", 0.5)
    someone = message(
        "feedback", "q-1", 0, subject=kept[0], subject_type="anonymous", kind="nps", score=0.0, touchpoint="payment"
    )
    outputs = lives(pack_with(ALL), someone)
    assert {one.rule for one in actions(outputs)} == {"look_into_it"}
    assert holdouts(outputs) == []


def test_colleagues_who_were_asked_nothing_have_missed_nothing() -> None:
    call = {
        "call_back": {"hold_out": 0.5, "experiment": "recovery"},
        "offer_compensation": {"hold_out": 0.5, "experiment": "recovery"},
    }
    pack = pack_with({"holdout": {"salt": "s"}, "actions": call})
    kept = held("s", "recovery", 0.5)
    outputs = lives(pack, *(unhappy(who) for who in PEOPLE), until=3 * HOUR)
    escalated = {one.subject_id for one in actions(outputs) if one.rule == "escalate"}
    assert escalated == set(PEOPLE) - set(kept)
    would = {(one.subject_id, one.experiment) for one in holdouts(outputs) if one.rule == "escalate"}
    assert would == {(who, "recovery") for who in kept}
    assert {one.subject_id for one in holdouts(outputs) if one.rule == "call_back"} == set(kept)


def test_both_arms_have_passed_all_other_questions() -> None:
    """A cap counts what was held out, too: the second occasion is none in either arm."""
    pack = pack_with({"holdout": {"salt": "s"}, "actions": {"thank_for_praise": {"hold_out": 0.5}}})
    praise = {"kind": "praise", "score": None, "text": "lovely"}
    outputs = lives(pack, *(unhappy(who, at, **praise) for at in (0, 900) for who in PEOPLE), until=2 * HOUR)
    assert len(actions(outputs)) + len(holdouts(outputs)) == len(PEOPLE)
    assert len({one.subject_id for one in holdouts(outputs)}) == len(held("s", "thank_for_praise", 0.5))
    experiences = records(outputs, "cx-experiences", Experience)
    assert {loser.reason for one in experiences for loser in one.losers} == {"holdout", "cap"}


def test_a_message_that_would_have_been_withdrawn_is_so_in_both_arms() -> None:
    pack = pack_with({"holdout": {"salt": "s"}, "actions": {"thank_for_praise": {"hold_out": 0.5}}})
    praise = {"kind": "praise", "score": None, "text": "lovely"}
    outputs = lives(pack, *(unhappy(who, 0, **praise) for who in PEOPLE), *(unhappy(who, 60) for who in PEOPLE))
    assert [one for one in actions(outputs) if one.rule == "thank_for_praise"] == []
    assert holdouts(outputs) == []


def test_a_late_event_revises_what_would_have_been_done() -> None:
    pack = pack_with({"holdout": {"salt": "s"}, "actions": {"call_back": {"hold_out": 0.5}}})
    who = held("s", "call_back", 0.5)[0]
    earlier = message("feedback", "first", -60, subject=who, kind="nps", score=0.0, touchpoint="payment")
    outputs = lives(pack, unhappy(who), earlier)
    first, *rest = holdouts(outputs)
    assert (first.revision, first.retracted) == (1, False)
    in_force = {one.action_id: one for one in (first, *rest)}
    assert [one.decided_at for one in in_force.values() if not one.retracted] == [START - 60_000_000]
    assert in_force[first.action_id].retracted


def test_of_messages_to_the_customer_the_held_out_one_keeps_its_place_but_not_before_safety() -> None:
    two = {
        "say_sorry": {"hold_out": 0.5},
        "also": {
            "on": "episode_opened",
            "audience": "customers",
            "kind": "k",
            "step": "respond",
            "text": "say_sorry",
            "emit": "settled",
        },
    }
    who = held("s", "say_sorry", 0.5)[0]
    outputs = lives(pack_with({"holdout": {"salt": "s"}, "actions": two}), unhappy(who))
    assert not [one for one in actions(outputs) if one.audience == "customers"]
    two["also"]["never_hold_out"] = True
    outputs = lives(pack_with({"holdout": {"salt": "s"}, "actions": two}), unhappy(who))
    assert [one.rule for one in actions(outputs) if one.audience == "customers"] == ["also"]


def test_what_a_promise_owes_is_a_right_also_after_something_was_held_out_for_the_same_matter() -> None:
    who = held("s", "offer_compensation", 0.5)[0]
    rule = {"hold_out": 0.5, "when": None, "cap": None, "amount": 5}
    pack = pack_with({"holdout": {"salt": "s"}, "actions": {"offer_compensation": rule}})
    promised = START + 600 * 1_000_000
    paid = message(
        "touchpoint", "buy", 0, subject=who, touchpoint="payment", outcome="success", matter="o", promised_at=promised
    )
    outputs = lives(pack, paid, unhappy(who, 60, score=3.0, matter="o"), until=2 * HOUR)
    assert [(one.rule, one.amount) for one in holdouts(outputs)] == [("offer_compensation", 5)], "nothing is owed yet"
    owed = [(one.rule, one.amount) for one in actions(outputs) if one.amount is not None]
    assert owed == [("offer_compensation", 12)], "an hour late: the price of the delivery"


def test_while_an_authority_waits_nothing_is_held_out() -> None:
    who = held("s", "*", 0.5)[0]
    lodged = {
        "kind": "complaint",
        "score": None,
        "text": "to the regulator",
        "attributes": {"lodged_with": "regulator"},
    }
    outputs = lives(pack_with(ALL), unhappy(who, **lodged), unhappy(who, 60), until=40 * HOUR)
    assert {one.rule for one in actions(outputs)} >= {"call_back", "escalate"}
    assert holdouts(outputs) == []


WRONG = {
    "no salt": ({"actions": {"call_back": {"hold_out": 0.1}}}, "needs a salt"),
    "an empty salt": ({"holdout": {"salt": ""}}, "another salt draws other customers"),
    "more than half": ({"holdout": {"salt": "s", "share": 0.6}}, "0.6 is outside 0 to 0.5"),
    "a share of nobody": ({"holdout": {"salt": "s"}, "actions": {"call_back": {"hold_out": 0.0}}}, "not above 0"),
    "never and sometimes": (
        {"holdout": {"salt": "s"}, "actions": {"call_back": {"hold_out": 0.1, "never_hold_out": True}}},
        "take one of the two out",
    ),
    "two shares of one experiment": (
        {
            "holdout": {"salt": "s"},
            "actions": {
                "call_back": {"hold_out": 0.1, "experiment": "e"},
                "say_sorry": {"hold_out": 0.2, "experiment": "e"},
            },
        },
        "but call_back in the same experiment says 0.1",
    ),
    "an experiment without a share": ({"actions": {"call_back": {"experiment": "e"}}}, "belongs to hold_out"),
    "an unknown touchpoint": (
        {"outcomes": {"back": {"touchpoints": ["paymnt"], "within_seconds": 60}}},
        "did you mean 'payment'?",
    ),
    "no touchpoint": ({"outcomes": {"back": {"touchpoints": [], "within_seconds": 60}}}, "name one touchpoint"),
    "no time": ({"outcomes": {"back": {"touchpoints": ["payment"], "within_seconds": 0}}}, "must be positive"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_pack_that_cannot_hold_out_so(name: str) -> None:
    changes, says = WRONG[name]
    with pytest.raises(PackErrors) as refused:
        pack_with(changes)
    assert any(says in error for error in refused.value.errors), refused.value.errors
