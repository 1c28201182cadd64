"""A pack with something wrong: each error with its file, line and column, and what to write instead."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.experience.pack_compile import PackErrors, compile_pack
from tests.builders import whole_pack

RETAIL = whole_pack("retail")


def broken(old: str, new: str) -> tuple[str, int]:
    """Retail with one change; the line where the change begins."""
    assert RETAIL.count(old) >= 1
    before, _, after = RETAIL.partition(old)
    return before + new + after, before.count("\n") + 1


def errors(text: str) -> list[str]:
    with pytest.raises(PackErrors) as refused:
        compile_pack(text, "mine.yaml")
    return refused.value.errors


CASES = {
    "unknown field": ("currency: EUR\n", "hue: red\ncurrency: EUR\n", 0, "no field 'hue' here; the fields are pack"),
    "unknown field inside": ("  checkout:\n", "  checkout:\n    importanc: 9\n", 1, "no field 'importanc' here; did you mean 'importance'?"),
    "field without a value that it can take": ("mood: happy", "mood: elated", 0, "'elated' is none of unhappy, happy"),
    "field of the wrong type": ("    asks_for_help: true", "    asks_for_help: 1", 0, "Expected `bool`, got `int`"),
    "missing field": ("  opens_at: 0.45\n", "", -1, "missing required field `opens_at`"),
    "condition of the wrong type": ('when: event.kind == "complaint"\n', "when: event.kind == 3\n", 0, "== of string and int"),
    "condition with an unknown field": ('event.kind == "complaint"\n', 'event.kin == "complaint"\n', 0, "did you mean `kind`?"),
    "condition that is cut": ('event.kind == "complaint"\n', 'event.kind == "complaint\n', 0, "close the quote"),
    "number outside its range": ("    importance: 9\n", "    importance: 90\n", 0, "importance 90.0 is outside 0 to 10"),
    "duplicate id": ("  failure:\n", "  complaint:\n    on: feedback\n  failure:\n", 0, "the key `complaint` stands twice, first in line"),
    "missing signal": ("    signal: delighted\n", "    signal: delightd\n", 0, "no signal 'delightd'; did you mean 'delighted'?"),
    "missing audience": ("    audience: care\n", "    audience: cares\n", 0, "no audience 'cares'; did you mean 'care'?"),
    "missing text": ("    text: call_back\n", "    text: call_bak\n", 0, "no text 'call_bak'; did you mean 'call_back'?"),
    "missing journey": ("    journey: purchase\n", "    journey: purchases\n", 0, "no journey 'purchases'; did you mean 'purchase'?"),
    "no YAML": ("currency: EUR\n", "currency: [\n", None, "not valid YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_error_in_a_pack_is_told_with_its_place_and_remedy(name: str) -> None:
    old, new, offset, says = CASES[name]
    text, line = broken(old, new)
    (error,) = errors(text)
    assert says in error
    assert error.startswith("mine.yaml:")
    if offset is not None:
        assert error.startswith(f"mine.yaml:{line + offset}:")


def test_all_errors_are_told_at_once_by_line() -> None:
    text = RETAIL.replace("  checkout:\n", "  checkout:\n    colour: red\n", 1).replace(
        "priority: 80", "priority: high", 1
    )
    found = errors(text)
    assert len(found) == 2
    assert "no field 'colour'" in found[0]
    assert "Expected `int" in found[1]
    assert "got `str`" in found[1]


def test_the_command_says_so_with_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("pack: mine\nhue: red\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["packs", "check", str(tmp_path / "mine.yaml")])
    assert done.exit_code == 1
    assert f"{tmp_path / 'mine.yaml'}:2:1: no field 'hue' here" in str(done.exception) + done.output
