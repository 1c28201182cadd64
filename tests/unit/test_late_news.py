"""News that comes late: an action keeps its work when its episode begins earlier or belongs to another journey, or is taken back."""

from schemas.decisions import Action, Episode, Notification
from streams.engine.job import Output
from tests.builders import (
    actions,
    driver,
    episodes,
    records,
)
from tests.one_life import MINUTE, Life, gave_up, receipt, silent_pack


def test_a_late_opener_moves_the_occasion_and_receipts_follow() -> None:
    life = Life()
    old = life.unhappy(10 * MINUTE)
    new = actions(life.touch(10 * MINUTE + 30, "payment", "failure", matter="o1"))  # before the second failure
    assert [(one.action_id == old.action_id, one.retracted) for one in new if one.rule == "call_back"] == [
        (True, True),
        (False, False),
    ]
    moved = next(one for one in new if one.rule == "call_back" and not one.retracted)
    assert (moved.supersedes, moved.revision) == (old.action_id, 1)
    receipt(life, 20 * MINUTE, old, "accepted")
    current = [one for one in episodes(life.outputs).values() if not one.retracted]
    assert [one.stage for one in current] == ["respond"]


def test_a_late_success_takes_an_action_back() -> None:
    life = Life(driver(silent_pack()))
    action = gave_up(life)
    late = life.touch(10 * MINUTE, "payment")
    assert {(one.rule, one.revision, one.retracted) for one in actions(late)} == {
        ("call_back", 2, True),
        ("say_sorry", 2, True),
    }
    assert action.action_id in {one.action_id for one in actions(late)}
    assert [one.retracted for one in records(late, "cx-episodes", Episode)] == [True]
    assert life.rules() == []


def test_work_on_an_episode_that_is_taken_back_is_not_forgotten() -> None:
    life = Life(driver(silent_pack()))
    receipt(life, 21 * MINUTE, gave_up(life), "contacted")
    late = life.touch(10 * MINUTE, "payment")
    assert [(one.state, one.retracted) for one in records(late, "cx-episodes", Episode)] == [
        ("superseded_after_work", False)
    ]
    assert life.rules() == []


def moved_journey(at: int = 0) -> tuple[Life, list[Action], list[Output]]:
    """Somebody is unhappy, and it turns out that it was about something in another journey."""
    life = Life()
    life.touch(at, "payment")
    before = actions(life.say(at + 10 * MINUTE, "nps", score=0))
    return life, before, life.touch(at + 5 * MINUTE, "delivery")


def test_an_action_that_moves_to_another_journey_says_whose_place_it_takes() -> None:
    life, before, late = moved_journey()
    [old] = [one for one in before if one.rule == "call_back"]
    told = [one for one in actions(late) if one.rule == "call_back"]
    assert [(one.action_id == old.action_id, one.retracted) for one in told] == [(True, True), (False, False)]
    moved = told[1]
    assert (old.journey, moved.journey) == ("purchase", "fulfilment")
    assert (moved.supersedes, moved.revision) == (old.action_id, 1)
    notes = [one for one in records(late, "cx-notify-care", Notification) if one.kind == "call_back"]
    assert [one.supersedes for one in notes] == [None, old.action_id]
    receipt(life, 20 * MINUTE, old, "accepted")
    current = [one for one in episodes(life.outputs).values() if not one.retracted]
    assert [(one.journey, one.stage) for one in current] == [("fulfilment", "respond")]


def test_work_on_an_action_that_moves_to_another_journey_moves_with_it() -> None:
    life = Life()
    life.touch(0, "payment")
    [old] = [one for one in actions(life.say(10 * MINUTE, "nps", score=0)) if one.rule == "call_back"]
    receipt(life, 12 * MINUTE, old, "contacted")
    life.touch(5 * MINUTE, "delivery")
    current = [one for one in episodes(life.outputs).values() if not one.retracted]
    assert [(one.journey, one.state, one.stage) for one in current] == [("fulfilment", "open", "compensate")]


def test_a_message_that_is_out_is_not_sent_again_for_another_journey() -> None:
    life = Life()
    life.touch(0, "payment")
    life.say(10 * MINUTE, "nps", score=0)
    out = [one for one in actions(life.until(15 * MINUTE)) if one.rule == "say_sorry"]
    assert len(out) == 1
    life.touch(5 * MINUTE, "delivery")
    life.until(30 * MINUTE)
    assert [one.action_id for one in actions(life.outputs) if one.rule == "say_sorry"] == [out[0].action_id]


def test_what_is_about_another_event_supersedes_nothing() -> None:
    life = Life()
    old = life.unhappy()
    life.touch(30, "payment", matter="o1")  # late: it went well in between, so no second failure in a row
    late = life.touch(20 * MINUTE, "delivery", "failure", matter="o2")
    late += life.touch(21 * MINUTE, "delivery", "failure", matter="o2")
    other = [one for one in actions(late) if one.journey == "fulfilment"]
    assert all(one.supersedes is None for one in other)
    assert old.action_id not in {one.supersedes for one in actions(life.outputs)}
