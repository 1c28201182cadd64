"""The telecom pack on its week: self-service that fails and then the agent, a technician who does not come, and somebody content."""

from pathlib import Path

from schemas.decisions import Action
from streams.app import limits
from streams.connect.files import read_records
from streams.experience.controls import first_pack
from streams.packs_folder import find
from streams.replay.decide import Decider, event
from streams.settings import Settings

WEEK = Path(__file__).parents[2] / "streams" / "packs" / "telecom.scenario.jsonl"
HOUR_US = 3_600_000_000


def _decided() -> Decider:
    found = find("telecom", Settings())
    decider = Decider(found, limits(Settings()))
    decider.control(first_pack(found))
    for row in read_records(WEEK):
        assert row.error is None
        decider.take(event(row.record, f"{WEEK.name}:{row.line}"))
    decider.advance((decider.newest_at or 0) + 72 * HOUR_US)
    assert not decider.rejected
    return decider


def _rules(decider: Decider, subject: str) -> dict[str, list[str]]:
    """Rule → the signals that it rests on."""
    return {
        one.rule: [row.signal for row in one.evidence]
        for one in decider.decided
        if isinstance(one, Action) and one.subject_id == subject and not one.retracted
    }


def test_an_agent_after_failed_self_service_is_told_what_was_tried() -> None:
    told = _rules(_decided(), "t-1001")
    assert set(told["call_with_the_history"]) >= {"self_service_failed", "asked_an_agent_after_self_service"}
    assert "say_sorry" in told


def test_a_technician_who_does_not_come_is_known_before_anybody_calls() -> None:
    decider = _decided()
    told = _rules(decider, "t-2002")
    assert "technician_did_not_come" in told["call_with_the_history"]
    [first] = [
        one
        for one in decider.decided
        if isinstance(one, Action) and one.subject_id == "t-2002" and one.rule == "call_with_the_history"
    ]
    assert first.origin == "inferred"


def test_who_is_content_is_left_alone() -> None:
    assert _rules(_decided(), "t-3003") == {}
