"""Promises: kept, late, broken, at risk before they are due; the triangle; and that the order of arrival changes nothing."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from schemas.events import Touchpoint
from schemas.json_form import from_json
from streams.cli import app
from streams.errors import UserError
from streams.experience.compiled import CompiledPack
from streams.experience.gap import Levels
from streams.experience.pack_compile import PackErrors, compile_pack
from streams.experience.promises import Outcome, outcomes, summary
from streams.experience.text import default_analyser
from streams.experience.triangle import triangles
from tests.builders import SECOND, START, actions, apart, driver, in_force, message, pack, whole_pack
from tests.lives import HOUR, event_at, in_order, inputs, shuffled

AT_RISK = compile_pack(
    whole_pack()
    .replace(
        "  refund_in_time:\n", "  refund_in_time:\n    at_risk_seconds: 7200\n    at_risk_signal: refund_at_risk\n"
    )
    .replace(
        "  delivered_in_time:\n",
        "  delivered_in_time:\n    at_risk_seconds: 1800\n    at_risk_signal: delivery_at_risk\n",
    )
    .replace(
        "\nsignals:\n",
        "\nsignals:\n  refund_at_risk: {on: watch, mood: notice}\n  delivery_at_risk: {on: watch, mood: notice}\n",
    )
    .replace(
        "\nactions:\n",
        "\nactions:\n  hurry:\n    on: signal\n    signal: delivery_at_risk\n    audience: care\n    kind: hurry\n    step: respond\n    text: call_back\n",
    ),
    "retail",
)


def event(number: int, hours: float, touchpoint: str, **fields: Any) -> Touchpoint:
    known = {"subject_type": "customer", "subject_id": "anna", "event_id": f"e{number}", "outcome": "success"}
    at = START + int(hours * HOUR) * SECOND
    found = from_json({"record": "touchpoint", **known, "occurred_at": at, "touchpoint": touchpoint, **fields})
    assert isinstance(found, Touchpoint)
    return found


def paid(number: int, hours: float, matter: str, promised: float) -> Touchpoint:
    return event(number, hours, "payment", matter=matter, promised_at=START + int(promised * HOUR) * SECOND)


def of(events: list[Touchpoint], name: str, until: float, judge: CompiledPack | None = None) -> list[Outcome]:
    found = outcomes(events, judge or pack(), default_analyser(), START + int(until * HOUR) * SECOND)
    return [one for one in found if one.promise == name]


@pytest.mark.parametrize(
    ("comes", "until", "state", "margin_hours"),
    [
        (1.0, 5, "kept", 1.0),
        (2.0, 5, "kept", 0.0),
        (3.5, 5, "late", -1.5),
        (None, 5, "broken", None),
        (3.5, 3, "broken", None),
        (None, 1, "waiting", None),
        (None, 1.75, "at_risk", None),
        (1.75, 5, "kept", 0.25),
    ],
)
def test_what_became_of_a_promise(comes: float | None, until: float, state: str, margin_hours: float | None) -> None:
    events = [paid(1, 0, "o", 2)]
    if comes is not None:
        events += [event(2, comes, "delivery", matter="another"), event(3, comes, "delivery", matter="o")]
    [found] = of(events, "delivered_in_time", until, AT_RISK)
    assert found.state == state
    assert found.margin_seconds == (None if margin_hours is None else margin_hours * HOUR)
    assert (found.touchpoint, found.matter, found.due_at) == ("delivery", "o", START + 2 * HOUR * SECOND)


def test_a_wait_that_is_promised_is_a_promise() -> None:
    events = [
        event(1, 0, "hotline", waiting_seconds=59),
        event(2, 1, "hotline", waiting_seconds=90),
        event(3, 2, "search"),
    ]
    assert [(one.state, one.margin_seconds) for one in of(events, "waiting at hotline", 5)] == [
        ("kept", 1.0),
        ("late", -30.0),
    ]


def test_the_summary_counts_and_says_by_how_much() -> None:
    events = [paid(10 * n, 0, f"o{n}", 2) for n in range(6)]
    events += [event(10 * n + 1, 1 + n, "delivery", matter=f"o{n}") for n in range(5)]
    [found] = summary(of(events, "delivered_in_time", 8))
    assert (found.made, found.kept, found.late, found.broken, found.share_kept) == (6, 2, 3, 1, 2 / 6)
    assert (found.late_p50_seconds, found.late_p90_seconds) == (2 * HOUR, 3 * HOUR)
    [early] = summary(of(events[:1], "delivered_in_time", 1))
    assert (early.waiting, early.share_kept, early.late_p50_seconds) == (1, None, None)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), rng=st.randoms(use_true_random=False))
def test_the_registry_is_the_same_in_any_order_and_with_repeats(seed: int, rng: random.Random) -> None:
    job = driver().job
    events = [job.decode(one).value.record for one in inputs(random.Random(seed), 20, "anna")]
    straight = outcomes(events, AT_RISK, default_analyser())
    mixed = [*events, *events[:5]]
    rng.shuffle(mixed)
    assert outcomes(mixed, AT_RISK, default_analyser()) == straight


def test_the_registry_and_the_decisions_agree_on_what_is_broken() -> None:
    broken = 0
    for seed in range(25):
        messages = inputs(random.Random(seed), 20, "anna")
        until = max(event_at(one) for one in messages) + 100 * HOUR
        job, live = driver().job, driver(apart())
        outputs = [output for one in in_order(messages) for output in live.take(one.message)]
        outputs += live.advance(START + until * SECOND)
        events = [job.decode(one).value.record for one in messages]
        found = outcomes(events, pack(), default_analyser(), START + until * SECOND)
        missed = {
            (one.due_at + 1, one.promise)
            for one in found
            if one.state in ("late", "broken") and one.promise in pack().file.promises
        }
        causes = _causes(outputs)
        assert {at for at, _ in missed} == causes
        broken += len(causes)
    assert broken > 20


def _causes(outputs: Any) -> set[int]:
    from schemas.decisions import Cause
    from tests.builders import records

    signals = {watch.signal for watch in pack().file.promises.values()}
    return {one.occurred_at for one in records(outputs, "cx-causes", Cause) if one.cause in signals}


def test_at_risk_is_told_before_it_is_due_and_only_if_it_is_not_kept() -> None:
    def told(*comes_at: int, until: int = 10_000) -> list[tuple[str, int]]:
        one = driver(AT_RISK)
        outputs = one.take(
            message(
                "touchpoint",
                "p",
                0,
                touchpoint="payment",
                outcome="success",
                matter="o",
                promised_at=START + 7200 * SECOND,
            )
        )
        for number, at in enumerate(comes_at, 1):
            outputs += one.take(
                message("touchpoint", f"d{at}", at, number, touchpoint="delivery", outcome="success", matter="o")
            )
        outputs += one.advance(START + until * SECOND)
        return [
            (action.rule, action.decided_at)
            for action in actions(outputs)
            if action.rule == "hurry" and not action.retracted
        ]

    at_risk = START + 5400 * SECOND + 1
    assert told() == [("hurry", at_risk)]
    assert told(until=5400) == []
    assert told(5400) == []
    assert told(6000) == [("hurry", at_risk)]


def test_a_notice_is_no_evidence() -> None:
    one = driver(AT_RISK)
    outputs = one.take(
        message(
            "touchpoint", "p", 0, touchpoint="payment", outcome="success", matter="o", promised_at=START + 7200 * SECOND
        )
    )
    outputs += one.advance(START + 6000 * SECOND)
    assert _causes(outputs) == set()
    [hurry] = actions(outputs)
    assert (hurry.score, hurry.evidence[0].signal, hurry.evidence[0].weight) == (0.0, "delivery_at_risk", 0.0)
    assert hurry.evidence[0].detail == "not kept yet 5400 s after p, due 1800 s later"


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_told_before_is_the_same_in_any_order_of_arrival(seed: int) -> None:
    messages = inputs(random.Random(seed), 15, "anna")
    until = START + (max(event_at(one) for one in messages) + 60 * HOUR) * SECOND

    def held(arrivals: Any) -> object:
        one = driver(AT_RISK)
        outputs = [output for arrival in arrivals for output in one.take(arrival.message)]
        return in_force(outputs + one.advance(until))

    assert held(shuffled(random.Random(seed), messages)) == held(in_order(messages))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("at_risk_seconds: 60", "belong together"),
        ("at_risk_seconds: 60\n    at_risk_signal: refund_lat", "did you mean 'refund_late'?"),
        ("at_risk_seconds: 60\n    at_risk_signal: failure", "must be on: watch"),
        ("at_risk_seconds: -1\n    at_risk_signal: refund_late", "must be positive"),
        ("at_risk_seconds: 172800\n    at_risk_signal: refund_late", "at risk from the start"),
    ],
)
def test_a_wrong_promise_is_told(fields: str, told: str) -> None:
    text = whole_pack().replace("  refund_in_time:\n", f"  refund_in_time:\n    {fields}\n")
    with pytest.raises(PackErrors) as error:
        compile_pack(text, "retail.yaml")
    assert told in str(error.value)


def test_a_silence_is_not_at_risk_and_a_notice_weighs_nothing() -> None:
    text = whole_pack().replace(
        "  gave_up_paying:\n", "  gave_up_paying:\n    at_risk_seconds: 60\n    at_risk_signal: gave_up\n"
    )
    with pytest.raises(PackErrors, match="only promises are at risk"):
        compile_pack(text, "retail.yaml")
    text = whole_pack().replace("  gave_up:\n", "  gave_up:\n    mood: notice\n")
    with pytest.raises(PackErrors, match="a notice is no evidence and has no weight"):
        compile_pack(text, "retail.yaml")


def test_over_and_under_promising_are_called_by_name() -> None:
    rows = [
        Levels("a", 6.0, 7.0),
        Levels("b", 9.5, 9.4),
        Levels("c", 8.4),
        Levels("d", None, 5.0),
        Levels("e", 7.0, 8.0, sources={"expectation": "promise"}),
    ]
    found = triangles(rows, {"a": 9.0, "b": 8.0, "c": 8.0, "d": 8.0, "e": 8.0, "f": 3.0})
    assert [(one.touchpoint, one.promising, one.expecting, one.living) for one in found] == [
        ("a", "over-promised", "less than promised", "disappoints"),
        ("b", "under-promised", "more than promised", "as expected"),
        ("c", "as promised", None, None),
        ("d", None, "less than promised", None),
        ("e", "over-promised", None, None),
        ("f", None, None, None),
    ]


def test_the_command_tells_promises_and_triangles() -> None:
    asked = ["promises", "examples/retail-morning.jsonl", "--at", "+48h"]
    told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).output)
    registry = {one["promise"]: one for one in told["promises"]}
    assert (registry["delivered_in_time"]["kept"], registry["delivered_in_time"]["late"]) == (3, 1)
    corners = {one["touchpoint"]: one["promising"] for one in told["triangles"]}
    assert corners["payment"] == "over-promised"
    assert sum(registry[name]["made"] for name in registry) == len(told["each"])
    shown = CliRunner().invoke(app, [*asked, "--late"]).output
    assert "over-promised" in shown
    assert "O-5005" in shown
    wrong = CliRunner().invoke(app, [*asked[:-1], "+2x"])
    assert isinstance(wrong.exception, UserError)
