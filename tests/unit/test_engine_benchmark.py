"""What the engine benchmark says: which actions it expects, what it calls right, and the ratios and the table that it makes of rounds."""

from collections.abc import Iterator

import pytest

from benchmarks.detection_input import Record, records
from benchmarks.detection_rules import (
    ACTION_ID,
    ACTION_SCHEMA,
    FEEDBACK_ID,
    FEEDBACK_SCHEMA,
    TOUCHPOINT_ID,
    TOUCHPOINT_SCHEMA,
    writer,
)
from benchmarks.peers import engines
from benchmarks.peers.goals import GOALS, judged
from benchmarks.peers.outcome import Content, Expected, Told, Verdict, judge
from benchmarks.peers.table import Result, figures, ratios, table
from benchmarks.peers.watch import Measured

HOUR_US = 3_600_000_000


def touch(customer: str, at: int, outcome: str) -> Record:
    value = {
        "event_id": f"{customer}-{at}",
        "customer_id": customer,
        "occurred_at": at,
        "channel": "web",
        "journey": "purchase",
        "touchpoint": "checkout",
        "action": "view",
        "outcome": outcome,
        "duration_ms": None,
        "amount": 1.5,
        "attributes": {"device": "ios"},
    }
    return Record("touchpoints", customer.encode(), writer(TOUCHPOINT_SCHEMA, TOUCHPOINT_ID)(value), at)


def feedback(customer: str, at: int, score: float) -> Record:
    value = {
        "event_id": f"{customer}-{at}",
        "customer_id": customer,
        "occurred_at": at,
        "journey": "purchase",
        "touchpoint": "checkout",
        "kind": "nps",
        "score": score,
        "text": None,
    }
    return Record("feedback", customer.encode(), writer(FEEDBACK_SCHEMA, FEEDBACK_ID)(value), at)


def expected(*events: Record) -> dict[Told, Content]:
    found = Expected()
    assert list(found.watch(events)) == list(events)  # they pass by unchanged
    return found.actions


def test_third_failure_fires_once_an_hour() -> None:
    failures = [touch("ann", at * 1000, "failure") for at in range(1, 6)]
    later = touch("ann", 5000 + HOUR_US, "failure")
    found = expected(*failures, touch("bob", 9000, "failure"), later)
    assert set(found) == {("R1", "ann", 3000), ("R1", "ann", 5000 + HOUR_US)}
    assert found["R1", "ann", 3000].touches == ("ann-1000", "ann-2000", "ann-3000")
    assert found["R1", "ann", 3000].score == pytest.approx(3.0)


def test_abandoned_after_failure_fires() -> None:
    found = expected(touch("ann", 1000, "failure"), touch("ann", 2000, "abandoned"), touch("bob", 3000, "abandoned"))
    assert found == {("R2", "ann", 2000): Content(pytest.approx(1.5), ("ann-1000", "ann-2000"))}


def test_feedback_is_judged_by_what_went_before_it() -> None:
    failure, low = touch("ann", 1000, "failure"), feedback("ann", 1500, 6.0)
    assert set(expected(failure, low)) == {("R3", "ann", 1500)}
    assert expected(feedback("ann", 500, 6.0), failure) == {}
    assert expected(failure, feedback("ann", 1500, 7.0)) == {}
    assert expected(failure, feedback("ann", 1000 + HOUR_US, 6.0)) == {}  # friction has faded to 0.37


def test_input_of_the_job_makes_all_three_rules_fire() -> None:
    found = expected(*records(3000, zipf=True))
    assert {rule for rule, _, _ in found} == {"R1", "R2", "R3"}


EXPECTED = {("R1", "ann", 1): Content(2.0, ("a", "b")), ("R2", "bob", 2): Content(1.0, ())}


def message(rule: str, customer: str, at: int, score: float, *touches: str) -> bytes:
    action = {"action_id": "x", "rule": rule, "customer_id": customer, "at": at, "score": score, "touches": touches}
    return writer(ACTION_SCHEMA, ACTION_ID)(action)


ANN, BOB = message("R1", "ann", 1, 2.0, "a", "b"), message("R2", "bob", 2, 1.0 + 1e-12)


@pytest.mark.parametrize(
    ("found", "verdict", "words"),
    [
        ([BOB, ANN], Verdict(2, 0, 0, 0), "yes"),
        ([ANN], Verdict(2, 1, 0, 0), "no, of 2: 1 missing"),
        ([ANN, BOB, BOB], Verdict(2, 0, 1, 0), "no, of 2: 1 extra"),
        ([ANN, message("R2", "bob", 3, 1.0)], Verdict(2, 1, 1, 0), "no, of 2: 1 missing, 1 extra"),
        ([ANN, message("R2", "bob", 2, 1.1)], Verdict(2, 0, 0, 1), "no, of 2: 1 differ"),
        ([message("R1", "ann", 1, 2.0, "b", "a"), BOB], Verdict(2, 0, 0, 1), "no, of 2: 1 differ"),
    ],
)
def test_verdict(found: list[bytes], verdict: Verdict, words: str) -> None:
    assert judge(EXPECTED, found) == verdict
    assert str(verdict) == words
    assert verdict.right == (words == "yes")


def result(seconds: float, cpu_us: float, *, to_commit: float | None = None, wrong: int = 0) -> Result:
    """1,000 events."""
    measured = Measured(1000, seconds, to_commit or seconds * 2, cpu_us / 1000, cpu_us / 500, None, 100, {})
    return Result(measured, 700, Verdict(10, wrong, 0, 0))


def test_ratios_are_taken_within_a_round() -> None:
    """The machine was ten times slower in the second round: the ratio does not see it."""
    rounds = {"touchstone": [result(1.0, 10.0), result(10.0, 11.0)], "quix": [result(2.0, 20.0), result(20.0, 22.0)]}
    found = ratios(rounds, "quix")
    assert found is not None
    assert found == (pytest.approx(2.0), pytest.approx(2.0), pytest.approx(0.5))


def test_rounds_that_failed_count_for_nothing() -> None:
    rounds = {"touchstone": [None, result(1.0, 10.0)], "quix": [result(9.0, 9.0), result(4.0, 20.0)]}
    found = ratios(rounds, "quix")
    assert found is not None
    assert found.rate == pytest.approx(4.0)
    assert ratios({**rounds, "touchstone": [result(1.0, 10.0), None], "quix": [None, result(1.0, 1.0)]}, "quix") is None
    assert ratios({"quix": rounds["quix"]}, "quix") is None
    assert figures({"quix": [None, None]}, "quix") == {}


def test_figures() -> None:
    rounds = {
        "touchstone": [result(1.0, 10.0)] * 3,
        "quix": [result(2.0, 20.0), result(4.0, 22.0, wrong=3), result(1.0, 30.0)],
    }
    found = figures(rounds, "quix")
    assert found["events/s min"] == "250"
    assert found["events/s median"] == "500"
    assert found["events/s max"] == "1000"
    assert found["events/s to commit"] == "250"
    assert found["CPU µs/event"] == "22.0"
    assert found["CPU µs/event with start"] == "44.0"
    assert found["right"] == "no, of 10: 3 missing"  # of the worst round
    assert found["touchstone/it events/s"] == "2.00"
    assert "touchstone/it events/s" not in figures(rounds, "touchstone")
    assert "broker CPU µs/event" not in found  # the broker was not ours


def lines(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        yield [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_table_says_who_is_missing_and_why() -> None:
    rounds = {"touchstone": [result(0.01, 10.0)], "faust": [result(0.1, 100.0, wrong=2)]}
    shown = list(lines(table(rounds, {"kafka-streams-eos": "no Java compiler"})))
    assert shown[1][:4] == ["touchstone", "100,000", "100,000", "100,000"]
    assert shown[2][0] == "faust"
    assert shown[2][-4:] == ["10.00", "10.00", "0.10", "no, of 10: 2 missing"]
    assert shown[3] == ["kafka-streams-eos: not measured: no Java compiler"]


def test_goals_are_said_to_be_reached_or_not() -> None:
    ours = [result(0.01, 6.0)]
    rounds = {
        "touchstone": ours,
        "kafka-streams-eos": [result(0.013, 10.0)],
        "kafka-streams-alos": [result(0.0109, 9.9)],
        "kafka-streams-tuned-eos": [result(0.005, 5.0)],
        "quix": [None],
    }
    shown = list(lines(judged(rounds)))
    assert shown[1:] == [
        ["events/s ÷ kafka-streams-eos", "≥ 1.3", "1.30", "reached"],
        ["CPU an event ÷ kafka-streams-eos", "≤ 0.6", "0.60", "reached"],
        ["events/s ÷ kafka-streams-alos", "≥ 1.1", "1.09", "not reached"],
        ["CPU an event ÷ kafka-streams-alos", "≤ 0.6", "0.61", "not reached"],
        ["events/s ÷ kafka-streams-tuned-eos", "–", "0.50", "no goal"],
        ["CPU an event ÷ kafka-streams-tuned-eos", "–", "1.20", "no goal"],
        ["events/s ÷ quix", "≥ 2", "not measured"],
    ]
    assert judged({"quix": ours}) == ""
    assert judged({"touchstone": ours}) == ""


def test_each_peer_is_explained_and_compared() -> None:
    assert {goal.engine for goal in GOALS} == set(engines.KINDS) - {"touchstone"}
