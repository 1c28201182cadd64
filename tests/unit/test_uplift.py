"""Effects of actions: intervals that hold on every day, arms, outcomes, money; a known effect is found from end to end."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.bench_uplift import SCENES, run, truth
from benchmarks.uplift_world import EXAMPLE, START, Truth, world
from schemas.json_form import from_json, to_json
from streams.cli import app
from streams.experience.pack import Outcome
from streams.packs_folder import read_pack
from streams.uplift.arms import Entered, Experiment, experiments
from streams.uplift.costs import Costs, money
from streams.uplift.effects import Choices, compare
from streams.uplift.rows import Answer, Deed, Rows, Visit, of_records
from streams.uplift.sequences import (
    Group,
    Interval,
    enough,
    group,
    interval,
    needed,
    reach,
    rho_squared,
    share_is_off,
)
from tests.builders import pack_with

DAY = 86_400_000_000
HELD = pack_with(
    {
        "holdout": {"salt": "s", "share": 0.1},
        "actions": {"offer_compensation": {"hold_out": 0.2}, "call_back": {"hold_out": 0.2, "experiment": "calls"}},
    }
)


# --- the interval --------------------------------------------------------------------------------------------------


def test_the_boundary_is_that_of_the_formula() -> None:
    """Robbins: the mixture of exp(λS − λ²n/2) over λ ~ N(0, ρ²) is 1/α exactly on the boundary."""
    for count, alpha in ((10, 0.05), (1000, 0.05), (70_000, 0.01)):
        rho2 = rho_squared(alpha, 1000)
        total = reach(count, alpha, rho2) * math.sqrt(count)
        x = count * rho2
        mixture = math.exp(rho2 * total**2 / (2 * (1 + x))) / math.sqrt(1 + x)
        assert mixture == pytest.approx(1 / alpha, rel=1e-9)


def test_it_is_tightest_where_it_was_told_to_be() -> None:
    best = rho_squared(0.05, 500)
    assert all(reach(500, 0.05, best) <= reach(500, 0.05, best * factor) for factor in (0.5, 0.8, 1.25, 2.0))
    assert reach(500, 0.05, best) == pytest.approx(3.03, abs=0.02), "half again as wide as an ordinary interval"


def test_the_interval_by_hand() -> None:
    treated, held = group([1.0] * 60 + [0.0] * 40), group([1.0] * 30 + [0.0] * 70)
    found = interval(treated, held, binary=True, alpha=0.05, tightest_at=200)
    one, other = 61 / 102, 31 / 102
    error = math.sqrt(one * (1 - one) / 100 + other * (1 - other) / 100)
    half = error * reach(200, 0.05, rho_squared(0.05, 200))
    assert found == pytest.approx((0.3, 0.3 - half, 0.3 + half))
    assert found.low > 0


def test_variance_of_levels_is_the_usual_one() -> None:
    assert group([1.0, 2.0, 4.0]).variance(binary=False) == pytest.approx(7 / 3)
    assert group([5.0]).variance(binary=False) == 0.0


@pytest.mark.parametrize("scene", [scene for scene in SCENES if scene.effect == 0], ids=lambda scene: scene.name)
def test_looking_every_day_raises_few_false_alarms(scene: Any) -> None:
    """One run in twenty at most may ever show an effect where there is none; an ordinary interval does in four times as many."""
    done = [run(scene, 0.0, 0.2, 60, 30, f"test/{number}") for number in range(120)]
    assert sum(one.alarm for one in done) <= 10, "Binomial(120, 0.05) is above this once in a hundred times"
    assert sum(one.naive_alarm for one in done) >= 15


@pytest.mark.parametrize("scene", [scene for scene in SCENES if abs(scene.effect) >= 0.1], ids=lambda scene: scene.name)
def test_the_truth_is_inside_on_all_days_and_the_effect_is_found(scene: Any) -> None:
    effect = scene.effect if scene.binary else truth(scene)
    done = [run(scene, effect, 0.2, 110, 40, f"test/{number}") for number in range(25)]
    assert sum(one.missed for one in done) <= 4
    assert sum(one.alarm for one in done) >= 18


# --- how many are needed -------------------------------------------------------------------------------------------


def test_what_is_needed_finds_the_effect_four_times_in_five() -> None:
    share, effect = 0.2, 0.1
    wanted = needed(
        group([1.0] * 350 + [0.0] * 650),
        group([1.0] * 250 + [0.0] * 750),
        smallest=effect,
        share=share,
        binary=True,
        alpha=0.05,
    )
    rng = random.Random(4)
    found = 0
    for _ in range(100):
        treated, held = Group(), Group()
        for _ in range(wanted):
            out = rng.random() < share
            (held if out else treated).add(float(rng.random() < 0.25 + effect * (not out)))
        found += interval(treated, held, binary=True, alpha=0.05).low > 0
    assert 68 <= found <= 92
    assert wanted > 1000


def test_smaller_effects_and_smaller_shares_need_more_and_nothing_is_needed_for_ever() -> None:
    def wanted(smallest: float, share: float) -> int:
        return needed(Group(), Group(), smallest=smallest, share=share, binary=True, alpha=0.05)

    assert wanted(0.02, 0.2) > wanted(0.05, 0.2) > wanted(0.5, 0.2)
    assert wanted(0.05, 0.05) > wanted(0.05, 0.2)
    assert wanted(1.0, 0.5) == 100, "both groups want their least number"
    assert wanted(1e-9, 0.2) == 100_000_000


def test_too_few_say_nothing() -> None:
    few, many = group([1.0, 0.0] * 24), group([1.0, 0.0] * 500)
    assert not enough(many, few, binary=True)
    assert enough(many, group([1.0, 0.0] * 25), binary=True)
    assert not enough(group([0.0] * 900 + [1.0] * 12), group([0.0] * 200 + [1.0] * 7), binary=True), "19 events"
    assert not enough(group([5.0] * 60), group([5.0] * 60), binary=False), "nothing varies: nothing to reckon with"


def test_a_share_that_was_not_drawn_is_noticed() -> None:
    assert not share_is_off(205, 1000, 0.2)
    assert share_is_off(120, 1000, 0.2)
    assert not share_is_off(0, 40, 0.2), "of so few nothing is said"


# --- arms ----------------------------------------------------------------------------------------------------------


def deed(who: str, at: int, rule: str = "offer_compensation", held_for: str | None = None, **more: Any) -> Deed:
    name = f"{who}-{at}-{rule}"
    share = {"*": 0.1, None: 0.0}.get(held_for, 0.2)
    return Deed(name, who, at, rule, "v1", held_for, share, "s" if held_for else "")._replace(**more)


def of(name: str, deeds: list[Deed], since: int | None = None) -> Experiment:
    (found,) = (one for one in experiments(deeds, HELD, since) if one.name == name)
    return found


def test_a_customer_counts_once_from_the_first_instant_on() -> None:
    found = of("offer_compensation", [deed("b", 5, held_for="offer_compensation"), deed("a", 9), deed("a", 3)])
    assert found.entered == [Entered("a", 3, False), Entered("b", 5, True)]
    assert (found.share, found.rules, found.crossed) == (0.2, ["offer_compensation"], 0)


def test_rules_of_an_experiment_and_the_whole_pack() -> None:
    deeds = [
        deed("a", 1, "call_back"),
        deed("b", 1, "call_back", "calls"),
        deed("c", 1, "call_back", "*"),
        deed("d", 1, "say_sorry"),
    ]
    assert of("calls", deeds).entered == [Entered("a", 1, False), Entered("b", 1, True)]
    everything = of("*", deeds)
    assert everything.entered == [
        Entered("a", 1, False),
        Entered("b", 1, False),
        Entered("c", 1, True),
        Entered("d", 1, False),
    ]
    assert [one.name for one in experiments(deeds, HELD)] == ["*", "calls"]
    assert experiments([deed("a", 1)], HELD) == []


def test_what_complaints_speak_for_has_no_other_arm() -> None:
    """It is never held out, so it is not to be compared either."""
    deeds = [deed("a", 1, signals=("complaint",)), deed("b", 1), deed("c", 1, held_for="offer_compensation")]
    assert [one.subject for one in of("offer_compensation", deeds).entered] == ["b", "c"]
    owed = deed("a", 1, signals=("long_overdue",), gives=True)
    assert [one.subject for one in of("offer_compensation", [owed, *deeds[1:]]).entered] == ["b", "c"], "nor is a right"
    assert len(of("offer_compensation", [owed._replace(gives=False), *deeds[1:]]).entered) == 3


def test_a_new_draw_and_since_leave_out_who_came_before() -> None:
    old = {"salt": "old"}
    deeds = [
        deed("a", 1),
        deed("b", 2, held_for="offer_compensation", **old),
        deed("c", 5, held_for="offer_compensation"),
        deed("b", 6),
        deed("d", 7),
    ]
    found = of("offer_compensation", deeds)
    assert [one.subject for one in found.entered] == ["c", "d"]
    assert (found.passed_over, found.crossed) == (2, 1)
    later = of("offer_compensation", [*deeds, deed("c", 8)], since=7)
    assert [one.subject for one in later.entered] == ["d"]
    assert later.passed_over == 3


# --- outcomes ------------------------------------------------------------------------------------------------------


def arms(treated: int, held: int) -> Experiment:
    entered = [Entered(f"t{number}", 0, False) for number in range(treated)]
    entered += [Entered(f"h{number}", 0, True) for number in range(held)]
    return Experiment("e", ["offer_compensation"], held / (treated + held), entered)


BACK = Outcome(touchpoints=["payment"], within_seconds=86_400, outcome="success")


def test_an_outcome_is_looked_for_in_its_window_and_only_when_the_window_is_over() -> None:
    experiment = arms(60, 60)
    experiment.entered += [Entered("late", DAY, True)]
    visits = [Visit(f"t{number}", 1, "payment", "success") for number in range(30)]
    visits += [Visit(f"t{number}", 0, "payment", "success") for number in range(30, 40)]  # the instant itself
    visits += [Visit(f"t{number}", DAY + 1, "payment", "success") for number in range(40, 50)]  # too late
    visits += [Visit(f"h{number}", DAY, "payment", "success") for number in range(6)]
    visits += [Visit(f"h{number}", 5, "payment", "failure") for number in range(6, 30)]
    visits += [Visit(f"h{number}", 5, "search", "success") for number in range(6, 30)]
    rows = Rows([], [], visits, {}, DAY + 1)
    gone = Outcome(touchpoints=["payment"], within_seconds=86_400, outcome="success", absent=True, better="fewer")
    score, back, lost = compare(experiment, rows, {"back": BACK, "gone": gone}, Choices()).effects
    assert score.verdict == "too few"
    assert (back.treated, back.held_out) == (60, 60)
    assert (back.treated_mean, back.held_out_mean) == (0.5, 0.1)
    assert back.verdict == lost.verdict == "better"
    assert lost.effect == pytest.approx(-0.4)


def test_the_score_is_of_those_who_answered_and_says_when_these_are_others() -> None:
    experiment = arms(200, 200)
    answers = [Answer(f"t{number}", 5, float(5 + number % 3)) for number in range(160)]
    answers += [Answer(f"t{number}", 6, float(5 + number % 3)) for number in range(60)]
    answers += [Answer(f"h{number}", 5, float(3 + number % 3)) for number in range(60)]
    answers += [Answer(f"h{number}", 0, 10.0) for number in range(60)]  # before
    compared = compare(experiment, Rows([], answers, [], {}, 15 * DAY), {}, Choices())
    (score,) = compared.effects
    assert (score.treated, score.held_out, score.verdict) == (160, 60, "better")
    assert score.effect == pytest.approx(2.0, abs=0.02)
    assert compared.notes == [
        "80.0% of the treated have answered, 30.0% of the held out: their scores are those of different people"
    ]


@pytest.mark.parametrize(
    ("treated", "held", "better", "smallest", "verdict"),
    [
        (0.5, 0.3, "more", 0.05, "better"),
        (0.5, 0.3, "fewer", 0.05, "worse"),
        (0.3, 0.5, "fewer", 0.05, "better"),
        (0.3, 0.3, "more", 0.05, "open"),
        (0.3, 0.3, "more", 0.2, "no difference"),
    ],
)
def test_verdicts(treated: float, held: float, better: Any, smallest: float, verdict: str) -> None:
    experiment = arms(500, 500)
    visits = [
        Visit(f"{arm}{number}", 1, "payment", "success")
        for arm, part in (("t", treated), ("h", held))
        for number in range(int(500 * part))
    ]
    outcome = Outcome(touchpoints=["payment"], within_seconds=86_400, better=better)
    _, row = compare(
        experiment, Rows([], [], visits, {}, DAY), {"o": outcome}, Choices(smallest_share=smallest)
    ).effects
    assert row.verdict == verdict
    assert (row.days == 0.0) == (row.needed <= 1000)


def test_what_is_to_be_known_is_told() -> None:
    experiment = arms(900, 100)
    experiment.share, experiment.passed_over, experiment.crossed, experiment.versions = 0.3, 2, 1, 3
    notes = compare(experiment, Rows([], [], [], {}, 0), {}, Choices()).notes
    assert [note.split(" ")[0] for note in notes] == ["10.0%", "2", "1", "3"]


# --- money ---------------------------------------------------------------------------------------------------------


def test_receipts_say_what_it_cost_else_the_action_and_carrying_it_out_comes_on_top() -> None:
    deeds = [
        deed("t0", 0, action_id="a", cost=10.0),
        deed("t1", 0, action_id="b", cost=10.0),
        deed("t1", 2 * DAY, action_id="c", cost=99.0),  # after its time
        deed("t2", 0, action_id="d"),
        deed("h0", 0, held_for="offer_compensation", cost=50.0),
        deed("t3", 0, "say_sorry", cost=70.0),
    ]
    experiment = arms(4, 1)
    treated = [one for one in experiment.entered if not one.held]
    costs = Costs(experiment, Rows(deeds, [], [], {"b": 4.0}, DAY), {"offer_compensation": 1.0})
    assert costs.of(treated, DAY) == pytest.approx((11 + 5 + 1) / 4)
    assert Costs(experiment, Rows(deeds[5:], [], [], {}, DAY), {}).of(treated, DAY) is None


def test_money_for_a_recovered_customer() -> None:
    sure = money(Interval(0.2, 0.1, 0.4), "more", 10.0)
    assert (sure.per_recovered, sure.least, sure.most) == (50.0, 25.0, 100.0)
    assert money(Interval(-0.2, -0.4, -0.1), "fewer", 10.0) == sure
    unsure = money(Interval(0.1, -0.1, 0.25), "more", 10.0)
    assert (unsure.per_recovered, unsure.least, unsure.most) == (None, 40.0, None)
    assert money(Interval(-0.2, -0.3, -0.1), "more", 10.0).least is None, "it costs, and drives them away"


# --- from end to end -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Events in which a voucher brings back 40 of 100 more, and what `touchstone decide` makes of them."""
    events, decided = (tmp_path_factory.mktemp("uplift") / name for name in ("events.jsonl", "decided.jsonl"))
    truth = Truth(back=(0.2, 0.6), level=(4.0, 7.0), answers=0.7)
    records = world(read_pack(EXAMPLE), "offer_compensation", truth, customers=260, days=30, seed=11)
    events.write_text("".join(json.dumps(to_json(one)) + "\n" for one in records), encoding="utf-8")
    done = CliRunner().invoke(app, ["decide", str(events), "--pack", str(EXAMPLE), "--json"])
    assert (done.exit_code, '"reason":"holdout"' in done.stdout) == (0, True)
    decided.write_text(done.stdout, encoding="utf-8")
    return events, decided


def told(*arguments: object) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["uplift", *map(str, arguments), "--pack", str(EXAMPLE), "--json"])
    assert done.exit_code == 0, done.output + str(done.exception)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_known_effect_is_found_from_decide_to_uplift(files: tuple[Path, Path]) -> None:
    document = told(*files)
    assert document == told(files[0]), "without decisions they are made by the pack"
    (experiment,) = document["experiments"]
    assert (experiment["experiment"], experiment["rules"]) == ("voucher", ["offer_compensation"])
    assert experiment["treated"] + experiment["held_out"] == 260
    assert experiment["notes"] == []
    rows = {row["outcome"]: row for row in experiment["effects"]}
    assert rows["back"]["verdict"] == rows["gone"]["verdict"] == "better"
    assert rows["back"]["low"] <= 0.4 <= rows["back"]["high"]
    assert rows["asked_for_help"]["verdict"] == "open"
    assert rows["asked_for_help"]["low"] <= 0.0 <= rows["asked_for_help"]["high"]
    assert rows["score"]["low"] <= 3.0 <= rows["score"]["high"]
    money = rows["back"]["money"]
    assert 9.0 < money["per_customer"] <= 10.0
    assert money["per_recovered"] == pytest.approx(money["per_customer"] / rows["back"]["effect"])


def test_what_one_would_have_seen_earlier(files: tuple[Path, Path]) -> None:
    """After a fortnight nobody's four weeks are over: nothing is concluded, and it says how many are needed."""
    (experiment,) = told(*files, "--until", "2026-03-15T09:00:00Z")["experiments"]
    rows = {row["outcome"]: row for row in experiment["effects"]}
    assert (rows["back"]["verdict"], rows["back"]["treated"], rows["back"]["effect"]) == ("too few", 0, None)
    assert rows["back"]["needed"] > 260


def test_the_table_teaches(files: tuple[Path, Path]) -> None:
    arguments = ["uplift", *map(str, files), "--pack", str(EXAMPLE), "--cost", "offer_compensation=1.5"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    for words in ("voucher (offer_compensation)", "back (more is better)", "on any day", "EUR a recovered one", "open"):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--cost", "offer_compensation"), "not RULE=AMOUNT"),
        (("--cost", "nothing=1"), "no action 'nothing'"),
        (("--score-within", "fourteen"), "write 14d"),
        (("--since", "yesterday"), "--since"),
    ],
)
def test_what_cannot_be_asked(files: tuple[Path, Path], arguments: tuple[str, ...], says: str) -> None:
    done = CliRunner().invoke(app, ["uplift", *map(str, files), "--pack", str(EXAMPLE), *arguments])
    assert done.exit_code != 0
    assert says in str(done.exception)


def test_nobody_was_held_out(files: tuple[Path, Path]) -> None:
    done = CliRunner().invoke(app, ["uplift", *map(str, files), "--pack", "retail"])
    assert (done.exit_code, "nobody was held out" in str(done.exception)) == (1, True)


def test_revisions_retractions_and_repeats_count_once() -> None:
    document = {
        "record": "holdout", "action_id": "x", "revision": 1, "subject_type": "customer", "subject_id": "c",
        "decided_at": START, "experiment": "e", "share": 0.2, "salt": "s", "kind": "k", "audience": "care",
        "step": "listen", "origin": "said", "score": 0.5, "emit": "now", "occasion": "o", "rule": "r",
        "rule_version": "v", "pack": "p", "pack_version": "v",
    }  # fmt: skip
    again = document | {"revision": 2, "decided_at": START - DAY}
    gone = document | {"action_id": "y"}
    taken = gone | {"revision": 2, "retracted": True}
    visit = {
        "record": "touchpoint",
        "event_id": "t",
        "subject_type": "customer",
        "subject_id": "c",
        "occurred_at": START,
        "touchpoint": "payment",
    }
    update = {
        "record": "action_update",
        "event_id": "u",
        "subject_type": "customer",
        "subject_id": "c",
        "occurred_at": START,
        "action_id": "x",
        "status": "compensated",
        "cost": "3",
    }
    rows = of_records(from_json(one) for one in (again, document, taken, gone, visit, visit, update, update))
    assert [(one.action_id, one.at, one.held_for) for one in rows.deeds] == [("x", START - DAY, "e")]
    assert (len(rows.visits), rows.costs, rows.ends_at) == (1, {"x": 3.0}, START)
