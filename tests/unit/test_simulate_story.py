"""The simulated story: repeatable, plausible, every record valid, and a truth that follows from the events."""

import math
import subprocess
import sys
import tracemalloc
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

import streams.simulate
from schemas.codec import STRUCTS, Codec
from schemas.controls import Control
from schemas.events import Feedback, Touchpoint
from schemas.json_form import from_json, to_json
from schemas.refusals import DeadLetterReason, InvalidEvent
from schemas.topics import all_topics
from schemas.validate import check, check_control
from streams.simulate import Happening, Plan, Simulation
from streams.simulate.plan import hours_for
from streams.simulate.rush import Rush

START = 1_772_355_600_000_000  # 2026-03-01T09:00:00Z
FAULTS: dict[str, float] = {"late": 0.02, "duplicates": 0.01, "malformed": 0.01}
COMPANIES = ("retail", "airline", "automotive", "telecom")


class Run(NamedTuple):
    """All of a run."""

    plan: Plan
    happenings: tuple[Happening, ...]
    truth: tuple[dict[str, Any], ...]

    def touchpoints(self) -> list[Touchpoint]:
        return [
            one.record for one in self.happenings if isinstance(one.record, Touchpoint) and one.fault != "duplicate"
        ]

    def feedback(self) -> list[Feedback]:
        return [one.record for one in self.happenings if isinstance(one.record, Feedback) and one.fault != "duplicate"]

    def told(self, truth: str) -> list[dict[str, Any]]:
        return [line for line in self.truth if line["truth"] == truth]


@lru_cache
def run(**values: Any) -> Run:
    """A run with these settings."""
    plan = Plan(**{"start_us": START, "customers": 400, "hours": 5.0, "visits_per_hour": 1.5, **FAULTS, **values})
    simulation = Simulation(plan)
    happenings, truth = [], []
    for happening in simulation:
        happenings.append(happening)
        if len(happenings) % 100 == 0:
            truth += list(simulation.truth())
    return Run(plan, tuple(happenings), (*truth, *simulation.truth()))


def as_bytes(run_: Run) -> bytes:
    codec = Codec()
    messages = [
        msgspec.json.encode((one.at_us, one.arrival_us, one.topic)) + one.key + (one.raw or codec.encode(one.record))
        for one in run_.happenings
        if one.record is not None or one.raw is not None
    ]
    return b"\n".join(messages) + msgspec.json.encode(run_.truth)


@pytest.mark.parametrize("company", COMPANIES)
def test_the_same_plan_gives_the_same_bytes(company: str) -> None:
    first = run(company=company)
    run.cache_clear()
    assert as_bytes(run(company=company)) == as_bytes(first)
    assert as_bytes(run(company=company, seed=2)) != as_bytes(first)


def test_another_start_tells_the_same_story_about_other_customers() -> None:
    first, later = run(), run(start_us=START + 86_400_000_000)
    shape = [(one.at_us - START, one.topic, one.fault) for one in first.happenings]
    assert [(one.at_us - START - 86_400_000_000, one.topic, one.fault) for one in later.happenings] == shape
    people = {one.key for one in first.happenings if one.topic != "cx-controls"}
    assert not people & {one.key for one in later.happenings if one.topic != "cx-controls"}


def test_faults_of_delivery_change_nothing_else() -> None:
    calm = run(late=0.0, duplicates=0.0, malformed=0.0)
    assert not calm.told("fault")
    told = [line for line in run().truth if line["truth"] != "fault"]
    assert Counter(map(str, told)) == Counter(map(str, calm.truth))


@pytest.mark.parametrize("company", COMPANIES)
def test_in_order_of_arrival_and_within_the_run(company: str) -> None:
    run_ = run(company=company)
    arrivals = [one.arrival_us for one in run_.happenings]
    assert arrivals == sorted(arrivals)
    for one in run_.happenings:
        assert START <= one.at_us < run_.plan.end_us
        assert one.arrival_us >= one.at_us


@pytest.mark.parametrize("company", COMPANIES)
def test_every_record_is_valid_and_survives_its_forms(company: str) -> None:
    codec = Codec()
    for number, one in enumerate(run(company=company).happenings):
        if one.record is None:
            continue
        topic = all_topics()[one.topic]
        assert topic.schema is not None
        assert STRUCTS[topic.schema] is type(one.record)
        if isinstance(one.record, Control):
            check_control(one.record, one.key)
        else:
            check(one.record, one.key)
        assert codec.decode(codec.encode(one.record), type(one.record)) == one.record
        if number % 5 == 0:
            assert from_json(to_json(one.record)) == one.record


def test_every_malformed_message_is_refused_for_the_reason_that_the_truth_gives() -> None:
    codec = Codec()
    broken = [one for one in run(malformed=0.05).happenings if one.record is None]
    assert len({one.fault for one in broken}) == 10
    for one in broken:
        topic = all_topics()[one.topic]
        assert topic.schema is not None
        with pytest.raises(InvalidEvent) as refused:
            check(codec.decode(one.raw, STRUCTS[topic.schema]), one.key)  # type: ignore[arg-type]
        assert refused.value.reason == one.reason
    reasons = {DeadLetterReason(line["reason"]) for line in run(malformed=0.05).told("fault") if line["reason"]}
    assert len(reasons) == 10


def test_faults_come_at_their_shares() -> None:
    run_ = run()
    events = sum(one.fault is None or one.fault == "late" for one in run_.happenings) - len(units(run_))
    faults = Counter("malformed" if one.record is None else one.fault for one in run_.happenings)
    for name, share in (("late", 0.02), ("duplicate", 0.01), ("malformed", 0.01)):
        spread = 4 * math.sqrt(events * share)
        assert abs(faults[name] - events * share) < spread, (name, faults[name], events)
    assert faults.total() - faults[None] == len(run_.told("fault"))


def units(run_: Run) -> list[Control]:
    return [one.record for one in run_.happenings if isinstance(one.record, Control)]


def test_late_events_are_minutes_late_and_duplicates_are_the_same_event() -> None:
    sent = Counter(
        one.record.event_id for one in run().happenings if not isinstance(one.record, Control) and one.record
    )
    for one in run().happenings:
        if one.fault == "late" and one.arrival_us < run().plan.end_us:
            assert 60 <= (one.arrival_us - one.at_us) / 1e6 <= 2_702
        elif one.fault == "duplicate":
            assert one.record is not None
            assert not isinstance(one.record, Control)
            assert sent[one.record.event_id] == 2


@pytest.mark.parametrize("company", COMPANIES)
def test_plausible_shares(company: str) -> None:
    touchpoints = run(company=company).touchpoints()
    rated = sum(feedback.score is not None for feedback in run(company=company).feedback()) / len(touchpoints)
    assert 0.01 <= rated <= 0.05
    quiet = run(company=company, scenario="quiet").touchpoints()
    assert 0.005 < sum(one.outcome == "failure" for one in quiet) / len(quiet) < 0.05
    assert sum(one.outcome == "failure" for one in touchpoints) / len(touchpoints) > 0.015
    assert {feedback.language for feedback in run(company=company).feedback() if feedback.text} == {"zh-CN", "en"}
    people = {line["customer"]: line for line in run(company=company).told("customer")}
    unhappy = {line["customer"] for line in run(company=company).told("unhappy")}
    assert 0.05 < len(unhappy) / len(people) < 0.5
    silent = [line["silent"] for line in run(company=company).told("unhappy")]
    assert 0.3 < sum(silent) / len(silent) < 0.95


def test_each_scenario_hits_its_touchpoint() -> None:
    def failures(scenario: str, touchpoint: str) -> int:
        touchpoints = run(scenario=scenario).touchpoints()
        return sum(one.touchpoint == touchpoint and one.outcome == "failure" for one in touchpoints)

    assert not run(scenario="quiet").told("incident")
    assert failures("outage", "payment") > 3 * failures("quiet", "payment")
    for scenario, touchpoint in (("outage", "payment"), ("late-courier", "delivery"), ("slow-hotline", "hotline")):
        [incident] = run(scenario=scenario).told("incident")
        assert incident["touchpoint"] == touchpoint
        assert incident["customers"]
        assert incident["since"] < incident["until"]
    assert len(run(scenario="all").told("incident")) == 3


@pytest.mark.parametrize("company", COMPANIES)
def test_every_unhappy_stretch_has_its_causes_among_the_events(company: str) -> None:
    run_ = run(company=company)
    events = {one.event_id: one for one in run_.touchpoints()}
    said = {one.event_id: one for one in run_.feedback()}
    incidents = {line["incident"] for line in run_.told("incident")}
    assert run_.told("unhappy")
    for line in run_.told("unhappy"):
        assert line["causes"]
        assert line["strength"] >= 1.0
        assert line["until"] is None or line["since"] <= line["until"]
        assert line["silent"] == (not line["said"])
        for cause in line["causes"]:
            assert events[cause["event_id"]].subject_id == line["customer"]
            assert cause["incident"] is None or cause["incident"] in incidents
        assert line["causes"][0]["at"] <= line["since"]
        for word in line["said"]:
            assert said[word["event_id"]].subject_id == line["customer"]


def test_texts_are_told_with_their_tone() -> None:
    run_ = run()
    tones = {line["text"]: line["tone"] for line in run_.told("remark")}
    texts = [one.text for one in run_.feedback() if one.text and one.subject_type == "customer"]
    assert texts
    assert all(text in tones for text in texts)
    assert len(set(texts)) > 0.8 * len(texts)


def test_who_has_left_does_not_come_back() -> None:
    run_ = run(company="airline")
    left = {line["customer"]: line["at"] for line in run_.told("churn")}
    assert left
    for one in run_.touchpoints():
        if one.action in ("search", "view", "pay"):
            assert to_json(one)["occurred_at"] <= left.get(one.subject_id, "9"), one


@pytest.mark.parametrize("company", COMPANIES)
def test_a_run_of_so_many_messages_reaches_them(company: str) -> None:
    for customers, visits, events in ((10, 3.0, 300), (1000, 0.2, 2000)):
        hours = hours_for(events, customers, visits)
        plan = Plan(
            start_us=START, company=company, customers=customers, hours=hours, visits_per_hour=visits, events=events
        )  # type: ignore[arg-type]
        assert events <= sum(1 for _ in Simulation(plan)) < events + 100


def test_the_simulator_knows_nothing_of_the_detector() -> None:
    """Only then is the truth independent of what is measured against it."""
    modules = sorted(path.stem for path in Path(streams.simulate.__file__).parent.glob("*.py"))
    imports = ", ".join(f"streams.simulate.{name}" for name in modules if name != "__init__")
    code = f"import sys, {imports}; print([name for name in sys.modules if name.startswith('streams.')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'streams.simulate.simulation'" in loaded
    for detector in ("streams.experience", "streams.replay", "streams.packs"):
        assert f"'{detector}" not in loaded


def test_memory_does_not_grow_with_the_length_of_the_run() -> None:
    simulation = Simulation(Plan(start_us=START, customers=20, hours=900.0, visits_per_hour=1.0))
    peaks, told, count = [], 0, 0
    tracemalloc.start()
    try:
        for happening in simulation:
            count += 1
            if count % 5_000 == 0:
                told += sum(line["truth"] == "incident" for line in simulation.truth())
                peaks.append(tracemalloc.get_traced_memory()[0])
            del happening
    finally:
        tracemalloc.stop()
    assert len(peaks) >= 8
    assert told > 300  # they are told as they end
    assert max(peaks[4:]) < 1.2 * max(peaks[:4])


HABITS = ("rush", "sinking", "uneven", "coached")


@pytest.mark.parametrize("company", COMPANIES)
def test_habits_come_with_their_truth(company: str) -> None:
    run_ = run(company=company, habits=HABITS, scenario="quiet", hours=10.0, customers=200)
    said = {one.event_id: one for one in run_.feedback()}
    bursts = run_.told("coached")
    assert {line["kind"] for line in bursts} >= {"device", "honest"}
    for line in bursts:
        assert line["honest"] == (line["kind"] == "honest")
        marks = [said[answer].score for answer in line["answers"] if answer in said]
        assert line["honest"] or marks.count(5.0) > 0.7 * len(marks)
    causes = {cause["cause"] for line in run_.told("unhappy") for cause in line["causes"]}
    assert {"sinking", "uneven"} <= causes
    for one in run_.happenings:
        if one.record is not None and not isinstance(one.record, Control):
            check(one.record, one.key)


def test_without_habits_nobody_is_coached_or_sinks() -> None:
    assert not run().told("coached")
    causes = {cause["cause"] for line in run().told("unhappy") for cause in line["causes"]}
    assert not causes & {"sinking", "uneven"}


def test_people_reckon_with_full_hours_and_not_with_odd_ones() -> None:
    rush = Rush(Plan(start_us=START, habits=("rush",)))
    hours = [START + hour * 3_600_000_000 for hour in range(2 * 168)]
    usual = [rush.usual(at, "Europe/Berlin") for at in hours]
    assert usual[:168] == usual[168:]  # every week the same
    assert max(usual) == 4.0
    odd = [at for at in hours if rush.odd(at, "Europe/Berlin")]
    assert 2 <= len(odd) <= 10
    assert all(rush.now(at, "Europe/Berlin") > 4 * rush.usual(at, "Europe/Berlin") for at in odd)
    calm = Rush(Plan(start_us=START))
    assert {calm.now(at, "Asia/Shanghai") for at in hours} == {1.0}


@pytest.mark.parametrize("company", ["retail", "telecom"])
def test_more_trouble_makes_more_people_unhappy_and_nobody_has_to_speak(company: str) -> None:
    def unhappy(**settings: Any) -> int:
        return len(run(company=company, scenario="quiet", **settings).told("unhappy"))

    assert unhappy(trouble=0.0) < unhappy() < unhappy(trouble=2.0)
    silent = run(company=company, outspoken=0.0)
    assert silent.told("unhappy")
    assert all(line["silent"] for line in silent.told("unhappy"))
    assert all(one.kind == "praise" or one.subject_type == "anonymous" for one in silent.feedback())


def test_odd_hours_are_told() -> None:
    told = run(habits=("rush",), hours=60.0, customers=20, visits_per_hour=0.1).told("odd_hour")
    assert told
    assert {line["time_zone"] for line in told} <= {"Europe/Berlin", "Asia/Shanghai"}
    assert all(line["since"] < line["until"] for line in told)
