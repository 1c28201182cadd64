"""Incidents do not depend on the order in which causes arrive; revisions and retractions of causes count."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.controls import Control
from schemas.decisions import Action, Cause
from streams.engine.job import Message, Output
from streams.errors import UserError
from streams.experience import incident_board, incident_sweep
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf
from streams.experience.ids import cause_key
from streams.experience.incidents import Incidents
from streams.experience.surroundings import Limits
from streams.replay.driver import Driver
from tests.builders import CODEC, SECOND, START, child_pack, content, pack, records

HOUR = 3600


def cause(
    number: int,
    at: int,
    subject: str,
    *,
    revision: int = 1,
    retracted: bool = False,
    journey: str = "purchase",
    judge: CompiledPack | None = None,
) -> Cause:
    return Cause(
        cause_id=f"c{number}",
        revision=revision,
        retracted=retracted,
        touchpoint="payment",
        cause="failure",
        journey=journey,
        subject_type="customer",
        subject_id=subject,
        event_id=f"e{number}",
        occurred_at=START + at * SECOND,
        origin="inferred",
        weight=0.2,
        pack=(judge or pack()).name,
        pack_version=(judge or pack()).version,
    )


def run(causes: list[Cause], until: int, window: int = 500, judge: CompiledPack | None = None) -> list[Output]:
    one = Driver(Incidents(CODEC, Shelf((judge or pack(),)), Limits(HOUR * SECOND, window)))
    outputs: list[Output] = []
    for offset, each in enumerate(causes):
        outputs += one.take(Message("cx-causes", 0, offset, 0, cause_key(each), CODEC.encode(each)))
    outputs += one.advance(START + until * SECOND)
    assert not one.rejected
    return outputs


def in_force(outputs: list[Output]) -> dict[str, object]:
    """Incidents as a reader of actions holds them, and as a subject that follows the controls does."""
    held: dict[str, object] = {}
    for control in records(outputs, "cx-controls", Control):
        assert control.incident is not None
        held.pop(control.incident.incident_id, None)
        if not control.incident.retracted:
            held[control.incident.incident_id] = (content(control.incident), control.in_force_at)
    for action in records(outputs, "cx-actions", Action):
        held.pop(action.action_id, None)
        if not action.retracted:
            held[action.action_id] = content(action)
    return held


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), window=st.sampled_from((2, 10, 500)))
def test_same_incidents_in_any_order(seed: int, count: int, window: int) -> None:
    rng = random.Random(seed)
    causes = []
    at = 0
    for number in range(count):
        at += rng.choice((1, 5, 20, 60, 300, 1200))
        at += rng.choice((0, 0, 900)) if rng.random() < 0.3 else 0  # ties, and just the time after which one ends
        causes.append(cause(number, at, f"s{rng.randrange(20)}", journey=rng.choice(("purchase", "aftersales"))))
        if rng.random() < 0.15:
            causes.append(cause(number, at, f"s{number}", revision=2, retracted=rng.random() < 0.7))
    until = at + 2 * HOUR
    wanted = in_force(run(causes, until, window))
    for _ in range(3):
        late = [(START + each.occurred_at + rng.uniform(0, 900) * SECOND, index) for index, each in enumerate(causes)]
        assert in_force(run([causes[index] for _, index in sorted(late)], until, window)) == wanted


RELATIVE = child_pack("incidents: {subjects: 4, times_usual: 3}")


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(20, 150), window=st.sampled_from((2, 10, 500)))
def test_same_incidents_in_any_order_where_they_go_by_what_is_usual(seed: int, count: int, window: int) -> None:
    rng = random.Random(seed)
    causes, at = [], 0
    for number in range(count):
        at += rng.choice((20, 60, 300, 600, 1200, 5 * HOUR if rng.random() < 0.05 else 60))
        causes.append(cause(number, at, f"s{rng.randrange(20)}", judge=RELATIVE))
        if rng.random() < 0.1:
            causes.append(cause(number, at, f"s{number}", revision=2, retracted=True, judge=RELATIVE))
    until = at + 2 * HOUR
    wanted = in_force(run(causes, until, window, RELATIVE))
    for _ in range(2):
        late = [(START + each.occurred_at + rng.uniform(0, 900) * SECOND, index) for index, each in enumerate(causes)]
        assert in_force(run([causes[index] for _, index in sorted(late)], until, window, RELATIVE)) == wanted


def test_what_is_usual_in_a_large_house_is_no_incident() -> None:
    """A failure each twenty seconds, thirty in ten minutes; then for half an hour five times as many."""
    times = [number * 20 for number in range(30 * 180)] + [24 * HOUR + number * 5 for number in range(360)]
    causes = [cause(number, at, f"s{number}", judge=RELATIVE) for number, at in enumerate(sorted(times))]
    told = records(run(causes, 31 * HOUR, judge=RELATIVE), "cx-actions", Action)
    last = {one.action_id: one for one in told}
    hours = [
        (round((one.decided_at - START) / SECOND / HOUR, 1), round((one.expires_at - START) / SECOND / HOUR, 1))
        for one in last.values()
        if one.expires_at is not None
    ]
    assert hours == [(0.0, 4.2), (24.1, 24.8)]  # at first nothing is usual yet
    assert len(last) == 2
    assert int(list(last.values())[-1].parameters["subjects"]) > 400


def test_an_incident_opens_grows_and_ends() -> None:
    causes = [cause(number, number * 10, f"s{number}") for number in range(20)]
    outputs = run(causes, HOUR)
    told = records(outputs, "cx-actions", Action)
    assert [(one.revision, one.parameters["subjects"], one.expires_at is None) for one in told] == [
        (1, "8", True),
        (2, "16", True),
        (3, "20", False),
    ]
    assert {one.audience for one in told} == {"product"}
    assert told[0].decided_at == START + 70 * SECOND
    steering = records(outputs, "cx-controls", Control)
    assert [one.incident.subjects for one in steering if one.incident] == [8, 16, 20]
    assert {output.partition for output in outputs if output.topic == "cx-controls"} == {-1}


def test_too_few_subjects_make_no_incident() -> None:
    assert run([cause(number, number, f"s{number % 7}") for number in range(50)], HOUR) == []


def test_a_retracted_cause_takes_the_incident_back() -> None:
    causes = [cause(number, number * 10, f"s{number}") for number in range(8)]
    told = records(run([*causes, cause(3, 30, "s3", revision=2, retracted=True)], HOUR), "cx-actions", Action)
    assert [one.retracted for one in told] == [False, True]
    steering = records(run([*causes, cause(3, 30, "s3", revision=2, retracted=True)], HOUR), "cx-controls", Control)
    assert [(one.incident.revision, one.incident.retracted) for one in steering if one.incident] == [
        (1, False),
        (2, True),
    ]


def test_an_incident_that_never_ends_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident_sweep, "SUBJECTS_MAX", 40)
    one = Driver(Incidents(CODEC, Shelf((pack(),)), Limits(60 * SECOND, 10)))
    sizes = []
    for number in range(600):
        each = cause(number, number * 30, f"s{number}")
        one.take(Message("cx-causes", 0, number, 0, cause_key(each), CODEC.encode(each)))
        sizes.append(len(next(iter(one.states.values()))))
    assert max(sizes[400:]) < 1.05 * max(sizes[:200])
    assert not one.rejected


def test_an_incident_that_has_ended_stays_when_its_contributions_make_room() -> None:
    causes = [cause(number, number * 10, f"s{number}") for number in range(8)]
    causes += [cause(100 + number, 5500 + number * 100, f"s{number}") for number in range(5)]
    assert [one.retracted for one in records(run(causes, 6 * HOUR, 2), "cx-actions", Action)] == [False, False]


def storm(monkeypatch: pytest.MonkeyPatch, causes: list[Cause]) -> tuple[list[int], list[Action], Driver]:
    """Many causes within moments, when 50 contributions are too many: sizes of the state, what was told, and the driver."""
    monkeypatch.setattr(incident_board, "CONTRIBUTIONS_MAX", 50)
    one = Driver(Incidents(CODEC, Shelf((pack(),)), Limits(HOUR * SECOND, 10)))
    outputs: list[Output] = []
    sizes = []
    for number, each in enumerate(causes):
        outputs += one.take(Message("cx-causes", 0, number, 0, cause_key(each), CODEC.encode(each)))
        sizes.append(len(next(iter(one.states.values()))))
    outputs += one.advance(START + 2 * HOUR * SECOND)
    return sizes, records(outputs, "cx-actions", Action), one


def test_a_storm_of_one_cause_keeps_the_state_small_and_counts_who_comes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    causes = [cause(number, number // 10, f"s{number % 90}") for number in range(1000)]
    causes.append(cause(1000, 3, "who came late"))
    sizes, told, one = storm(monkeypatch, causes)
    assert max(sizes[300:]) < 1.5 * max(sizes[:150])
    assert {action.action_id for action in told} == {told[0].action_id}
    assert told[-1].parameters["subjects"] == "91"
    assert told[-1].expires_at is not None
    assert not one.rejected


def test_a_storm_by_few_subjects_is_no_incident_and_keeps_the_state_small(monkeypatch: pytest.MonkeyPatch) -> None:
    few = [cause(number, number // 10, f"s{number % 7}") for number in range(1000)]
    sizes, told, _ = storm(monkeypatch, few)
    assert told == []
    assert max(sizes[300:]) < 1.5 * max(sizes[:150])
    _, told, _ = storm(monkeypatch, [*few, cause(1000, 100, "the eighth")])
    assert [action.parameters["subjects"] for action in told] == ["8", "8"]


def test_a_board_of_another_format_is_told() -> None:
    each = cause(1, 1, "s1")
    job = Incidents(CODEC, Shelf((pack(),)), Limits(HOUR * SECOND, 10))
    for state in (b"\x93\x01\x02\x03", b"\x92\x02\xa1a"):
        with pytest.raises(UserError, match=r"state of format \d.* this version knows"):
            job.step(cause_key(each), state, [], None)
