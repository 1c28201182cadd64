"""The gap table for pages: means by voice stand for their answers, what-if, needs and initiatives beside a pack."""

from pathlib import Path

import pytest

from schemas.events import Touchpoint
from sinks.console.gap import changes
from streams.errors import UserError
from streams.packs_folder import find
from streams.replay import gap_live
from streams.replay.gap_live import Spoken
from streams.settings import Settings

ROUNDS = Path(__file__).parent.parent.parent / "examples/gap-rounds.yaml"


def spoken(voice: str = "customer", answers: int = 3, **cells: object) -> Spoken:
    return Spoken(voice=voice, answers=answers, **cells)  # type: ignore[arg-type]


def test_voices_stay_apart_and_empty_cells_empty() -> None:
    told = [
        spoken(dimension="convenience", experience=5.0, expectation=7.0, satisfaction=-2.0, importance=9.0, ideal=10.0),
        spoken("staff", 2, dimension="convenience", experience=8.0),
        spoken(dimension="product", experience=6.0, expectation=float("nan"), satisfaction=None),
        spoken("staff", 1, dimension="price", experience=7.0),
    ]
    found = gap_live.live_table(told, [], None, ("dimension",), "customer")
    assert found.counts == {"convenience": 3, "product": 3}
    assert found.voices["convenience"] == {"customer": 5.0, "staff": 8.0}
    table, nothing = gap_live.judged(found.levels, {"no such row": 3.0})
    assert nothing is None
    assert table.key == "convenience"
    rows = {row.name: row for row in table.rows}
    assert (rows["convenience"].weighted, rows["convenience"].gap) == (-18.0, -5.0)
    assert rows["product"].satisfaction is None
    _, better = gap_live.judged(found.levels, {"convenience": 10.0})
    assert better is not None
    assert better.key is None


def test_what_was_measured_stands_in() -> None:
    pack = find("retail", Settings())
    events = [
        Touchpoint(event_id=f"e{n}", subject_type="customer", subject_id="anna", occurred_at=n, touchpoint="payment", outcome="failure")
        for n in range(3)
    ]  # fmt: skip
    assert {"payment", "refund", "return_request"} <= set(gap_live.measuring(pack))
    found = gap_live.live_table([], events, pack, ("touchpoint",), "customer")
    [row] = found.levels
    assert (row.name, row.experience, row.sources["experience"]) == ("payment", 0.0, "measured")
    assert found.counts == {"payment": 3}
    said = gap_live.live_table(
        [spoken(touchpoint="payment", experience=9.0)], events, pack, ("touchpoint",), "customer"
    )
    assert said.levels[0].experience == 9.0
    assert said.voices["payment"] == {"customer": 9.0, "measured": 0.0}


def test_needs_and_initiatives_stand_beside_the_pack(tmp_path: Path) -> None:
    settings = Settings(core_packs=tmp_path)
    levels = gap_live.live_table(
        [spoken(dimension="convenience", experience=5.0)], [], None, ("dimension",), "customer"
    ).levels
    assert gap_live.rounds("retail", settings, levels) == []
    (tmp_path / "retail.rounds.yaml").write_text(ROUNDS.read_text(encoding="utf-8"), encoding="utf-8")
    first, second = gap_live.rounds("retail", settings, levels)
    assert first.verdicts[0].decision == "adopt"
    assert second.means == ["convenience"]
    with pytest.raises(UserError, match="convenience"):
        gap_live.rounds("retail", settings, [])


def test_a_pack_that_is_not_here_judges_nothing() -> None:
    assert gap_live.judge("no-such-pack", Settings()) is None


def test_changes_out_of_an_address() -> None:
    query = {"if.payment": "9", "if.a/b": "0.5", "if.x": "", "if.y": "11", "if.z": "nan", "if.w": "-1", "by": "unit"}
    assert changes(query) == (("a/b", 0.5), ("payment", 9.0))
    assert len(changes({f"if.{n}": "1" for n in range(99)})) == 50
