"""Calibration: curves that say what was said, on answers that they have not seen; the score that is calibrated is inferred alone."""

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from schemas.decisions import Action, Experience
from schemas.json_form import from_json
from streams.cli import app
from streams.errors import UserError
from streams.experience.controls import first_pack
from streams.experience.pack import Calibration
from streams.experience.pack_checks import check
from streams.experience.pack_compile import PackErrors, compile_pack
from streams.experience.score import dissatisfaction, share
from streams.experience.state import Sign
from streams.experience.surroundings import Limits
from streams.packs_folder import read_pack
from streams.replay.answers import collect, coverage, muted
from streams.replay.calibration import Asked, brier, fit, fit_both, off, predicted, reliability, split, wilson
from streams.replay.decide import Decider
from tests.builders import PACKS, SECOND, START, pack, whole_pack

HOUR = 3600 * SECOND


def answers(count: int, truth: Any, seed: int = 1) -> list[Asked]:
    """Customers who say so with a probability that is a function of the score."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        score = rng.uniform(0.02, 0.98)
        found.append(Asked(f"c{number}", number, score, rng.random() < truth(score)))
    return found


@pytest.mark.parametrize("method", ["isotonic", "logistic"])
def test_a_curve_finds_the_truth(method: Any) -> None:
    curve = fit(answers(6000, lambda score: 0.1 + 0.5 * score), method)
    for score in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert share(score, curve) == pytest.approx(0.1 + 0.5 * score, abs=0.06)


@pytest.mark.parametrize("method", ["isotonic", "logistic"])
def test_what_was_not_seen_is_predicted_better_than_by_the_score_as_it_comes(method: Any) -> None:
    asked = answers(1500, lambda score: score**3)
    raw, fitted = [one.score for one in asked], predicted(asked, method)
    assert off(reliability(asked, fitted)) < 0.05 < off(reliability(asked, raw))
    assert brier(asked, fitted) < brier(asked, raw)


@pytest.mark.parametrize("method", ["isotonic", "logistic", None])
def test_two_sorts_of_answers_get_a_curve_each(method: Any) -> None:
    """The same score means much where the contact itself went wrong, and little where only earlier ones did."""
    contact = answers(400, lambda score: 0.3 + 0.6 * score)
    earlier = [one._replace(customer=f"e{one.at}", earlier=True) for one in answers(400, lambda _: 0.05, seed=2)]
    asked = [*contact, *earlier]
    both = fit_both(asked, method, two=split(asked))
    assert both.contact[-1][1] > 0.7
    assert both.contact[0] == (0.0, 0.0), "what has faded to nothing means nothing"
    assert both.earlier is not None
    assert both.earlier[-1][1] < 0.15
    assert [both.says(one) == share(one.score, both.contact) for one in asked] == [not one.earlier for one in asked]
    together = [one._replace(earlier=False) for one in asked]
    assert brier(asked, predicted(asked, method)) < brier(together, predicted(together, method)) - 0.05


def test_one_curve_is_for_all_where_two_cannot_be_learnt() -> None:
    contact = answers(300, lambda score: score)
    few = [one._replace(earlier=True) for one in answers(49, lambda _: 0.1, seed=2)]
    assert not split([*contact, *few])
    assert fit_both([*contact, *few], None, two=False) == (fit([*contact, *few], "isotonic"), None)
    nobody = [one._replace(earlier=True) for one in answers(50, lambda _: 0.0, seed=2)]
    assert split([*contact, *nobody]), "that nobody is unhappy is worth knowing"
    assert not split([one._replace(earlier=not one.earlier) for one in [*contact, *nobody]])


def test_a_curve_that_would_fall_is_level_at_the_share_of_all() -> None:
    asked = answers(150, lambda score: 0.5 - 0.4 * score)
    said = sum(one.unhappy for one in asked) / len(asked)
    assert [part for _, part in fit(asked, "logistic")] == pytest.approx([said, said], abs=0.01)


def test_no_relation_is_no_relation() -> None:
    for method in ("isotonic", "logistic"):
        curve = fit(answers(3000, lambda _: 0.4), method)  # type: ignore[arg-type]
        assert all(abs(part - 0.4) < 0.12 for _, part in curve)


def test_an_answer_is_predicted_without_its_customer() -> None:
    """All that one customer has said lies in one fold: copies of one answer do not predict each other."""
    asked = [Asked("loud", number, 0.9, True) for number in range(200)]
    asked += [Asked(f"c{number}", number, 0.9, False) for number in range(200)]
    mine = [p for p, one in zip(predicted(asked, "isotonic"), asked, strict=True) if one.customer == "loud"]
    assert max(mine) < 0.05


SOME = st.lists(st.tuples(st.floats(0.0, 1.0, allow_subnormal=False), st.booleans()), min_size=1, max_size=120).filter(
    lambda pairs: any(score > 0 for score, _ in pairs)
)


@settings(deadline=None)
@given(SOME, st.sampled_from(["isotonic", "logistic"]))
def test_any_curve_can_stand_in_a_pack(pairs: list[tuple[float, bool]], method: Any) -> None:
    curve = fit([Asked(f"c{number}", number, *pair) for number, pair in enumerate(pairs)], method)
    calibration = Calibration(inferred=list(curve))
    assert list(check(msgspec.structs.replace(pack().file, calibration=calibration))) == []
    grid = [share(number / 50, curve) for number in range(51)]
    assert grid == sorted(grid)
    assert grid[0] == 0.0
    assert grid[-1] <= 1.0


def test_wilsons_interval() -> None:
    least, most = wilson(8, 10)
    assert (round(least, 3), round(most, 3)) == (0.490, 0.943)  # as in the literature
    assert wilson(0, 5)[0] == 0.0
    assert wilson(5, 5)[1] == 1.0


def test_the_table_holds_every_answer_once() -> None:
    asked = answers(500, lambda score: score)
    rows = reliability(asked, [1.0 if one.score > 0.9 else one.score for one in asked])
    assert sum(row.answers for row in rows) == 500
    assert all(row.least <= row.said <= row.most and row.low <= row.predicted <= row.high for row in rows)


# --- the score ----------------------------------------------------------------------------------------------------


def sign(weight: float, *, said: bool, at: int = 0) -> Sign:
    return Sign("s", "j", "t", "c", "e", 0, 0, 0, at, weight, 1e12, said, None, None, None, "")


SIGNS = st.lists(st.builds(sign, st.floats(0.02, 1.0), said=st.booleans()), max_size=6)


@given(SIGNS)
def test_a_curve_that_says_nothing_new_changes_nothing(signs: list[Sign]) -> None:
    straight = ((0.0, 0.0), (1.0, 1.0))
    assert dissatisfaction(signs, None, 1, straight) == pytest.approx(dissatisfaction(signs, None, 1), abs=1e-9)


@given(SIGNS, st.floats(0.0, 1.0))
def test_what_was_said_is_never_calibrated(signs: list[Sign], part: float) -> None:
    said = [one for one in signs if one.said]
    curve = ((0.1, part / 2), (0.9, part))
    assert dissatisfaction(said, None, 1, curve) == pytest.approx(dissatisfaction(said, None, 1), abs=1e-9)
    inferred = dissatisfaction([one for one in signs if not one.said], None, 1)
    whole = 1.0 - (1.0 - dissatisfaction(said, None, 1)) * (1.0 - share(inferred, curve))
    assert dissatisfaction(signs, None, 1, curve) == pytest.approx(whole, abs=1e-9)


def test_between_the_points_are_lines_and_beyond_them_is_a_level() -> None:
    curve = ((0.2, 0.1), (0.6, 0.5))
    assert [round(share(score, curve), 6) for score in (0.0, 0.001, 0.2, 0.3, 0.6, 1.0)] == [
        0.0,
        0.1,
        0.1,
        0.2,
        0.5,
        0.5,
    ]


@pytest.mark.parametrize("name", ["inferred", "earlier"])
@pytest.mark.parametrize(
    ("points", "told"),
    [
        ("[[0.1, 0.2]]", "two points"),
        ("[[0.1, 0.2], [0.1, 0.3]]", "does not ascend"),
        ("[[0.1, 0.2], [0.3, 0.1]]", "does not ascend"),
        ("[[0.1, 0.2], [0.3, 1.1]]", "outside 0 to 1"),
        ("[[0.1, 0.2], [0.3]]", ""),
    ],
)
def test_a_curve_that_is_none_is_refused(name: str, points: str, told: str) -> None:
    good = "" if name == "inferred" else "  inferred: [[0.1, 0.2], [0.3, 0.4]]\n"
    text = whole_pack("retail") + f"calibration:\n{good}  {name}: {points}\n"
    with pytest.raises(PackErrors) as refused:
        compile_pack(text, "mine.yaml")
    assert refused.value.errors[0].startswith(f"mine.yaml:{text.count(chr(10))}:")
    assert told in refused.value.errors[0]


# --- what it is learnt from ---------------------------------------------------------------------------------------


def event(record: str, number: int, at: int, subject: str = "anna", **fields: Any) -> Any:
    known = {"event_id": f"{subject}/{number}", "subject_type": "customer", "subject_id": subject}
    return from_json({"record": record, **known, "occurred_at": START + at * SECOND, **fields})


def test_the_inferred_score_knows_nothing_of_what_was_said() -> None:
    failed = event("touchpoint", 1, 60, touchpoint="payment", outcome="failure")
    asked = event("feedback", 3, 180, touchpoint="payment", kind="ces", score=2, scale_min=1, scale_max=7)
    complaint = event("feedback", 2, 120, touchpoint="payment", kind="complaint", text="terrible")
    delight = event("feedback", 2, 120, touchpoint="payment", kind="praise", text="great")
    limits = Limits(HOUR, 500)
    [alone] = collect([failed, asked], pack(), limits, 4.0).asked
    assert alone.score == pytest.approx(0.2, abs=0.002)
    assert alone.unhappy
    for said in (complaint, delight):
        found = collect([failed, said, asked], pack(), limits, 4.0)
        assert found.asked == [alone], "who complains or praises was not asked, and does not predict"
    again = collect([failed, asked], compile_pack(whole_pack() + CURVE, "mine"), limits, 4.0)
    assert again.asked == [alone], "nor does a calibration that is there already"


CURVE = "calibration: {inferred: [[0.1, 0.4], [0.9, 0.9]]}\n"


TWO_CURVES = "calibration: {inferred: [[0.1, 0.7], [0.9, 0.9]], earlier: [[0.1, 0.02], [0.9, 0.04]]}\n"


def _as_of(rows: list[Any], calibration: str) -> tuple[list[float], list[float]]:
    """Scores as of the contacts that answers are about, and those of actions."""
    one = compile_pack(whole_pack() + calibration, "mine")
    decider = Decider(one, Limits(HOUR, 500))
    decider.control(first_pack(one))
    for row in rows:
        decider.take(row)
    decided = decider.decided
    experiences = {one.event_id: one.context.score for one in decided if isinstance(one, Experience)}
    return [*experiences.values()], [one.score for one in decided if isinstance(one, Action)]


def test_an_answer_is_judged_by_what_the_contact_itself_was_like() -> None:
    failed = event("touchpoint", 1, 60, touchpoint="payment", outcome="failure")
    at_once = event("feedback", 2, 90, touchpoint="payment", kind="nps", score=2)
    went_well = event("touchpoint", 3, 120, touchpoint="checkout", outcome="success")
    later = event("feedback", 4, 180, touchpoint="checkout", kind="nps", score=9)
    about_it = event("feedback", 5, 240, touchpoint="payment", kind="nps", score=2, about_event_id="anna/1")
    rows = [failed, at_once, went_well, later, about_it]
    limits = Limits(HOUR, 500)
    assert [one.earlier for one in collect(rows, pack(), limits, 4.0).asked] == [False, False, True]
    ((first, second, third), _) = _as_of(rows, TWO_CURVES)
    assert first == pytest.approx(0.725, abs=0.01)
    # what was said at once counts on, beside what the curve of earlier contacts says of the failure
    quiet = [failed, went_well, later]
    assert _as_of(quiet, TWO_CURVES)[0] == [pytest.approx(0.025, abs=0.005)]
    one_curve = "calibration: {inferred: [[0.1, 0.7], [0.9, 0.9]]}\n"
    assert _as_of(quiet, one_curve)[0] == [pytest.approx(0.725, abs=0.01)]
    assert second < third


def test_an_answer_about_what_was_promised_there_counts_the_broken_promise() -> None:
    """Nothing went wrong at the delivery itself, but it came late: its answer is about that."""
    ordered = event("touchpoint", 1, 0, touchpoint="payment", outcome="success", matter="o-1", promised_at=START + HOUR)
    brought = event("touchpoint", 2, 3 * 3600, touchpoint="delivery", outcome="success", matter="o-1")
    fetched = event("touchpoint", 3, 4 * 3600, touchpoint="pickup", outcome="success", matter="o-1")
    for contact, touchpoint, earlier in ((brought, "delivery", False), (fetched, "pickup", True)):
        asked = event(
            "feedback", 9, 5 * 3600, touchpoint=touchpoint, kind="nps", score=2, about_event_id=contact.event_id
        )
        [one] = collect([ordered, brought, fetched, asked], pack(), Limits(6 * HOUR, 500), 4.0).asked
        assert one.earlier == earlier


def test_episodes_and_actions_go_by_the_contacts_that_went_wrong() -> None:
    rows = [event("touchpoint", number, number * 30, touchpoint="payment", outcome="failure") for number in range(3)]
    one_curve = "calibration: {inferred: [[0.1, 0.7], [0.9, 0.9]]}\n"
    assert _as_of(rows, TWO_CURVES) == _as_of(rows, one_curve) != ([], [])


def test_an_answer_without_evidence_is_counted_apart() -> None:
    happy = event("feedback", 1, 60, touchpoint="payment", kind="nps", score=9)
    staff = event("feedback", 1, 60, "ben", touchpoint="payment", kind="nps", score=1, respondent="staff")
    seen = event("touchpoint", 2, 30, "cyd", touchpoint="payment", outcome="failure")
    found = collect([seen, happy, staff], pack(), Limits(HOUR, 500), 4.0)
    assert (found.asked, [one.unhappy for one in found.without]) == ([], [False])
    assert (found.customers, found.contacts) == (1, 1)
    assert {who: round(peak, 2) for who, peak in found.peaks.items()} == {"cyd": 0.2}
    assert [(row.customers, row.answered) for row in coverage(found)] == [(0, 0), (1, 0), (0, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize("path", sorted(PACKS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_pack_can_be_muted(path: Path) -> None:
    quiet = muted(read_pack(path), opens_at=0.011)
    assert quiet.file.actions == {}
    assert quiet.file.treatment.opens_at == 0.011


# --- the command --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers whose payment failed once or three times, and what they said when they were asked."""
    rng = random.Random(7)
    rows = []
    for number in range(240):
        fails = 1 if number % 2 else 3
        who = {"subject_type": "customer", "subject_id": f"c{number}"}
        at = START + number * 600 * SECOND
        for nth in range(fails):
            event_ = {"touchpoint": "payment", "outcome": "failure", "event_id": f"t{number}-{nth}"}
            rows.append({"record": "touchpoint", **who, **event_, "occurred_at": at + nth * 30 * SECOND})
        score = 1 if rng.random() < (0.1 if fails == 1 else 0.6) else 9
        said = {"kind": "nps", "score": score, "touchpoint": "payment", "event_id": f"f{number}"}
        rows.append({"record": "feedback", **who, **said, "occurred_at": at + 120 * SECOND})
    path = tmp_path_factory.mktemp("calibrate") / "morning.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_fragment_goes_into_a_pack_and_decides(morning: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["calibrate", str(morning), "--pack", "retail"])
    assert done.exit_code == 0, done.output
    mine = tmp_path / "mine.yaml"
    mine.write_text("pack: mine\ninherits: retail\ndescription: Calibrated.\n" + done.stdout, encoding="utf-8")
    calibrated = read_pack(mine)
    assert calibrated.file.calibration is not None
    assert calibrated.file.calibration.answers == 240
    assert calibrated.curve is not None
    assert share(0.2, calibrated.curve) == pytest.approx(0.1, abs=0.06)
    assert share(0.7, calibrated.curve) == pytest.approx(0.6, abs=0.09)
    scores = {}
    for one in (pack(), calibrated):
        decider = Decider(one, Limits(HOUR, 500))
        decider.control(first_pack(one))
        for number in range(3):
            decider.take(event("touchpoint", number, number * 30, touchpoint="payment", outcome="failure"))
        decider.take(event("feedback", 9, 200, touchpoint="payment", kind="complaint"))
        scores[one.name] = [each.score for each in decider.decided if isinstance(each, Action)]
    assert scores["mine"] != scores["retail"]
    assert all(0.0 < score < 1.0 for score in scores["mine"])


def test_the_tables_go_to_stderr_and_all_of_it_into_json(morning: Path) -> None:
    done = CliRunner().invoke(app, ["calibrate", str(morning), "--pack", "retail"])
    assert done.stdout.startswith("# By `touchstone calibrate` for retail ")
    assert "have answered" in done.stderr
    told = json.loads(CliRunner().invoke(app, ["calibrate", str(morning), "--json"]).stdout)
    assert (told["answers"], told["customers_answered"], told["customers"], told["method"]) == (
        240,
        240,
        240,
        "isotonic",
    )
    assert told["fitted"]["off"] < told["raw"]["off"]
    assert sum(row["answered"] for row in told["coverage"]) == 240
    assert told["own"] is None
    small = json.loads(
        CliRunner().invoke(app, ["calibrate", str(morning), "--json", "--until", "2026-03-03T00:00:00Z"]).stdout
    )
    assert (small["method"], small["answers"]) == ("logistic", 84)


def test_too_few_answers_are_refused(morning: Path) -> None:
    done = CliRunner().invoke(app, ["calibrate", str(morning), "--until", "2026-03-02T12:00:00Z"])
    assert isinstance(done.exception, UserError)
    assert "too few answers: 12" in done.exception.what
    assert int(done.exception.exit_code) == 1
    all_happy = CliRunner().invoke(app, ["calibrate", str(morning), "--unhappy-at-most", "0"])
    assert "0 of them unhappy" in str(all_happy.exception)
