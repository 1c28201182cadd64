"""What is given for a trouble: within the ceiling, what a promise owes, never twice for one cause, and why it is so much."""

from decimal import Decimal

import pytest

from schemas.decisions import Action, Loser
from streams.experience.compiled import CompiledPack
from streams.experience.pack_compile import PackErrors
from tests.builders import SECOND, START, actions, child_pack, driver, episodes
from tests.one_life import DAY, HOUR, MINUTE, Life, receipt

OFFER = """
actions:
  offer_compensation: {when: 'subject.type == "customer"', cap: null}
  offer_again: {on: episode_worsened, audience: care, kind: points, step: compensate, text: voucher, amount: 7}
"""


def offers(life: Life) -> list[Action]:
    return [one for one in actions(life.outputs) if one.step == "compensate" and not one.retracted]


def lost(life: Life, journey: str) -> list[Loser]:
    return [one for one in life.episode(journey).losers if one.reason in ("compensated", "ceiling")]


def trouble(life: Life, at: int, touchpoint: str = "payment", matter: str | None = "o1", **fields: object) -> None:
    """Two failures: an episode opens, and something is offered."""
    life.touch(at, touchpoint, "failure", matter=matter, **fields)
    life.touch(at + MINUTE, touchpoint, "failure", matter=matter, **fields)


# --- never twice ---------------------------------------------------------------------------------------------------


def test_never_twice_in_one_episode() -> None:
    life = Life(driver(child_pack(OFFER)))
    trouble(life, 0)
    life.touch(5 * MINUTE, "payment", "abandoned", matter="o1")  # worse: another rule would offer points
    assert [(one.rule, one.amount) for one in offers(life)] == [("offer_compensation", Decimal(10))]
    [loser] = lost(life, "purchase")
    assert (loser.rule, loser.reason) == ("offer_again", "compensated")
    assert loser.detail == "by offer_compensation at 2026-03-02T10:01:00Z, for the same cause; wins for another cause"


@pytest.mark.parametrize(
    ("touchpoint", "matter", "times"),
    [
        ("chat", "o1", 1),  # the same order, in another journey
        ("chat", "o2", 2),
        ("chat", None, 2),  # another touchpoint, nobody knows about what
    ],
)
def test_never_twice_for_one_matter(touchpoint: str, matter: str | None, times: int) -> None:
    life = Life(driver(child_pack(OFFER)))
    trouble(life, 0)
    trouble(life, HOUR, touchpoint, matter)
    assert len(offers(life)) == times


def test_without_a_matter_the_same_cause_at_the_same_touchpoint_is_one() -> None:
    life = Life(driver(child_pack(OFFER + "treatment: {fades_after_seconds: 3600, reopens_within_seconds: 1}")))
    trouble(life, 0, matter=None)
    trouble(life, DAY, matter=None)
    trouble(life, 2 * DAY, matter="o5")  # one of the two names no matter
    assert len(offers(life)) == 1
    trouble(life, 3 * DAY, "checkout", matter=None)
    assert len(offers(life)) == 2


def test_what_was_declined_was_not_given() -> None:
    life = Life(driver(child_pack(OFFER)))
    trouble(life, 0)
    receipt(life, 2 * MINUTE, offers(life)[0], "declined")
    life.touch(5 * MINUTE, "payment", "abandoned", matter="o1")
    assert [one.rule for one in offers(life)] == ["offer_compensation", "offer_again"]


def test_what_was_really_given_is_told_after_the_episode_has_closed() -> None:
    life = Life(driver(separate(12, 3)))
    trouble(life, 0)
    life.until(DAY - MINUTE)
    assert life.episode().state == "closed"
    receipt(life, DAY, offers(life)[0], "compensated", cost="4")
    trouble(life, 2 * DAY, matter="o2")
    assert offers(life)[-1].parameters["amount_reason"] == "other 10; 8 of 12 left"


def test_two_rules_at_once_give_once() -> None:
    both = OFFER.replace("on: episode_worsened", "on: episode_opened, priority: 61")
    life = Life(driver(child_pack(both)))
    trouble(life, 0)
    assert [one.rule for one in offers(life)] == ["offer_again"]


def test_less_than_the_least_is_told_when_the_pack_is_loaded_or_when_it_is_worked_out() -> None:
    with pytest.raises(PackErrors, match="3 is never offered: less than the least that is"):
        child_pack("compensation: {least: 5}\nactions: {offer_compensation: {amount: 3}}")
    computed = child_pack("compensation: {least: 5}\nactions: {offer_compensation: {amount: '3.0', when: null}}")
    life = Life(driver(computed))
    trouble(life, 0)
    assert offers(life) == []
    [loser] = [row for one in episodes(life.outputs).values() for row in one.losers if row.reason == "ceiling"]
    assert loser.detail == "3 is less than the least that is offered; wins with 5"


# --- the ceiling ---------------------------------------------------------------------------------------------------


def test_the_ceiling_cuts_and_then_ends_it_until_time_has_passed() -> None:
    life = Life(driver(separate(25, 3)))
    for number in range(4):
        trouble(life, number * DAY, matter=f"o{number}")
    assert [(one.amount, one.parameters["amount_reason"]) for one in offers(life)] == [
        (Decimal(10), "other 10; 25 of 25 left"),
        (Decimal(10), "other 10; 15 of 25 left"),
        (Decimal(5), "other 10; 5 of 25 left"),
    ]
    found = [row for one in episodes(life.outputs).values() for row in one.losers]
    [loser] = [row for row in found if row.reason == "ceiling"]
    assert loser.detail == "0 of 25 left in 90 days, at least 3; wins from 2026-05-31T10:01:00Z"
    trouble(life, 90 * DAY - HOUR, matter="o8")
    assert len(offers(life)) == 3
    trouble(life, 91 * DAY, matter="o9")
    assert offers(life)[-1].amount == Decimal(10)


def separate(most: float, least: float) -> CompiledPack:
    """Each trouble is an episode of its own."""
    return child_pack(
        OFFER + f"compensation: {{ceiling: {{other: {most}, gold: {most}, silver: {most}}}, least: {least}, "
        f"per_seconds: {90 * DAY}}}\ntreatment: {{fades_after_seconds: 3600, reopens_within_seconds: 1}}"
    )


def test_what_is_left_but_too_little_is_not_offered() -> None:
    life = Life(driver(separate(14, 5)))
    for number in range(2):
        trouble(life, number * DAY, matter=f"o{number}")
    assert [one.amount for one in offers(life)] == [Decimal(10)]


def test_a_receipt_corrects_what_was_given() -> None:
    life = Life(driver(separate(25, 3)))
    trouble(life, 0)
    receipt(life, 2 * MINUTE, offers(life)[0], "compensated", cost="22.50")
    trouble(life, DAY, matter="o2")
    assert [one.amount for one in offers(life)] == [Decimal(10)]


def test_each_tier_has_its_ceiling() -> None:
    life = Life(driver(child_pack(OFFER + "compensation: {ceiling: {gold: 12, other: 5}, least: 1}")))
    life.take("customer", -MINUTE, tier="gold")
    trouble(life, 0)
    assert offers(life)[0].amount == Decimal(12)
    assert offers(life)[0].parameters["amount_reason"] == "gold 30; 12 of 12 left"


# --- what a promise owes -------------------------------------------------------------------------------------------


def late_delivery(owes: str, ceiling: float) -> Action:
    pack = child_pack(
        OFFER + f"promises: {{delivered_at_last: {{owes: {owes}}}}}\n"
        f"compensation: {{ceiling: {{other: {ceiling}, gold: 30, silver: 10}}, least: 0}}"
    )
    life = Life(driver(pack))
    life.touch(0, "payment", matter="o1", promised_at=START + HOUR * SECOND)
    life.until(3 * HOUR)
    return offers(life)[0]


def test_a_broken_promise_is_paid_whatever_the_ceiling() -> None:
    assert late_delivery("25", 100).amount == Decimal(25)
    owed = late_delivery("{gold: 50, other: 25}", 3)
    assert owed.amount == Decimal(25)
    assert owed.parameters["amount_reason"] == "other 10; promise delivered_at_last 25; 3 of 3 left"
    assert late_delivery("4", 100).amount == Decimal(10)  # the rule's own is more


def test_what_a_promise_owes_is_paid_once() -> None:
    """The next trouble of the journey, about another order, gets what any trouble gets: here nothing, the ceiling is reached."""
    life = Life(
        driver(
            child_pack(
                OFFER + "promises: {delivered_at_last: {owes: 25}}\n"
                "compensation: {ceiling: {other: 20, gold: 20, silver: 20}, least: 5}"
            )
        )
    )
    life.touch(0, "payment", matter="o1", promised_at=START + HOUR * SECOND)
    life.until(3 * HOUR)
    life.say(5 * HOUR, "nps", score=10, touchpoint="delivery")
    life.say(5 * HOUR + 1, "praise", touchpoint="delivery")
    trouble(life, 200 * HOUR, "delivery", "o3")
    life.say(200 * HOUR + 2 * MINUTE, "complaint", touchpoint="delivery", matter="o3")
    assert [one.amount for one in offers(life)] == [Decimal(25)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("compensation: {ceiling: {other: null}}", "no value for `other`"),
        ("compensation: {least: 41}", "between 0 and the lowest ceiling"),
        ("compensation: {per_seconds: 0}", "must be positive"),
        ("promises: {delivered_at_last: {owes: -1}}", "cannot be negative"),
        ("promises: {delivered_at_last: {owes: {gold: 1}}}", "no value for `other`"),
        ("silences: {gave_up_paying: {owes: 1}}", "a silence is the customer's"),
    ],
)
def test_what_cannot_be_is_refused(text: str, what: str) -> None:
    with pytest.raises(PackErrors, match=what):
        child_pack(text)
