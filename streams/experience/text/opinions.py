"""What clauses say, as spans of the text and by aspect. A span holds the words and what modifies them."""

import math
from typing import Final, NamedTuple

from streams.experience.text.reading import Clause
from streams.experience.text.tone import AspectTone, Span
from streams.experience.text.weighing import Hit

SPANS_MAX: Final = 32
WEAK: Final = 0.5  # |log-odds| of a clause without listed words that is still worth a span
CLEAR: Final = 0.5  # |log-odds| of a sentence whose tone is lent to what it names
ONE_SIDED: Final = 0.6  # |praise − blame| / (praise + blame) of such a sentence, at least
LENT: Final = 0.8  # how much of it
ASKS_BELOW: Final = 0.2  # weight of a clause that asks or supposes
STEEPNESS: Final = 0.75  # of a text's sentiment: tanh of so many times its log-odds
Row = tuple[float, float, int, int]  # tone, weight of its clause, from, to


class Said(NamedTuple):
    """A clause with its listed words, its log-odds (all, and those of the listed words), and where its text begins."""

    clause: Clause
    hits: list[Hit]
    odds: float
    listed: float
    offset: int


def spans(said: list[Said]) -> tuple[Span, ...]:
    """The words that say so, in the order of the text; a clause without listed words as a whole."""
    found: list[Span] = []
    for clause, hits, odds, _, offset in said:
        weight = clause.weight
        toned = [(hit.start, hit.end, hit.tone, None) for hit in hits] + clause.tones
        for start, end, tone, _ in toned:
            found.append(Span(offset + start, offset + end, _cut(tone * weight)))
        if not hits and not clause.tones and abs(odds) >= WEAK:
            found.append(Span(offset + clause.first, offset + clause.end, _cut(0.5 * math.tanh(odds / 2) * weight)))
    heavy = sorted(found, key=lambda span: -abs(span.tone))[:SPANS_MAX]
    return tuple(sorted(heavy))


def aspects(said: list[Said]) -> tuple[AspectTone, ...]:
    """Each aspect that something is said about: the mean of what is said, and the words from its name to the opinion.

    What is named without an opinion of its own takes that of its sentence, else of the text, if that is clear."""
    found: dict[str, list[Row]] = {}
    bare: dict[str, tuple[int, int, int, float]] = {}
    named: tuple[str, int, int] | None = None
    sentence = -1
    for clause, hits, odds, _, offset in said:
        names = [(mark.entry.aspect, mark.start, mark.end) for mark in clause.marks if mark.entry.aspect]
        if clause.sentence != sentence and names:
            named = None
        sentence = clause.sentence
        opinions = [(hit.start, hit.end, hit.tone, hit.mark.entry.aspect) for hit in hits] + clause.tones
        if not opinions and names and abs(odds) >= WEAK:
            opinions = [(names[0][1], clause.end, 0.5 * math.tanh(odds / 2), names[0][0])]
        for start, end, tone, own in opinions:
            nearest = _nearest(names, start, end, own)
            aspect, first, last = nearest or named or ("", 0, 0)
            if not nearest:
                first, last = start, end
            row = (_cut(tone), clause.weight, offset + min(first, start), offset + max(last, end))
            found.setdefault(aspect, []).append(row)
        for aspect, first, last in names:
            bare.setdefault(aspect, (clause.sentence, offset + first, offset + last, clause.weight))
        if names:
            named = names[-1]
    _lend(said, found, bare)
    return tuple(_aspect(aspect, rows) for aspect, rows in found.items() if aspect)


def _lend(said: list[Said], found: dict[str, list[Row]], bare: dict[str, tuple[int, int, int, float]]) -> None:
    """Gives the names that stand without an opinion the tone of their sentence, else that of the text."""
    for aspect, (sentence, start, end, weight) in bare.items():
        if aspect in found or weight < ASKS_BELOW:
            continue
        for odds in ([one for one in said if one.clause.sentence == sentence], said):
            shares = [one.clause.weight * one.odds for one in odds]
            total = sum(shares)
            if abs(total) >= max(CLEAR, ONE_SIDED * sum(map(abs, shares))):
                found[aspect] = [(_cut(LENT * math.tanh(STEEPNESS * total)), weight, start, end)]
                break


def _nearest(names: list[tuple[str, int, int]], start: int, end: int, own: str | None) -> tuple[str, int, int] | None:
    """The name that an opinion belongs to: the word's own, else the one before it, else the one after it.

    Slow is what something is that has a name: there the name goes first."""
    if own is not None and (own != "waiting" or not any(name[2] <= start for name in names)):
        return own, start, end
    before = [name for name in names if name[2] <= start]
    after = [name for name in names if name[1] >= end]
    near = before[-1] if before else after[0] if after else None
    return near


def _aspect(aspect: str, rows: list[tuple[float, float, int, int]]) -> AspectTone:
    total = sum(weight for _, weight, _, _ in rows)
    tone = sum(tone * weight for tone, weight, _, _ in rows) / total
    _, _, start, end = max(rows, key=lambda row: (row[0] * tone * row[1], -row[2]))
    return AspectTone(aspect, _cut(tone * min(1.0, total / len(rows))), start, end)


def _cut(tone: float) -> float:
    return round(max(-1.0, min(1.0, tone)), 4)
