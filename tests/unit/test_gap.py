"""The seven steps' table: the golden case of the course text cell by cell, and what must never happen to an empty cell."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.decisions import Experience
from schemas.json_form import from_json
from streams.connect.level_table import read_levels
from streams.errors import UserError
from streams.experience.gap import Levels, Row, table, what_if
from streams.experience.gap_answers import How, rows, said
from streams.replay.gap_report import CELLS
from tests.touchstone_command import touchstone

GIVEN = (
    Levels("price", 7, 7),
    Levels("brand", 7, 7),
    Levels("service", 6),
    Levels("product", 6, 7),
    Levels("convenience", 5, 7, 9, 10),
    Levels("relationship", 4),
)
#        name            experience, expectation, satisfaction, importance, weighted, ideal, gap
GOLDEN = (
    ("price", 7, 7, 0, None, None, 7, 0),
    ("brand", 7, 7, 0, None, None, 7, 0),
    ("service", 6, None, None, None, None, 6, 0),
    ("product", 6, 7, -1, None, None, 6, 0),
    ("convenience", 5, 7, -2, 9, -18, 10, -5),
    ("relationship", 4, None, None, None, None, 4, 0),
)


def _cells(row: Row) -> tuple[object, ...]:
    return (
        row.name,
        row.experience,
        row.expectation,
        row.satisfaction,
        row.importance,
        row.weighted,
        row.ideal,
        row.gap,
    )


def test_the_golden_case_cell_by_cell() -> None:
    found = table(GIVEN)
    assert tuple(_cells(row) for row in found.rows) == GOLDEN
    assert (found.key, found.certain, found.priorities) == ("convenience", True, ("convenience", "product"))
    assert [row.name for row in found.rows if row.gap] == ["convenience"], "only convenience has a gap other than zero"
    assert found.rows[3].weighted_range == (-10, 0)


def test_when_the_key_experience_rises_the_next_one_comes_first() -> None:
    found = what_if(GIVEN, {"convenience": 10})
    assert (found.key, found.priorities) == ("product", ("product",))
    assert found.rows[4].satisfaction == 3


def test_when_nothing_disappoints_nothing_is_first() -> None:
    assert table(GIVEN[:3]).key is None


def test_what_could_be_worse_makes_the_first_place_uncertain() -> None:
    found = table([Levels("a", 5, 7, 4), Levels("b", 5, 7)])
    assert (found.priorities, found.certain) == (("b", "a"), False)  # b: −20 … 0, a: −8


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ([Levels("a", 11)], "a: experience 11 is not between 0 and 10"),
        ([Levels("a", importance=-1)], "importance -1"),
        ([Levels("a"), Levels("a")], "a: there twice"),
    ],
)
def test_levels_off_the_scale_are_refused(levels: list[Levels], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        table(levels)


def test_an_unknown_row_cannot_rise() -> None:
    with pytest.raises(ValueError, match="no row speed; there are price"):
        what_if(GIVEN, {"speed": 9})


LEVEL = st.none() | st.floats(0, 10)


@given(
    st.lists(st.builds(Levels, st.sampled_from("abcdef"), LEVEL, LEVEL, LEVEL, LEVEL), unique_by=lambda one: one.name)
)
def test_an_empty_cell_is_never_filled_by_a_zero(levels: list[Levels]) -> None:
    for each, row in zip(levels, table(levels).rows, strict=True):
        assert (row.satisfaction is None) == (each.experience is None or each.expectation is None)
        assert (row.weighted is None) == (row.satisfaction is None or each.importance is None)
        assert row.gap is None or (row.experience is not None and row.ideal is not None)


def _experience(event_id: str, **fields: Any) -> Experience:
    known = {
        "subject_type": "customer",
        "subject_id": "c-1",
        "occurred_at": 1,
        "about_at": 1,
        "kind": "dimension",
        "respondent": "customer",
        "expectation_source": "stated",
    }
    document = {**known, "revision": 1, "touchpoint": "delivery", "pack": "retail", "pack_version": "x", **fields}
    return from_json(
        {
            "record": "experience",
            "event_id": event_id,
            "context": {"contacts": 0, "failures": 0, "channels": 0, "score": 0.0},
            "score": 0.0,
            **document,
        }
    )


def test_answers_count_once_as_last_revised_and_respondents_are_kept_apart() -> None:
    told = [
        _experience("a", dimension="price", experience=4.0, expectation=8.0, satisfaction=-4.0, importance=5.0),
        _experience(
            "a", dimension="price", experience=6.0, expectation=8.0, satisfaction=-2.0, importance=5.0, revision=2
        ),
        _experience("b", dimension="price", experience=8.0),
        _experience("c", dimension="price", experience=0.0, revision=2, retracted=True),
        _experience("d", dimension="price", experience=1.0, respondent="staff"),
        _experience("e", dimension="service"),
        _experience("f", experience=3.0),
    ]
    answers = said(told, lambda _customer, _at: None)
    found = rows(answers, ["dimension"], How({"customer": 1.0}))
    assert found.counts == {"price": 2, "–": 1}
    assert found.levels == [Levels("price", 7.0, 8.0, 5.0, None, -2.0), Levels("–", 3.0)]
    assert table(found.levels).rows[0].satisfaction == -2.0, "of the answers that have an expectation, not 7 − 8"
    assert rows(answers, ["dimension"], How({"staff": 1.0})).counts == {"price": 1}
    assert rows(answers, ["unit"], How({"customer": 1.0})).counts == {"–": 3}
    assert found.voices == {"–": {"customer": 3.0}, "price": {"customer": 7.0, "staff": 1.0}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("experience\n5\n", "it says experience"),
        ("", "the first line names the columns"),
        ("name,ideal,ideal\n", "each once"),
        ("name,experience\nprice,7,5\n", ":2: 3 cells, the header has 2"),
        ("name,experience\n,7\n", ":2: the name is empty"),
        ('[{"name": "price", "experiense": 7}]', "unknown field `experiense`"),
        ("name,level\na,5\n", "unknown columns level"),
        ("name,experience\na,5\nb,good\n", ":3: experience 'good' is not a number"),
        ("[{]", "malformed"),
    ],
)
def test_a_table_that_cannot_be_read_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "levels").write_text(text)
    with pytest.raises(UserError, match=said):
        read_levels(tmp_path / "levels")


def test_empty_cells_of_a_file_are_not_known(tmp_path: Path) -> None:
    (tmp_path / "levels.csv").write_text("\ufeffname,experience,expectation\nprice,7,–\nbrand,,\n", encoding="utf-8")
    assert read_levels(tmp_path / "levels.csv") == [Levels("price", 7.0), Levels("brand")]
    (tmp_path / "levels.csv").write_text("name;experience\n价格;7.5\n", encoding="gb18030")
    assert read_levels(tmp_path / "levels.csv") == [Levels("价格", 7.5)]
    (tmp_path / "levels.json").write_text('[{"name": "price", "experience": 7}]')
    assert read_levels(tmp_path / "levels.json") == [Levels("price", 7.0)]


def test_the_command_on_the_example_gives_the_golden_table() -> None:
    done = touchstone("gap", "examples/gap-levels.csv", "--levels", "--what-if", "convenience=10", "--json")
    told = json.loads(done.stdout)
    assert [[row[cell] for cell in ("name", *CELLS)] for row in told["table"]["rows"]] == [list(row) for row in GOLDEN]
    assert (told["table"]["key"], told["what_if"]["key"]) == ("convenience", "product")


def test_the_command_on_events_judges_them_by_the_pack(tmp_path: Path) -> None:
    done = touchstone("gap", "examples/retail-morning.jsonl", "--by", "touchpoint")
    assert done.returncode == 0, done.stderr
    assert "first: store_desk" in done.stdout
    (tmp_path / "some.jsonl").write_text('{"record": "feedback"}\n')
    partly = touchstone("gap", str(tmp_path / "some.jsonl"))
    assert (partly.returncode, "some.jsonl:1: " in partly.stderr) == (1, True)
    wrong = touchstone("gap", "examples/retail-morning.jsonl", "--by", "mood")
    assert (wrong.returncode, "use one of dimension" in wrong.stderr) == (2, True)
