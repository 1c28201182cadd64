"""Turns of phrase (phrases.yaml): what a text says by an amount, a mark or a construction, where no single word does.

Repeats in them are bounded, so that no text takes long. A first look for what it needs leaves most texts out."""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from streams.experience.text.reading import Clause

_DATA: Final = Path(__file__).parent / "phrases.yaml"
FLOOR: Final = 0.6  # what a turn of phrase counts at least, also in a question or a supposition


class Phrase(NamedTuple):
    """Where a turn of phrase stands (`text[start:end]`), and what it says."""

    start: int
    end: int
    tone: float
    unsure: bool
    aspect: str | None


class _Turn(NamedTuple):
    says: re.Pattern[str]
    tone: float
    unsure: bool
    aspect: str | None


class _Turns(NamedTuple):
    """`looks`: the first two characters of what a turn of phrase needs → all of it, and the turn's number."""

    turns: tuple[_Turn, ...]
    looks: dict[str, tuple[tuple[str, int], ...]]


@cache
def _turns() -> _Turns:
    rows = yaml.safe_load(_DATA.read_text(encoding="utf-8"))["phrases"]
    turns = [
        _Turn(re.compile(row["says"]), float(row["tone"]), bool(row.get("unsure", False)), row.get("about"))
        for row in rows
    ]
    looks: dict[str, list[tuple[str, int]]] = {}
    for number, row in enumerate(rows):
        for needed in row["needs"]:
            looks.setdefault(needed[:2], []).append((needed, number))
    return _Turns(tuple(turns), {first: tuple(found) for first, found in looks.items()})


def _possible(text: str, looks: dict[str, tuple[tuple[str, int], ...]]) -> list[int]:
    """The numbers of the turns of phrase that a text has what they need for: most texts have it for few."""
    begun = {*text, *map("".join, pairwise(text))} & looks.keys()
    return sorted({number for first in begun for needed, number in looks[first] if needed in text})


def phrases(text: str) -> list[Phrase]:
    """The turns of phrase of a normalised text; of those that overlap and say the same, the first one."""
    turns, looks = _turns()
    found: list[Phrase] = []
    for number in _possible(text, looks):
        turn = turns[number]
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
