"""Turns of phrase (phrases.yaml): what a text says by an amount, a mark or a construction, where no single word does.

Repeats in them are bounded, so that no text takes long. A first look for what it needs leaves most texts out."""

import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from streams.experience.text.reading import Clause

_DATA: Final = Path(__file__).parent / "phrases.yaml"
_HAN: Final = re.compile("[\u3400-\u9fff]")
_LATIN: Final = re.compile("[a-z]{3}")
FLOOR: Final = 0.6  # what a turn of phrase counts at least, also in a question or a supposition


class Phrase(NamedTuple):
    """Where a turn of phrase stands (`text[start:end]`), and what it says."""

    start: int
    end: int
    tone: float
    unsure: bool
    aspect: str | None


class _Turn(NamedTuple):
    needs: tuple[str, ...]
    says: re.Pattern[str]
    tone: float
    unsure: bool
    aspect: str | None


@cache
def _turns() -> dict[str, list[_Turn]]:
    """By script: a text is searched for what it is written in."""
    rows = yaml.safe_load(_DATA.read_text(encoding="utf-8"))["phrases"]
    found: dict[str, list[_Turn]] = {"han": [], "latin": [], "any": []}
    for row in rows:
        script = row["in"]
        says, unsure = re.compile(row["says"]), bool(row.get("unsure", False))
        found[script].append(_Turn(tuple(row["needs"]), says, float(row["tone"]), unsure, row.get("about")))
    return found


def phrases(text: str) -> list[Phrase]:
    """The turns of phrase of a normalised text; of those that overlap and say the same, the first one."""
    turns = _turns()
    looked_for = turns["any"]
    if _LATIN.search(text):
        looked_for = looked_for + turns["latin"]
    if not text.isascii() and _HAN.search(text):
        looked_for = looked_for + turns["han"]
    found: list[Phrase] = []
    for turn in looked_for:
        for word in turn.needs:  # half the time of any()
            if word in text:
                break
        else:
            continue
        for match in turn.says.finditer(text):
            start, end = match.span()
            if not any(start < other.end and end > other.start and other.tone * turn.tone > 0 for other in found):
                found.append(Phrase(start, end, turn.tone, turn.unsure, turn.aspect))
    return found


def place(found: list[Phrase], clauses: list[Clause]) -> bool:
    """Adds each to the clause that it begins in. Tells whether one of them may be meant the other way round."""
    unsure = False
    for phrase in found:
        start, end = phrase.start, phrase.end
        holding = [clause for clause in clauses if clause.start <= start < clause.end]
        if holding:
            clause = holding[0]
            floor = 1.0 if clause.inquires else max(1.0, FLOOR / clause.weight)
            clause.tones.append((start, end, phrase.tone * floor, phrase.aspect))
            unsure |= phrase.unsure
    return unsure
