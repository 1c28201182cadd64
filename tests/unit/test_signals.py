"""Each signal of the retail and airline packs: what gives it, and what just does not."""

from typing import Any

import pytest

from schemas.records import Cause
from tests.builders import SECOND, START, driver, message, pack, records

Event = tuple[str, int, dict[str, Any]]
MINUTE, HOUR, DAY = 60, 3600, 86_400


def touch(at: int, touchpoint: str, outcome: str = "success", **fields: Any) -> Event:
    return "touchpoint", at, {"touchpoint": touchpoint, "outcome": outcome, **fields}


def say(at: int, kind: str, **fields: Any) -> Event:
    return "feedback", at, {"kind": kind, **fields}


def promised(seconds: int) -> dict[str, int]:
    return {"promised_at": START + seconds * SECOND}


STARS = {"scale_min": 1.0, "scale_max": 5.0}
PAID = touch(0, "payment", matter="o1", **promised(2 * HOUR))

# signal, events that give it, events that do not
RETAIL: list[tuple[str, list[Event], list[Event]]] = [
    ("low_score", [say(0, "stars", score=2.0, **STARS)], [say(0, "stars", score=4.0, **STARS)]),
    (
        "low_score",
        [say(0, "csat", score=5.0, scale_direction="lower_is_better", **STARS)],
        [say(0, "csat", score=1.0, scale_direction="lower_is_better", **STARS)],
    ),
    (
        "below_expectation",
        [say(0, "nps", score=5.0, touchpoint="delivery")],
        [say(0, "nps", score=5.0, touchpoint="search")],  # an unknown expectation cannot be missed
    ),
    ("below_expectation", [say(0, "nps", score=6.0, expectation=9.5)], [say(0, "nps", score=6.0, expectation=8.5)]),
    (
        "below_own_baseline",
        [*(say(n, "nps", score=9.0) for n in range(3)), say(9, "nps", score=6.0)],
        [*(say(n, "nps", score=9.0) for n in range(2)), say(9, "nps", score=6.0)],
    ),
    ("complaint", [say(0, "complaint")], [say(0, "comment")]),
    ("repeated_complaint", [say(0, "complaint"), say(DAY, "complaint")], [say(0, "complaint")]),
    ("negative_text", [say(0, "comment", text="太差了")], [say(0, "comment", text="不错，谢谢")]),
    ("failure", [touch(0, "search", "failure")], [touch(0, "search", "abandoned")]),
    (
        "repeated_failure",
        [touch(0, "search", "failure"), touch(20 * MINUTE, "search", "failure")],
        [touch(0, "search", "failure"), touch(40 * MINUTE, "search", "failure")],
    ),
    (
        "abandoned_after_failure",
        [touch(0, "payment", "failure"), touch(MINUTE, "checkout", "abandoned")],
        [touch(MINUTE, "checkout", "abandoned")],
    ),
    ("gave_up", [touch(0, "payment", "failure")], [touch(0, "payment", "failure"), touch(14 * MINUTE, "payment")]),
    (
        "repeated_contact",
        [touch(0, "hotline", matter="o1"), touch(DAY, "hotline", matter="o1")],
        [touch(0, "hotline", matter="o1"), touch(DAY, "hotline", matter="o2")],
    ),
    (
        "channel_hop",
        [touch(0, "hotline", matter="o1", channel="phone"), touch(HOUR, "chat", matter="o1", channel="web")],
        [touch(0, "hotline", matter="o1", channel="phone"), touch(HOUR, "hotline", matter="o1", channel="phone")],
    ),
    (
        "waited_beyond_promise",
        [touch(0, "hotline", waiting_seconds=121.0)],
        [touch(0, "hotline", waiting_seconds=119.0), touch(1, "search", waiting_seconds=999.0)],
    ),
    ("promise_broken", [PAID], [PAID, touch(HOUR, "delivery", matter="o1")]),
    (
        "delivered_late",
        [touch(3 * HOUR, "delivery", **promised(2 * HOUR))],
        [touch(3 * HOUR, "delivery", **promised(3 * HOUR - 60))],
    ),
    ("returned", [touch(0, "return_request")], [touch(0, "refund")]),
]
AIRLINE: list[tuple[str, list[Event], list[Event]]] = [
    (
        "flight_delayed",
        [touch(0, "check_in", matter="LH1", **promised(HOUR))],
        [touch(0, "check_in", matter="LH1", **promised(HOUR)), touch(HOUR - 1, "departure", matter="LH1")],
    ),
    (
        "long_delay",
        [touch(4 * HOUR, "departure", **promised(HOUR))],
        [touch(4 * HOUR, "departure", **promised(2 * HOUR))],
    ),
    ("baggage_failure", [touch(0, "baggage_claim", "failure")], [touch(0, "baggage_claim")]),
    ("failure", [touch(0, "booking", "failure")], [touch(0, "baggage_claim", "failure")]),
    (
        "waited_beyond_promise",
        [touch(0, "check_in", waiting_seconds=601.0)],
        [touch(0, "check_in", waiting_seconds=600.0)],
    ),
    (
        "repeated_contact",
        [touch(0, "service_desk", matter="b"), touch(HOUR, "hotline", matter="b")],
        [touch(0, "service_desk", matter="b")],
    ),
    ("low_score", [say(0, "nps", score=4.0)], [say(0, "nps", score=5.0)]),
    ("complaint", [say(0, "complaint")], [say(0, "praise")]),
    ("negative_text", [say(0, "comment", text="terrible")], [say(0, "comment", text="fine")]),
]
CASES = [("retail", *case) for case in RETAIL] + [("airline", *case) for case in AIRLINE]


def signals(name: str, events: list[Event]) -> set[str]:
    """The causes that a customer's events give, with half a day to run out."""
    one = driver(pack(name))
    outputs = []
    for offset, (record, at, fields) in enumerate(events):
        outputs += one.take(message(record, f"e{offset}", at, offset, **fields))
    outputs += one.advance(START + (events[-1][1] + 12 * HOUR) * SECOND)
    assert not one.rejected
    return {cause.cause for cause in records(outputs, "cx-causes", Cause)}


@pytest.mark.parametrize(("name", "signal", "given", "not_given"), CASES)
def test_signal(name: str, signal: str, given: list[Event], not_given: list[Event]) -> None:
    assert signal in signals(name, given)
    assert signal not in signals(name, not_given)


@pytest.mark.parametrize("name", ["retail", "airline"])
def test_every_unhappy_signal_of_a_pack_has_a_case(name: str) -> None:
    unhappy = {signal for signal, spec in pack(name).file.signals.items() if spec.mood == "unhappy"}
    assert unhappy == {case[1] for case in CASES if case[0] == name}
