"""`touchstone packs test`: the built-in packs do what is expected of them; every way to differ is told; and `packs new` starts well."""

import json
import random
import shutil
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from schemas.events import Event
from streams import packs_schema
from streams.cli import app
from streams.commands.decide import advance, run_file
from streams.connect.files import read_records
from streams.connect.rows import Row
from streams.errors import UserError
from streams.experience.yaml_places import load
from streams.packs_folder import read_pack
from streams.replay.scenario import Line, came, compare, expected_of, read_expected, scenario_of
from streams.settings import Settings
from tests.builders import PACKS, whole_pack

BUILT_IN = sorted(PACKS.glob("*.yaml"))
LATE_SECONDS = 58  # just within the shortest settling time of all packs, 60 s


def packs(*words: object) -> Result:
    return CliRunner().invoke(app, ["packs", *map(str, words)])


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: path.stem)
def test_a_built_in_pack_does_what_is_expected(path: Path) -> None:
    done = packs("test", path)
    assert done.exit_code == 0, done.output
    expected = read_expected(expected_of(path)).lines
    assert done.output == f"{path.stem}: {len(expected)} actions, as expected\n"


def arrived(path: Path, order: str, rng: random.Random) -> list[Row]:
    """The scenario as it might arrive: `late`, each event by less than the shortest settling time and some of them once more, an
    hour later; `shuffled`, a file in any order, each line twice (it is sorted by event time before it is judged)."""
    rows = list(read_records(scenario_of(path)))
    if order == "shuffled":
        twice = rows * 2
        rng.shuffle(twice)
        return twice
    arrivals = [(at(row) + rng.randrange(LATE_SECONDS * 1_000_000), row) for row in rows]
    arrivals += [(at(row) + 3000 * 1_000_000, row) for row in rng.sample(rows, len(rows) // 3)]
    return [row for _, row in sorted(arrivals, key=lambda one: one[0])]


def at(row: Row) -> int:
    assert isinstance(row.record, Event)
    return row.record.occurred_at


@pytest.mark.parametrize("order", ["late", "shuffled"])
@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: path.stem)
def test_late_doubled_and_shuffled_the_scenario_of_a_built_in_pack_ends_the_same(path: Path, order: str) -> None:
    expected = read_expected(expected_of(path))
    for seed in range(2):
        rows = arrived(path, order, random.Random(seed))
        decider, refused = run_file(rows, path, Settings(), str(path), as_is=order == "late")
        advance(decider, expected.until)
        assert not refused
        assert compare(expected, came(decider.decided), decider.decided) == []


NEEDS_NO_RECEIPT = ("episode_opened", "episode_worsened", "signal", "response_missed")


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: path.stem)
def test_the_scenario_of_a_built_in_pack_fires_every_rule_that_needs_no_receipt(path: Path) -> None:
    fired = {line.rule for _, line in read_expected(expected_of(path)).lines}
    rules = {name for name, rule in read_pack(path).file.actions.items() if rule.on in NEEDS_NO_RECEIPT}
    assert rules - fired == set()


def test_all_packs_with_a_scenario_are_tested() -> None:
    done = packs("test")
    assert done.exit_code == 0, done.output
    assert [line.partition(":")[0] for line in done.output.splitlines()] == [path.stem for path in BUILT_IN]


@pytest.fixture
def garage(tmp_path: Path) -> Path:
    done = packs("new", "garage", "--in", tmp_path)
    assert done.exit_code == 0, done.output
    return tmp_path / "garage.yaml"


def test_a_new_pack_is_whole_and_does_what_is_expected(garage: Path) -> None:
    assert packs("check", garage).exit_code == 0
    assert packs("test", garage).output == "garage: 6 actions, as expected\n"
    assert sorted(path.name for path in garage.parent.iterdir()) == [
        "garage.expected.jsonl",
        "garage.scenario.jsonl",
        "garage.yaml",
        "pack.schema.json",
    ]
    assert "new_pack" not in garage.read_text(encoding="utf-8")


def test_new_overwrites_nothing(garage: Path) -> None:
    garage.write_text("mine", encoding="utf-8")
    again = packs("new", "garage", "--in", garage.parent)
    assert isinstance(again.exception, UserError)
    assert garage.read_text(encoding="utf-8") == "mine"
    for name in ("Garage", "../garage", "g" * 65):
        assert isinstance(packs("new", name, "--in", garage.parent).exception, UserError)


def lines(garage: Path) -> list[str]:
    return expected_of(garage).read_text(encoding="utf-8").splitlines()


def expect(garage: Path, *written: str) -> Result:
    expected_of(garage).write_text("\n".join(written) + "\n", encoding="utf-8")
    return packs("test", garage)


def test_a_missing_action_is_told_with_the_line_that_expects_it(garage: Path) -> None:
    done = expect(garage, *lines(garage), '{"subject": "ben", "rule": "call_back"}')
    assert done.exit_code == 1
    assert f"- missing    ben: call_back  {expected_of(garage)}:8" in done.output
    assert done.output.startswith("garage: 1 difference(s)\n")


def test_a_missing_action_is_told_with_the_reason_for_which_it_lost(garage: Path) -> None:
    text = garage.read_text(encoding="utf-8")
    garage.write_text(text.replace("actions:\n", "actions:\n  say_sorry: {consent: service}\n"), encoding="utf-8")
    done = packs("test", garage)
    assert done.exit_code == 1
    assert "- missing    anna: say_sorry" in done.output
    assert "it lost: consent" in done.output


def test_an_unexpected_action_is_told_with_its_grounds(garage: Path) -> None:
    done = expect(garage, *lines(garage)[:-1])
    assert done.exit_code == 1
    assert "+ unexpected ben: sales_follow_up at 2026-03-02T12:10:00Z" in done.output
    assert "said 0.0, because of delighted: – is delighted with the job" in done.output


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"score": 0.5', '"score": 0.6', "score: expected 0.6, came 0.5"),
        ('["not_ready"]', '["failure"]', "because: expected failure, came not_ready"),
        ("11:00:00.000001Z", "11:00:00Z", "at: expected 2026-03-02T11:00:00Z, came 2026-03-02T11:00:00.000001Z"),
        ('"kind": "call_back"', '"kind": "call_back", "amount": "5"', "amount: expected 5, came nothing"),
        ("Call back and listen", "Call", "Call., came Anna is unhappy"),
    ],
)
def test_a_field_that_differs_is_told(garage: Path, old: str, new: str, told: str) -> None:
    first, call, *others = lines(garage)
    done = expect(garage, first, call.replace(old, new, 1), *others)
    assert done.exit_code == 1
    assert "~ different  anna: call_back at" in done.output
    assert told in done.output


def test_a_line_may_leave_out_what_it_does_not_care_about(garage: Path) -> None:
    short = [json.dumps({"rule": one["rule"], "subject": one["subject"]}) for one in map(json.loads, lines(garage)[1:])]
    assert expect(garage, *reversed(short)).exit_code == 0
    assert expect(garage, '{"until": "+1m"}', *short).exit_code == 1, "escalations come later than that"


def test_write_keeps_what_follows_now(garage: Path) -> None:
    before = lines(garage)
    expected_of(garage).unlink()
    assert "packs test --write" in packs("test", garage).exception.fix  # type: ignore[union-attr]
    assert packs("test", garage, "--write").exit_code == 0
    assert lines(garage) == before
    assert packs("test", garage, "--write", "--until", "+1m").exit_code == 0
    assert len(lines(garage)) < len(before)
    assert packs("test", garage, "--write").exit_code == 0, "the time that the file says stays"
    assert lines(garage)[0] == '{"until": "+1m"}'


@pytest.mark.parametrize("line", ["{", '{"rule": "x"}', '{"rule": "x", "subject": "y", "scor": 1}', '{"rule":"x","subject":"y","at":"noon"}'])  # fmt: skip
def test_a_line_that_cannot_be_read_is_told(garage: Path, line: str) -> None:
    done = expect(garage, lines(garage)[0], line)
    assert isinstance(done.exception, UserError)
    assert done.exception.what.startswith(f"{expected_of(garage)}:2: ")
    assert "subject, rule" in done.exception.fix


def test_a_scenario_with_a_bad_row_is_no_scenario(garage: Path) -> None:
    with scenario_of(garage).open("a", encoding="utf-8") as file:
        file.write('{"record": "feedback"}\n')
    done = packs("test", garage)
    assert isinstance(done.exception, UserError)
    assert f"{scenario_of(garage)}:6: feedback:" in done.exception.what
    scenario_of(garage).unlink()
    assert "has no scenario" in packs("test", garage).exception.what  # type: ignore[union-attr]


def test_for_machines(garage: Path) -> None:
    done = expect(garage, *lines(garage)[:-1])
    assert done.exit_code == 1
    [told] = json.loads(packs("test", garage, "--json").stdout)
    [one] = told["differences"]
    assert (one["what"], one["action"]["subject"], one["action"]["rule"]) == ("unexpected", "ben", "sales_follow_up")


def test_every_field_of_a_line_is_compared() -> None:
    assert set(Line.__struct_fields__) >= {"at", "audience", "kind", "channel", "origin", "amount", "due_at", "text"}


VALIDATOR = jsonschema.Draft7Validator(packs_schema.schema())


def schema_errors(text: str) -> list[str]:
    return sorted(error.json_path for error in VALIDATOR.iter_errors(load(text, "x.yaml")[0]))


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(packs_schema.schema())


@pytest.mark.parametrize("path", [*BUILT_IN, PACKS / "new" / "new_pack.yaml"], ids=lambda path: path.stem)
def test_the_schema_takes_the_packs_and_they_name_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert schema_errors(text) == []
    assert text.startswith(f"# yaml-language-server: $schema={packs_schema.FILE}\n")


def test_the_schema_takes_what_stands_alone() -> None:
    assert schema_errors(whole_pack("retail")) == []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("pack: x\ninherits: standard\ndescription: d\ncolour: red\n", "$"),
        ("pack: x\ninherits: standard\ndescription: d\nsignals: {a: {on: phone}}\n", "$.signals.a"),
        ("pack: x\ninherits: standard\ndescription: d\ntreatment: {opens_at: high}\n", "$.treatment"),
        ("pack: x\ninherits: standard\n", "$"),
        ("pack: x\ndescription: d\n", "$"),
        ("pack: x\ninherits: Standard\ndescription: d\n", "$.inherits"),
    ],
)
def test_the_schema_refuses_what_cannot_be(text: str, at: str) -> None:
    assert any(path.startswith(at) for path in schema_errors(text)), schema_errors(text)


def test_every_field_has_a_description() -> None:
    schema = packs_schema.schema()
    parts = {"PackFile": schema, **schema["$defs"]}
    bare = [
        f"{name}.{field}"
        for name, part in parts.items()
        for field, of in part["properties"].items()
        if "description" not in of
    ]
    assert bare == []


def test_the_printed_schema_is_the_file() -> None:
    assert packs("schema").stdout == (PACKS / packs_schema.FILE).read_text(encoding="utf-8")


def test_a_pack_travels_with_its_folder(garage: Path, tmp_path: Path) -> None:
    """A version in force is found again from one file, without the parent."""
    kept = tmp_path / "kept" / "garage-1.yaml"
    kept.parent.mkdir()
    kept.write_text(packs("show", garage, "--yaml").stdout, encoding="utf-8")
    assert read_pack(kept).version == read_pack(garage).version
    shutil.copy(garage, kept.parent / "garage.yaml")
    assert read_pack(kept.parent / "garage.yaml").version == read_pack(garage).version
