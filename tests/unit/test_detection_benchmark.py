"""The benchmark of detection: what counts as found, hit and early; and that a blind or a perfect detector gets the figures it deserves."""

import sys
from pathlib import Path

import pytest

from benchmarks import bench_detection
from benchmarks.detection_run import Crowd, Hour, Run, judge_bulk, judge_waits
from benchmarks.unhappy import EARLY, HOUR, SAME, Alarm, Spell, by_cause, judge, merged, spells, unhappy_share
from schemas.events import Customer, Touchpoint
from streams.simulate import Happening

MINUTE = HOUR // 60
QUIET = Spell("a", 10 * HOUR, 14 * HOUR, True, None, None, "late")
LOUD = Spell("b", 10 * HOUR, 12 * HOUR, False, 11 * HOUR, 12 * HOUR, "damaged")


def alarm(customer: str, at: int, kind: str = "said") -> Alarm:
    return Alarm(customer, at, kind)


def test_alarms_of_one_stretch_are_one() -> None:
    times = [0, SAME, SAME + 1, 3 * SAME]
    assert [one.at for one in merged([*(alarm("a", at) for at in times), alarm("b", 1)])] == [0, 1, 3 * SAME]


def test_perfect_alarms() -> None:
    found = judge([QUIET, LOUD], [alarm("a", 10 * HOUR), alarm("b", 10 * HOUR)])
    assert (found.precision, found.recall, found.f1) == (1.0, 1.0, 1.0)
    assert (found.silent, found.silent_found) == (1, 1)
    assert (found.complaints, found.complaints_before, found.complaint_lead_seconds) == (1, 1, 3600.0)
    assert (found.churns, found.churns_before, found.churn_lead_seconds) == (1, 1, 7200.0)


def test_what_comes_too_early_too_late_or_for_somebody_else_hits_nothing() -> None:
    wrong = [alarm("a", 10 * HOUR - EARLY - 1), alarm("b", 12 * HOUR + 1), alarm("c", 11 * HOUR)]
    found = judge([QUIET, LOUD], wrong)
    assert (found.alarms, found.hits, found.found, found.f1) == (3, 0, 0, 0.0)
    assert judge([QUIET], [alarm("a", 10 * HOUR - EARLY)]).recall == 1.0


def test_an_alarm_with_the_complaint_or_after_it_is_not_before_it() -> None:
    for at in (11 * HOUR, 11 * HOUR + 1):
        found = judge([LOUD], [alarm("b", at)])
        assert (found.found, found.complaints_before, found.complaint_lead_seconds) == (1, 0, None)


def test_an_alarm_that_repeats_still_finds_the_next_spell() -> None:
    later = QUIET._replace(since=15 * HOUR, until=16 * HOUR)
    found = judge([QUIET, later], [alarm("a", 13 * HOUR), alarm("a", 15 * HOUR)])
    assert (found.alarms, found.found) == (1, 2)


def test_nothing_to_divide_by() -> None:
    nothing = judge([], [])
    assert (nothing.precision, nothing.recall, nothing.f1) == (None, None, 0.0)


def test_blind_alarms_and_causes() -> None:
    assert unhappy_share([QUIET], [("a", 11 * HOUR), ("a", 9 * HOUR), ("b", 11 * HOUR), ("a", 15 * HOUR)]) == 0.25
    assert by_cause([QUIET, LOUD], [alarm("a", 11 * HOUR)]) == {"late": (1, 1), "damaged": (1, 0)}


def test_the_truth_of_a_run_is_read() -> None:
    line = {
        "truth": "unhappy",
        "customer": "a",
        "since": "2026-03-01T10:00:00Z",
        "until": None,
        "silent": False,
        "said": [
            {"at": "2026-03-01T12:00:00Z", "kind": "complaint"},
            {"at": "2026-03-01T11:00:00Z", "kind": "nps"},
            {"at": "2026-03-01T11:30:00Z", "kind": "complaint"},
        ],
        "churned_at": None,
        "causes": [{"cause": "late", "strength": 0.2}, {"cause": "damaged", "strength": 0.9}],
    }
    [spell] = spells([{"truth": "churn"}, line], end=7)
    assert (spell.until, spell.cause, spell.churned_at) == (7, "damaged", None)
    assert spell.complained_at is not None
    assert spell.complained_at - spell.since == HOUR + HOUR // 2


def test_coached_answers_are_judged() -> None:
    crowds = [
        Crowd("device", False, 0, ("a", "b", "c")),
        Crowd("unit", False, 0, ("d",)),
        Crowd("honest", True, 0, ("e", "f")),
    ]
    found = judge_bulk(crowds, {"a": 9_000_000, "b": 5_000_000, "e": 1})
    assert (found.coached, found.bursts, found.bursts_found) == (4, 2, 1)
    assert (found.precision, found.recall, found.seconds) == (2 / 3, 0.5, 5.0)
    assert found.honest_doubted == 1.0
    nothing = judge_bulk([], {})
    assert (nothing.precision, nothing.recall, nothing.seconds, nothing.honest_doubted) == (None, None, None, None)


def test_unusual_waits_are_judged_by_the_hours_in_which_it_was_full() -> None:
    weeks = 7 * 24 * HOUR
    person = Customer(event_id="p", subject_type="customer", subject_id="a", occurred_at=0, time_zone="Europe/Berlin")
    waits = [
        Touchpoint(
            event_id=str(at),
            subject_type="customer",
            subject_id="a",
            occurred_at=at,
            touchpoint="x",
            waiting_seconds=9.0,
        )
        for at in (0, 4 * weeks, 4 * weeks + HOUR)
    ]
    happenings = [Happening(one.occurred_at, one.occurred_at, "t", b"a", one) for one in (person, *waits)]
    odd = [Hour("Europe/Berlin", at, at + HOUR) for at in (0, 4 * weeks)] + [
        Hour("Asia/Shanghai", 4 * weeks + HOUR, 5 * weeks)
    ]
    run = Run(happenings, [], 9 * weeks, [], odd)
    told = [alarm("a", at, "waited_beyond_usual") for at in (0, 4 * weeks, 4 * weeks + HOUR)]
    found = judge_waits(run, [*told, alarm("a", 4 * weeks, "failure")])
    assert (found.signals, found.odd, found.waits, found.blind) == (2, 1, 2, 0.5)  # the first weeks are learnt from
    assert judge_waits(run._replace(odd=[]), told).blind is None


@pytest.mark.parametrize("company", ["retail", "airline", "automotive", "telecom"])
def test_the_pack_beats_every_baseline(
    company: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"--company {company} --seeds 1 --first-seed 41 --customers 120 --hours 8 --discard"
    monkeypatch.setattr(sys, "argv", ["bench_detection", *words.split()])
    bench_detection.main()
    shown = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines() if line.startswith("| ")]
    f1 = {row[0]: float(row[4]) for row in rows[1:6]}
    pack = f1.pop(f"pack {company}")
    f1.pop("… inferred only")
    assert len(f1) == 3
    assert pack > max(f1.values()), shown
    assert "signal" in shown
    assert "strongest cause" in shown


def test_the_simulator_knows_nothing_of_the_detector() -> None:
    folder = Path(bench_detection.__file__).parents[1] / "streams" / "simulate"
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for name in ("streams.experience", "streams.packs", "streams.replay"):
            assert name not in text, f"{path}: {name}"
