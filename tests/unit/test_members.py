"""Members of an incident: their tasks are folded into it, evidence of their own makes them a case again."""

from typing import Any

import pytest

from schemas.decisions import Action, Episode
from schemas.events import ActionUpdate, Feedback, Touchpoint
from streams.experience.compiled import CompiledPack
from streams.experience.controls import first_pack
from streams.experience.pack_compile import PackErrors
from streams.experience.surroundings import Limits
from streams.replay.decide import Decider
from tests.builders import CODEC, LATENESS_SECONDS, SECOND, START, child_pack, message
from tests.limit_world import in_force
from tests.one_life import DAY, HOUR, MINUTE

QUIET = "silences: {gave_up_paying: null}\nsignals: {gave_up: null}\n"
TYPES: dict[str, Any] = {"touchpoint": Touchpoint, "feedback": Feedback, "action_update": ActionUpdate}


class Many:
    """Customers one minute after the other, each fails twice at payment; an incident from the fourth on."""

    def __init__(self, pack: CompiledPack, customers: int = 6) -> None:
        self.core = Decider(pack, Limits(LATENESS_SECONDS * SECOND, 500), CODEC)
        self.core.control(first_pack(pack))
        self._count = 0
        for number in range(customers):
            self.fail(number * MINUTE, f"c{number}")

    def take(self, record: str, at: int, subject: str, **fields: Any) -> None:
        self._count += 1
        one = message(record, f"e{self._count:04}", at, self._count, subject, **fields)
        self.core.take(CODEC.decode(one.value, TYPES[record]))

    def fail(self, at: int, subject: str, touchpoint: str = "payment") -> None:
        for second in (0, 5):
            self.take("touchpoint", at + second, subject, touchpoint=touchpoint, outcome="failure", matter=subject)

    def until(self, at: int) -> None:
        self.core.advance(START + at * SECOND)

    def done(self, kind: str) -> list[str]:
        """For whom something is asked in the end, by time."""
        held = sorted(in_force(self.core.decided).values(), key=lambda one: (one.decided_at, one.subject_id))
        return [one.subject_id for one in held if one.kind == kind]

    def called_back(self, kind: str) -> list[str]:
        """From whom a task was taken back."""
        return sorted(
            one.subject_id
            for one in self.core.decided
            if isinstance(one, Action) and one.retracted and one.kind == kind
        )

    def episode(self, subject: str) -> Episode:
        return [one for one in self.core.decided if isinstance(one, Episode) and one.subject_id == subject][-1]


def pack(more: str = "incidents: {subjects: 4, folds: true}") -> CompiledPack:
    return child_pack(QUIET + more)


def test_tasks_about_members_are_folded_into_the_incident() -> None:
    one = Many(pack())
    one.until(4 * HOUR)
    assert one.done("incident") == ["payment"]  # of two signals: failed, and failed again
    assert (one.done("call_back"), one.done("escalation")) == ([], [])
    assert one.called_back("call_back") == ["c0", "c1", "c2"]  # asked before it was known
    episode = one.episode("c5")
    assert (episode.state, episode.missed, episode.due_at) == ("open", 0, None)
    [loser] = [each for each in episode.losers if each.rule == "call_back"]
    assert loser.reason == "incident"
    assert loser.detail == "many are hit by a failure at payment since 2026-03-02T10:00:00Z; wins with other evidence"


def test_customers_are_told_that_it_is_not_them_alone() -> None:
    one = Many(pack())
    one.until(4 * HOUR)
    texts = {
        each.subject_id: each.template
        for each in in_force(one.core.decided).values()
        if each.kind == "recovery_message"
    }
    assert {texts[name] for name in ("c4", "c5")} == {"say_sorry_to_many"}
    assert len(texts) == 6


def test_evidence_of_its_own_makes_it_a_case_again() -> None:
    one = Many(pack())
    one.take("feedback", 30 * MINUTE, "c1", kind="complaint", touchpoint="payment", matter="c1")
    one.take("touchpoint", 30 * MINUTE, "c2", touchpoint="checkout", outcome="failure", matter="c2")
    one.take("touchpoint", 31 * MINUTE, "c2", touchpoint="checkout", outcome="failure", matter="c2")
    one.until(2 * HOUR)
    assert one.done("call_back_urgently") == ["c1", "c2"]
    assert set(one.done("escalation")) == {"c1", "c2"}


def test_who_has_been_called_already_is_a_case() -> None:
    one = Many(pack())
    [first] = [
        each
        for each in one.core.decided
        if isinstance(each, Action) and each.kind == "call_back" and each.subject_id == "c0" and each.retracted
    ]
    one.take("action_update", 10 * MINUTE, "c0", action_id=first.action_id, status="contacted")
    one.until(4 * DAY)
    assert set(one.done("escalation")) == {"c0"}  # what comes next was not done in time
    one.take("action_update", 5 * DAY, "c0", action_id=first.action_id, status="resolved")
    one.until(5 * DAY + HOUR)
    assert one.done("did_it_help") == ["c0"]


def test_it_ends_and_who_comes_later_is_a_case() -> None:
    one = Many(pack())
    one.fail(3 * HOUR, "late")
    one.fail(3 * HOUR + MINUTE, "c0")  # again, and alone this time
    one.until(4 * HOUR)
    assert one.done("call_back") == ["late"]
    assert one.done("call_back_urgently") == ["c0"]


@pytest.mark.parametrize(
    "more", ["incidents: {subjects: 4}", "incidents: {subjects: 4, folds: true}\nactions: {call_back: {folds: false}}"]
)
def test_a_pack_or_a_rule_can_keep_its_tasks(more: str) -> None:
    one = Many(pack(more))
    one.until(4 * HOUR)
    assert one.done("call_back") == [f"c{number}" for number in range(6)]


def test_what_a_promise_owes_is_given_to_each() -> None:
    one = Many(
        child_pack(
            QUIET + "incidents: {subjects: 4, folds: true}\nactions: {offer_compensation: {when: null, cap: null}}"
        ),
        customers=0,
    )
    for number in range(6):
        at, subject = number * MINUTE, f"c{number}"
        promised = START + (at + HOUR) * SECOND
        one.take(
            "touchpoint", at, subject, touchpoint="payment", outcome="success", matter=subject, promised_at=promised
        )
    one.until(DAY)
    assert one.done("incident") == ["delivery"]  # not in time, and long overdue
    assert (one.done("call_back"), len(one.done("voucher"))) == ([], 6)


def test_what_is_usual_is_no_multiple() -> None:
    with pytest.raises(PackErrors, match="must be more than 1: what is usual is no incident"):
        pack("incidents: {times_usual: 1}")
