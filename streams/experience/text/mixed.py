"""The analyser that comes with the product: listed words with their modifiers, and learnt weights, in one sum of log-odds.

`sentiment = tanh(0.75·z)`, z = Σ over clauses of weight · (listed words + learnt features): steeper than the
likelihood of praise minus that of blame, because the labels learnt from are those of whole reviews. No network, no clock, no state.
"""

import hashlib
import math
from functools import cache
from importlib.metadata import version as version_of
from typing import Final

from streams.experience.text.learned import grams, learned
from streams.experience.text.lexicon import DATA, lexicon
from streams.experience.text.normal import normal
from streams.experience.text.opinions import STEEPNESS, Said, aspects, spans
from streams.experience.text.phrases import phrases, place
from streams.experience.text.reading import TEXT_MAX, Clause, Toned, read
from streams.experience.text.sarcasm import sarcastic
from streams.experience.text.tone import Tone
from streams.experience.text.weighing import Hit, hits, weigh

MIDDLING: Final = 0.1  # what is left of the log-odds where a text calls it middling and says nothing stronger
STRONGER: Final = 0.3  # |tone| of a word that is more than middling
FAINT: Final = 0.4  # |log-odds| that make a text more than neutral
UNSURE_MOST: Final = 0.8
UNLISTED: Final = 0.7  # of a text without a single listed word: more often it says nothing
UNLISTED_SHORT: Final = 0.4  # of a short one, more often still
SHORT: Final = 10  # words; two Chinese characters count as one
UNDECIDED: Final = 0.35  # |praise − blame| / (praise + blame) below which a text is for neither
BESIDE_LISTED: Final = 0.6  # how much learnt features count in a clause that has listed words


class Mixed:
    """Chinese and English, mixed too."""

    @property
    def version(self) -> str:
        """With the hash of all data, and the version of the segmentation."""
        return _version()

    def analyse(self, text: str) -> Tone:
        """The tone of a text."""
        said, doubtful = opinions(text)
        if not said:
            return Tone(None, False, (), (), _version())
        shares = [one.clause.weight * one.odds for one in said]
        total, weight = sum(shares), sum(map(abs, shares))
        if abs(total) < UNDECIDED * weight:  # as much praise as blame
            total *= abs(total) / (UNDECIDED * weight)
        if _middling(said):
            total *= MIDDLING
        elif not any(one.hits or one.clause.tones for one in said):
            total *= UNLISTED_SHORT if _words(said) <= SHORT else UNLISTED
        unsure = doubtful or sarcastic(said)
        if unsure:
            total = -min(max(abs(total), FAINT), UNSURE_MOST)  # most of what is meant the other way round is blame
        return Tone(round(math.tanh(STEEPNESS * total), 4), unsure, spans(said), aspects(said), _version())


def _words(said: list[Said]) -> float:
    return sum(len(one.clause.latin) + sum(map(len, one.clause.han)) / 2 for one in said)


def _middling(said: list[Said]) -> bool:
    """Does it say "average" (还行), and nothing stronger?"""
    if not any("middling" in one.clause.roles for one in said):
        return False
    others = [
        hit for one in said for hit in one.hits if "middling" not in hit.mark.entry.roles or hit.start < hit.mark.start
    ]
    return not any(abs(hit.tone) > STRONGER for hit in others) and not any(one.clause.tones for one in said)


def opinions(text: str) -> tuple[list[Said], bool]:
    """What each clause of a text says; and whether a turn of phrase in it may be meant the other way round."""
    if len(text) > TEXT_MAX:  # the first half and the last one
        first, doubtful = _opinions(text[: TEXT_MAX // 2], 0)
        last, doubtful_too = _opinions(text[-TEXT_MAX // 2 :], len(text) - TEXT_MAX // 2)
        return first + last, doubtful or doubtful_too
    return _opinions(text, 0)


def _opinions(text: str, offset: int) -> tuple[list[Said], bool]:
    looked_up = normal(text)
    clauses = read(looked_up, lexicon())
    weigh(clauses)
    doubtful = place(phrases(looked_up), clauses)
    return [_said(clause, offset) for clause in clauses], doubtful


def _said(clause: Clause, offset: int) -> Said:
    weights = learned()
    script = "han" if clause.han else "latin"
    found = hits(clause)
    if clause.tones:
        found, clause.tones = _once(found, clause.tones)
    tones = sum([hit.tone for hit in found]) + sum([tone for _, _, tone, _ in clause.tones])
    listed = tones * weights.listed[script]
    get = weights.grams.get
    learnt = sum([weight for gram in grams(clause) if (weight := get(gram)) is not None])
    learnt *= BESIDE_LISTED if found or clause.tones else 1.0
    return Said(clause, found, listed + learnt, listed, offset)


def _once(found: list[Hit], tones: list[Toned]) -> tuple[list[Hit], list[Toned]]:
    """Where a turn of phrase and a listed word say the same, the stronger one does; where they differ, the turn of phrase."""
    alone = [
        (start, end, tone, aspect)
        for start, end, tone, aspect in tones
        if not any(start < hit.end and end > hit.start and hit.tone / tone >= 1.0 for hit in found)
    ]
    return [hit for hit in found if not any(start < hit.end and end > hit.start for start, end, _, _ in alone)], alone


@cache
def _version() -> str:
    digest = hashlib.sha256()
    for path in sorted((*DATA.glob("*.yaml"), *DATA.glob("*.tsv"), *DATA.glob("*.txt"), *DATA.glob("*.py"))):
        digest.update(path.read_bytes())
    return f"mixed-{digest.hexdigest()[:10]}-rjieba-{version_of('rjieba')}"
