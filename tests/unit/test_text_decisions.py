"""What a text does in decisions: evidence with its words and its analyser, and never anything that costs by itself."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.decisions import Action, Episode, Experience
from streams.analysers import analyser
from streams.cli import app
from streams.errors import UserError
from streams.experience.compiled import CompiledPack
from streams.experience.pack_compile import PackErrors, compile_pack
from streams.experience.text import SILENT, Tone, default_analyser
from streams.settings import Settings
from tests.builders import driver, message, records, whole_pack

RETAIL = whole_pack()
NEGATIVE = "when: joined.sentiment != null && joined.sentiment <= -0.3\n    weight: 0.3"
BAD = "质量很好，但是客服态度太差，再也不买了"


def retail(*changes: tuple[str, str]) -> CompiledPack:
    text = RETAIL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return compile_pack(text, "mine.yaml")


LOUD = (NEGATIVE, NEGATIVE.replace("weight: 0.3", "weight: 0.9"))  # a text that opens an episode by itself


class Told:
    """Decisions about one customer's events."""

    def __init__(self, pack: CompiledPack | None = None) -> None:
        self.driver = driver(pack) if pack is not None else driver()
        self.outputs: list[Any] = []
        self._number = 0

    def take(self, record: str, at: int, **fields: Any) -> "Told":
        self._number += 1
        self.outputs += self.driver.take(message(record, f"e{self._number}", at, self._number, **fields))
        return self

    def actions(self) -> dict[str, Action]:
        return {one.rule: one for one in records(self.outputs, "cx-actions", Action)}

    def experience(self) -> Experience:
        return list(records(self.outputs, "cx-experiences", Experience))[-1]

    def lost(self) -> list[tuple[str, str]]:
        losers = [loser for one in records(self.outputs, "cx-actions", Action) for loser in one.losers]
        losers += [loser for one in records(self.outputs, "cx-episodes", Episode) for loser in one.losers]
        return [(loser.rule, loser.reason) for loser in losers]


def test_the_experience_tells_what_the_text_says_and_who_read_it() -> None:
    seen = Told().take("feedback", 0, kind="comment", text=BAD).experience()
    assert seen.sentiment is not None
    assert seen.sentiment <= -0.3
    assert seen.analyser == default_analyser().version
    aspects = {one.aspect: BAD[one.text_start : one.text_end] for one in seen.text_aspects}
    assert aspects["service"] == "态度太差"
    assert seen.text_start is not None
    assert BAD[seen.text_start : seen.text_end] == "太差"


def test_evidence_by_a_text_quotes_the_words_and_names_the_analyser() -> None:
    told = Told().take("feedback", 0, kind="complaint", text=BAD)
    [row] = [one for one in told.actions()["call_back"].evidence if one.signal == "negative_text"]
    assert (row.origin, BAD[row.text_start : row.text_end]) == ("said", "太差")
    assert row.detail is not None
    assert row.detail.startswith("mostly about service; tone -")
    assert row.detail.endswith(f"by {default_analyser().version}")


def test_without_a_text_nothing_is_read() -> None:
    seen = Told().take("feedback", 0, kind="nps", score=2).experience()
    assert (seen.analyser, seen.sentiment, seen.text_aspects) == (None, None, [])


def test_sarcasm_gives_no_signal_and_is_marked() -> None:
    told = Told(retail(LOUD)).take("feedback", 0, kind="comment", text="太好了，又晚点了")
    assert told.experience().text_unsure
    assert told.experience().sentiment is None
    assert told.actions() == {}


def test_a_text_alone_may_bring_a_call_but_no_compensation() -> None:
    told = Told(retail(LOUD)).take("feedback", 0, kind="comment", text=BAD)
    assert "call_back" in told.actions()
    assert "offer_compensation" not in told.actions()
    assert ("offer_compensation", "text_alone") in told.lost()
    assert all(one.amount is None for one in told.actions().values())


def test_with_other_evidence_it_may() -> None:
    told = Told(retail(LOUD)).take("feedback", 0, kind="complaint", text=BAD)
    assert "offer_compensation" in told.actions()
    told = Told(retail(LOUD)).take("feedback", 0, kind="nps", score=1, text=BAD)
    assert "offer_compensation" in told.actions()


def test_weak_other_evidence_is_not_enough() -> None:
    told = Told(retail(LOUD)).take("touchpoint", -60, touchpoint="search", outcome="failure")
    told.take("feedback", 0, kind="comment", text=BAD)
    assert "call_back" in told.actions()
    assert "offer_compensation" not in told.actions()


def test_texts_that_repeat_are_still_texts() -> None:
    told = Told(retail(LOUD))
    for day in range(4):
        told.take("feedback", day * 3600, kind="comment", text=BAD)
    assert not any(one.amount is not None or one.step == "compensate" for one in told.actions().values())


@pytest.mark.parametrize("condition", ["joined.complaints >= 1", "joined.score > 0.1", "score() > 0.1"])
def test_evidence_of_evidence_that_was_text_is_text(condition: str) -> None:
    laundered = (
        "\n  failure:\n",
        f"\n  again:\n    on: feedback\n    when: {condition}\n    weight: 0.9\n  failure:\n",
    )
    told = Told(retail(LOUD, laundered)).take("feedback", 0, kind="comment", text=BAD)
    told.take("feedback", 3600, kind="comment", text=BAD)
    assert "offer_compensation" not in told.actions()


CHEAP = """
  text_voucher:
    on: signal
    signal: {signal}
    audience: care
    kind: voucher
    step: {step}
    text: voucher
    {amount}
  call_back:
"""


@pytest.mark.parametrize(
    ("step", "amount"), [("respond", "amount: 10"), ("compensate", ""), ("respond", "amount: {other: 3}")]
)
def test_a_pack_cannot_give_something_away_for_a_text(step: str, amount: str) -> None:
    change = (
        "\n  call_back:\n",
        CHEAP.replace("{signal}", "negative_text").replace("{step}", step).replace("{amount}", amount),
    )
    with pytest.raises(PackErrors, match="signal 'negative_text' goes by what a text seems to say") as refused:
        retail(change)
    assert "mine.yaml:" in str(refused.value)


def test_a_pack_may_ask_a_colleague_to_look_at_a_text() -> None:
    change = (
        "\n  call_back:\n",
        CHEAP.replace("{signal}", "negative_text").replace("{step}", "listen").replace("{amount}", ""),
    )
    told = Told(retail(change)).take("feedback", 0, kind="comment", text=BAD)
    assert "text_voucher" in told.actions()


def test_decide_and_live_ask_the_same_analyser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "one.jsonl"
    file.write_text(
        '{"event_id": "a", "subject_type": "customer", "subject_id": "c", "occurred_at": "2026-03-01T09:30:00Z", "kind": "comment", "text": "太差了"}\n',
        encoding="utf-8",
    )
    seen = CliRunner().invoke(app, ["decide", str(file), "--json"])
    assert default_analyser().version in seen.output
    monkeypatch.setattr("streams.settings.current", lambda: Settings(core_text_analyser="none"))
    assert '"sentiment"' not in CliRunner().invoke(app, ["decide", str(file), "--json"]).output


class Shouting:
    """An analyser of somebody's own."""

    version = "shouting-1"

    def analyse(self, text: str) -> Tone:
        return Tone(-1.0 if text.isupper() else 0.0, False, (), (), self.version)


def test_an_analyser_of_ones_own() -> None:
    found = analyser(Settings(core_text_analyser=f"{__name__}:Shouting"))
    assert found.analyse("NO").sentiment == -1.0
    assert analyser(Settings()) is default_analyser()
    assert analyser(Settings(core_text_analyser="none")).analyse("很差") == SILENT


@pytest.mark.parametrize("name", ["nowhere.at_all:X", "json:nothing", "json:JSONDecoder", "mixd", f"{__name__}:BAD"])
def test_an_analyser_that_cannot_be_used_is_told(name: str) -> None:
    with pytest.raises(UserError, match="TOUCHSTONE_CORE_TEXT_ANALYSER"):
        analyser(Settings(core_text_analyser=name))


def test_the_command_reads_many_lines(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text('房间很干净\n\n{"text": "not good", "id": 3}\n', encoding="gb18030")
    seen = CliRunner().invoke(app, ["text", "--file", str(file), "--json"])
    first, second = seen.stdout.splitlines()
    assert '"line":1,"text":"房间很干净"' in first
    assert '"label":"positive"' in first
    assert '"line":3,"text":"not good"' in second
    assert '"label":"negative"' in second


def test_the_command_shows_the_words() -> None:
    seen = CliRunner().invoke(app, ["text", "快递太慢了, but the quality is great"])
    assert seen.exit_code == 0
    assert "快递太慢" in seen.stdout
    assert "delivery" in seen.stdout
    assert CliRunner().invoke(app, ["text"]).exception is not None
