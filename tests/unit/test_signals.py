"""Each signal of each built-in pack: what gives it, and what just does not."""

from typing import Any

import pytest

from schemas.decisions import Cause
from tests.builders import PACKS, SECOND, START, apart, driver, message, pack, records

Event = tuple[str, int, dict[str, Any]]
MINUTE, HOUR, DAY = 60, 3600, 86_400


def touch(at: int, touchpoint: str, outcome: str = "success", **fields: Any) -> Event:
    return "touchpoint", at, {"touchpoint": touchpoint, "outcome": outcome, **fields}


def say(at: int, kind: str, **fields: Any) -> Event:
    return "feedback", at, {"kind": kind, **fields}


def promised(seconds: int) -> dict[str, int]:
    return {"promised_at": START + seconds * SECOND}


STARS = {"scale_min": 1.0, "scale_max": 5.0}
ACCEPTED = touch(0, "dispatch", action="accept", matter="o1", **promised(3 * HOUR))
PAID = touch(0, "payment", matter="o1", **promised(2 * HOUR))


def scores(*levels: float, **fields: Any) -> list[Event]:
    """Answers on a scale of 0–10, a day between them."""
    return [say(number * DAY, "nps", score=level, **fields) for number, level in enumerate(levels)]


# Answers that are not bad alone, and complaints in the wrong place: the same in every trade.
TOGETHER: list[tuple[str, list[Event], list[Event]]] = [
    ("inconsistent", scores(9, 5, 9, 5), scores(9, 6, 9, 6)),
    ("inconsistent", scores(9, 5, 9, 5), scores(9, 5)),
    ("inconsistent", scores(9, 5, 9, 5), scores(9, 5, 9, 9)),  # this time it was fine
    ("steadily_below_expectation", scores(6, 6, 6, expectation=8.0), scores(6, 6, expectation=8.0)),
    ("steadily_below_expectation", scores(6, 6, 6, expectation=8.0), scores(6, 6, 6)),  # unknown is not below
    ("sinking", scores(9, 7, 6), scores(9, 7)),
    ("sinking", scores(9, 7, 6), scores(6, 7, 9)),
    ("sinking", scores(9, 7, 6), [*scores(9, 7), say(2 * DAY, "nps", score=6.0, respondent="staff")]),
    ("regulator_complaint", [say(0, "complaint", channel="regulator")], [say(0, "complaint", channel="phone")]),
]

# signal, events that give it, events that do not
AUTHORITY: list[tuple[str, list[Event], list[Event]]] = [
    ("regulator_complaint", [say(0, "complaint", channel="regulator")], [say(0, "complaint", channel="mail")])
]

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
    ("regulator_complaint", [say(0, "complaint", channel="regulator")], [say(0, "complaint", channel="mail")]),
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
        "refund_late",
        [touch(0, "return_request", matter="o1"), touch(2 * DAY + 1, "search")],
        [touch(0, "return_request", matter="o1"), touch(2 * DAY, "refund", matter="o1")],
    ),
    ("long_overdue", [PAID], [PAID, touch(3 * HOUR, "delivery", matter="o1")]),
    (
        "never_sent",
        [ACCEPTED],
        [ACCEPTED, touch(HOUR, "dispatch", action="hand_to_courier", matter="o1")],
    ),
    (
        "delivered_late",
        [touch(3 * HOUR, "delivery", **promised(2 * HOUR))],
        [touch(3 * HOUR, "delivery", **promised(3 * HOUR - 60))],
    ),
    ("returned", [touch(0, "return_request")], [touch(0, "refund")]),
    (
        "goods_disappointed",
        [touch(0, "return_request", attributes={"reason": "damaged"})],
        [touch(0, "return_request", attributes={"reason": "changed_my_mind"})],
    ),
    (
        "price_surprise",
        [touch(0, "checkout", matter="o1", amount="50"), touch(60, "payment", matter="o1", amount="56")],
        [touch(0, "checkout", matter="o1", amount="50"), touch(60, "payment", matter="o1", amount="55")],
    ),
    (
        "price_surprise",  # what was named last counts, and only about the same order
        [touch(0, "checkout", matter="o1", amount="50"), touch(60, "payment", matter="o1", amount="56")],
        [
            touch(0, "checkout", matter="o1", amount="50"),
            touch(1, "checkout", matter="o1", amount="56"),
            touch(2, "checkout", matter="o2", amount="5"),
            touch(60, "payment", matter="o1", amount="56"),
        ],
    ),
    (
        "promise_moved",
        [PAID, touch(HOUR, "payment", matter="o1", **promised(4 * HOUR))],
        [PAID, touch(HOUR, "payment", matter="o2", **promised(4 * HOUR))],
    ),
    *TOGETHER,
    *AUTHORITY,
]
AIRLINE: list[tuple[str, list[Event], list[Event]]] = [
    (
        "flight_delayed",
        [touch(0, "check_in", matter="LH1", **promised(HOUR))],
        [touch(0, "check_in", matter="LH1", **promised(HOUR)), touch(HOUR + 900, "departure", matter="LH1")],
    ),
    (
        "long_overdue",
        [touch(0, "check_in", matter="LH1", **promised(HOUR))],
        [touch(0, "check_in", matter="LH1", **promised(HOUR)), touch(2 * HOUR, "departure", matter="LH1")],
    ),
    (
        "stranded",
        [touch(0, "check_in", matter="LH1", **promised(HOUR))],
        [touch(0, "check_in", matter="LH1", **promised(HOUR)), touch(3 * HOUR, "departure", matter="LH1")],
    ),
    (
        "arrived_late",
        [touch(3 * HOUR, "arrival", **promised(2 * HOUR))],
        [touch(3 * HOUR, "arrival", **promised(3 * HOUR - 1799))],
    ),
    (
        "arrived_late",
        [touch(3 * HOUR, "arrival", **promised(2 * HOUR))],
        [touch(4 * HOUR, "arrival", **promised(HOUR))],
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
# As the standard has them, where a trade says nothing else.
STANDARD: list[tuple[str, list[Event], list[Event]]] = [
    ("low_score", [say(0, "nps", score=4.0)], [say(0, "nps", score=5.0)]),
    ("below_expectation", [say(0, "nps", score=6.0, expectation=9.5)], [say(0, "nps", score=6.0, expectation=8.5)]),
    (
        "below_own_baseline",
        [*(say(n, "nps", score=9.0) for n in range(3)), say(9, "nps", score=6.0)],
        [*(say(n, "nps", score=9.0) for n in range(2)), say(9, "nps", score=6.0)],
    ),
    ("complaint", [say(0, "complaint")], [say(0, "praise")]),
    ("repeated_complaint", [say(0, "complaint"), say(DAY, "complaint")], [say(0, "complaint")]),
    ("regulator_complaint", [say(0, "complaint", channel="regulator")], [say(0, "complaint", channel="mail")]),
    ("negative_text", [say(0, "comment", text="terrible")], [say(0, "comment", text="fine")]),
    (
        "repeated_failure",
        [touch(0, "anywhere", "failure"), touch(20 * MINUTE, "anywhere", "failure")],
        [touch(0, "anywhere", "failure"), touch(40 * MINUTE, "anywhere", "failure")],
    ),
    (
        "abandoned_after_failure",
        [touch(0, "anywhere", "failure"), touch(MINUTE, "elsewhere", "abandoned")],
        [touch(MINUTE, "elsewhere", "abandoned")],
    ),
]
ELSEWHERE_TOLD: list[tuple[str, list[Event], list[Event]]] = [
    (
        "price_surprise",
        [
            touch(0, "anywhere", matter="m", attributes={"estimate": "100"}),
            touch(1, "anywhere", matter="m", amount="111"),
        ],
        [
            touch(0, "anywhere", matter="m", attributes={"estimate": "about 100"}),
            touch(1, "anywhere", matter="m", amount="111"),
        ],
    ),
    (
        "promise_moved",
        [touch(0, "anywhere", matter="m", **promised(HOUR)), touch(1, "anywhere", matter="m", **promised(2 * HOUR))],
        [touch(0, "anywhere", matter="m", **promised(2 * HOUR)), touch(1, "anywhere", matter="m", **promised(HOUR))],
    ),
]
FAILURE = ("failure", [touch(0, "anywhere", "failure")], [touch(0, "anywhere", "abandoned")])


def asking(touchpoint: str, waits: float) -> list[tuple[str, list[Event], list[Event]]]:
    """The standard's signals about asking for help, at a touchpoint of a trade and with the wait that is still fine there."""
    return [
        (
            "repeated_contact",
            [touch(0, touchpoint, matter="m"), touch(DAY, touchpoint, matter="m")],
            [touch(0, touchpoint, matter="m"), touch(DAY, touchpoint, matter="n")],
        ),
        (
            "channel_hop",
            [touch(0, touchpoint, matter="m", channel="phone"), touch(HOUR, touchpoint, matter="m", channel="web")],
            [touch(0, touchpoint, matter="m", channel="phone"), touch(HOUR, touchpoint, matter="m", channel="phone")],
        ),
        (
            "waited_beyond_promise",
            [touch(0, touchpoint, waiting_seconds=waits + 1)],
            [touch(0, touchpoint, waiting_seconds=waits), touch(1, "anywhere", waiting_seconds=99_999.0)],
        ),
        (
            "uneven_waiting",
            [touch(at, touchpoint, waiting_seconds=wait) for at, wait in enumerate((1.0, 2.0, waits * 0.9))],
            [touch(at, touchpoint, waiting_seconds=wait) for at, wait in enumerate((1.0, waits * 0.9))],
        ),
        (
            "asked_again",
            [
                touch(0, touchpoint, matter="m", attributes={"told": "Address, order number"}),
                touch(DAY, touchpoint, matter="m", attributes={"asked_for": "order number"}),
            ],
            [
                touch(0, touchpoint, matter="m", attributes={"told": "address"}),
                touch(1, touchpoint, matter="n", attributes={"told": "order number"}),
                touch(DAY, touchpoint, matter="m", attributes={"asked_for": "order number"}),
            ],
        ),
        (
            "asked_again",  # what was asked for once has been told
            [touch(at, touchpoint, matter="m", attributes={"asked_for": "address"}) for at in (0, DAY)],
            [touch(0, touchpoint, matter="m", attributes={"asked_for": "address"})],
        ),
        (
            "staff_changed",
            [touch(0, touchpoint, matter="m", staff="li"), touch(DAY, touchpoint, matter="m", staff="bo")],
            [touch(0, touchpoint, matter="m", staff="li"), touch(DAY, touchpoint, matter="m", staff="li")],
        ),
    ]


def alone_first(self_service: str, touchpoint: str) -> tuple[str, list[Event], list[Event]]:
    """Tried alone in vain, then asked somebody about it; about something else is another matter."""
    asked = touch(HOUR, touchpoint, matter="m")
    return (
        "asked_an_agent_after_self_service",
        [touch(0, self_service, "failure", matter="m"), asked],
        [touch(0, self_service, "failure", matter="n"), touch(1, self_service, matter="m"), asked],
    )


OUT_OF_ORDER = touch(0, "self_service", "failure")
TELECOM: list[tuple[str, list[Event], list[Event]]] = [
    ("self_service_failed", [OUT_OF_ORDER], [touch(0, "self_service")]),
    ("asked_an_agent_after_self_service", [OUT_OF_ORDER, touch(HOUR, "hotline")], [touch(HOUR, "hotline")]),
    ("network_fault", [touch(0, "network", "failure")], [touch(0, "bill", "failure")]),
    ("payment_failed", [touch(0, "payment", "failure")], [touch(0, "payment")]),
    (
        "technician_did_not_come",
        [touch(0, "appointment", matter="m", **promised(HOUR))],
        [touch(0, "appointment", matter="m", **promised(HOUR)), touch(HOUR, "technician", matter="m")],
    ),
    (
        "not_activated",
        [touch(0, "order", matter="m", **promised(HOUR))],
        [touch(0, "order", matter="m", **promised(HOUR)), touch(HOUR, "activation", matter="m")],
    ),
]
TELECOM += [
    (
        "long_not_activated",
        [touch(0, "order", matter="m", **promised(HOUR))],
        [touch(0, "order", matter="m", **promised(HOUR)), touch(2 * HOUR, "activation", matter="m")],
    ),
]
ESTIMATE = {"attributes": {"estimate": "100"}}
AUTOMOTIVE: list[tuple[str, list[Event], list[Event]]] = [
    FAILURE,
    ("failure", [touch(0, "hand_over", "failure")], [touch(0, "repair", "failure")]),
    ("not_repaired", [touch(0, "repair", "failure")], [touch(0, "hand_over", "failure")]),
    (
        "value_below_zero",
        [touch(at, "repair", "failure", matter="m") for at in range(3)],
        [touch(at, "repair", "failure", matter="m") for at in range(2)],
    ),
    (
        "car_not_ready",
        [touch(0, "drop_off", matter="m", **promised(HOUR))],
        [touch(0, "drop_off", matter="m", **promised(HOUR)), touch(HOUR, "hand_over", matter="m")],
    ),
    (
        "handed_over_late",
        [touch(2 * HOUR, "hand_over", matter="m", **promised(HOUR))],
        [touch(80 * MINUTE, "hand_over", matter="m", **promised(HOUR))],
    ),
    (
        "long_overdue",
        [touch(0, "drop_off", matter="m", **promised(HOUR))],
        [touch(0, "drop_off", matter="m", **promised(HOUR)), touch(2 * HOUR - 1, "hand_over", matter="m")],
    ),
    ("price_surprise", [touch(0, "bill", amount="111", **ESTIMATE)], [touch(0, "bill", amount="110", **ESTIMATE)]),
    ("price_surprise", [touch(0, "bill", amount="111", **ESTIMATE)], [touch(0, "bill", amount="111")]),
    (
        "price_surprise",  # said at drop-off
        [touch(0, "drop_off", matter="m", **ESTIMATE), touch(HOUR, "bill", matter="m", amount="111")],
        [touch(0, "drop_off", matter="n", **ESTIMATE), touch(HOUR, "bill", matter="m", amount="111")],
    ),
    ("had_to_ask", [touch(0, "adviser", action="ask_progress")], [touch(0, "adviser", action="book")]),
]
BY_PACK = {
    "standard": [*STANDARD, *ELSEWHERE_TOLD, *TOGETHER, *AUTHORITY, FAILURE],
    "retail": [*RETAIL, *AUTHORITY, *asking("hotline", 120.0), alone_first("payment", "hotline")],
    "airline": [
        *STANDARD,
        *ELSEWHERE_TOLD,
        *TOGETHER,
        *AUTHORITY,
        *AIRLINE,
        *(one for one in asking("hotline", 240.0) if one[0] != "waited_beyond_promise"),
        alone_first("booking", "hotline"),
    ],
    "telecom": [*STANDARD, *ELSEWHERE_TOLD, *TOGETHER, *AUTHORITY, *TELECOM, *asking("hotline", 120.0)],
    "automotive": [
        *STANDARD,
        *ELSEWHERE_TOLD[1:],
        *TOGETHER,
        *AUTHORITY,
        *AUTOMOTIVE,
        *asking("adviser", 240.0),
        alone_first("appointment", "adviser"),
    ],
}
CASES = [(name, *case) for name, cases in BY_PACK.items() for case in cases]
# Nobody asks for help and nothing is promised at the one touchpoint of the standard: trades have these.
LEARNT = {"waited_beyond_usual"}  # takes a week and many customers: test_usual_waiting.py
ELSEWHERE = {"standard": {case[0] for case in asking("", 0.0)} | {"asked_an_agent_after_self_service"}}


def signals(name: str, events: list[Event]) -> set[str]:
    """The signals that a customer's events give, with half a day to run out."""
    one = driver(apart(name))
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


@pytest.mark.parametrize("name", sorted(path.stem for path in PACKS.glob("*.yaml")))
def test_every_unhappy_signal_of_a_pack_has_a_case(name: str) -> None:
    unhappy = {signal for signal, spec in pack(name).file.signals.items() if spec.mood == "unhappy"}
    assert unhappy - LEARNT - ELSEWHERE.get(name, set()) == {case[1] for case in CASES if case[0] == name}
