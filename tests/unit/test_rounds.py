"""Steps 5 to 7: the course's example comes out as it is told, verdicts follow from results, errors name their line."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from streams.cli import app
from streams.connect.level_table import read_levels
from streams.connect.rounds_file import read_rounds
from streams.errors import UserError
from streams.experience.rounds import Initiative, Need, Round, Rounds, Stage, play, verdict
from streams.packs_folder import files
from streams.settings import Settings

EXAMPLES = Path(__file__).parents[2] / "examples"
LEVELS = read_levels(EXAMPLES / "gap-levels.csv")


def initiative(*results: float | None, **fields: object) -> Initiative:
    stages = [Stage(what=f"stage {number}", result=result) for number, result in enumerate(results, 1)]
    return Initiative(**{"need": "n", "measure": "revenue", "baseline": 2.0, "stages": stages, **fields})  # type: ignore[arg-type]


def test_the_courses_shops() -> None:
    first, second = play(read_rounds(EXAMPLES / "gap-rounds.yaml"), LEVELS)
    [found] = first.verdicts
    assert (found.decision, found.what, found.times, found.more) == ("adopt", "four shops in the street", 4.0, True)
    assert (first.table.key, first.means, first.means_next) == ("convenience", ["relationship"], ["convenience"])
    assert (second.means, second.again) == (["convenience"], ["convenience"])


@pytest.mark.parametrize(
    ("one", "decision", "best"),
    [
        (initiative(None, None), "planned", None),
        (initiative(3, None), "running", 0),
        (initiative(3, 4, 3.5), "adopt", 1),
        (initiative(1, 2), "stop", 1),
        (initiative(3, 1, better="lower"), "adopt", 1),
        (initiative(3, worth=0.5), "adopt", 0),
        (initiative(2.9, worth=0.5), "stop", 0),
        (initiative(4, stages=[Stage(what="a", result=4), Stage(what="b", more_than=4)]), "adopt", 1),
        (initiative(4, better="lower", stages=[Stage(what="a", result=1), Stage(what="b", more_than=1)]), "adopt", 0),
    ],
)
def test_verdicts_follow_from_results(one: Initiative, decision: str, best: int | None) -> None:
    found = verdict("i", one, "row")
    assert (found.decision, found.best) == (decision, best)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=6), st.floats(-100, 100))
def test_what_is_adopted_is_the_best_and_better_than_before(results: list[float], baseline: float) -> None:
    found = verdict("i", initiative(*results, baseline=baseline), "row")
    assert found.best is not None
    assert results[found.best] == max(results)
    assert (found.decision == "adopt") == (max(results) > baseline)


def test_the_next_round_goes_on_from_what_was_reached() -> None:
    needs = {"n": Need(row="convenience", cause="c", owner="o")}
    first = Round(needs=needs, initiatives={"i": initiative(3, experience_after=9.0)})
    one, two = play(Rounds(rounds=[first, Round()]), LEVELS)
    assert (one.table.key, two.table.key, two.again) == ("convenience", "product", [])
    assert next(row.experience for row in two.table.rows if row.name == "convenience") == 9.0


GOOD = """\
rounds:
  - needs:
      shops: {row: convenience, cause: too few, owner: expansion}
    initiatives:
      open: {need: shops, measure: revenue, baseline: 1, stages: [{what: two, result: 2}]}
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("row: convenience, ", "", ":3:7: Object missing required field `row`"),
        ("cause:", "caus:", "did you mean 'cause'?"),
        ("need: shops", "need: shop", ":5:14: no need 'shop' in this round; it has shops"),
        ("owner: expansion", "owner: e, fit: {people: against}", "goes against the company's people"),
        ("owner: expansion", "owner: e, fit: {people: maybe}", "none of fits, to_build, against"),
        ("[{what: two, result: 2}]", "[]", "one stage at least"),
        ("result: 2}", "result: 2, more_than: 1}", "say either result or more_than"),
        ("[{what: two, result: 2}", "[{what: one}, {what: two, result: 2}", "the stage before it has none"),
        ("baseline: 1,", "baseline: 1, worth: -1,", "cannot be negative"),
        ("baseline: 1,", "baseline: 1, experience_after: 11,", "is not between 0 and 10"),
        ("- needs:", "- means: [a, b\n    needs:", "expected"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "mine.rounds.yaml"
    path.write_text(GOOD)
    assert len(read_rounds(path).rounds) == 1
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(UserError) as error:
        read_rounds(path)
    assert told in error.value.what
    assert f"{path}:" in error.value.what


def test_a_round_cannot_start_from_somewhere_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.rounds.yaml"
    path.write_text(GOOD + "  - means: [price]\n")
    with pytest.raises(UserError, match="starts with price, but the one before has come to convenience"):
        read_rounds(path)


def test_the_command_shows_rounds_and_finds_them_beside_a_pack(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("pack: mine\ninherits: retail\ndescription: mine.\n")
    (tmp_path / "mine.rounds.yaml").write_text(GOOD)
    levels = ["gap", str(EXAMPLES / "gap-levels.csv"), "--levels"]
    shown = CliRunner().invoke(app, [*levels, "--rounds", str(EXAMPLES / "gap-rounds.yaml")]).output
    assert "verdict: adopt: four shops in the street" in shown
    assert "the next round starts with convenience as what the brand stands for" in shown
    told = json.loads(CliRunner().invoke(app, [*levels, "--pack", str(tmp_path / "mine.yaml"), "--json"]).output)
    assert [(one["number"], one["means_next"]) for one in told["rounds"]] == [(1, ["convenience"])]
    assert told["rounds"][0]["verdicts"][0]["decision"] == "adopt"
    (tmp_path / "mine.rounds.yaml").write_text(GOOD.replace("convenience", "speed"))
    wrong = CliRunner().invoke(app, [*levels, "--pack", str(tmp_path / "mine.yaml")])
    assert isinstance(wrong.exception, UserError)
    assert "need 'shops' is of row 'speed', and the table has price" in wrong.exception.what


def test_rounds_in_the_folder_of_packs_are_no_pack(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("pack: mine\ninherits: retail\ndescription: mine.\n")
    (tmp_path / "mine.rounds.yaml").write_text(GOOD)
    assert [path.name for path in files(Settings(core_packs=tmp_path)) if path.parent == tmp_path] == ["mine.yaml"]
