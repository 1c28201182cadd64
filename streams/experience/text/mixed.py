"""The analyser that comes with the product: listed words with their modifiers, and learnt weights, in one sum of log-odds.

`sentiment = tanh(z / 2)`, z = Σ over clauses of weight · (listed words + learnt features): the likelihood of praise minus that
of blame. No network, no clock, no state.
"""

import hashlib
import math
from functools import cache
from importlib.metadata import version as version_of
from typing import Final

from streams.experience.text.learned import grams, learned
from streams.experience.text.lexicon import DATA, lexicon
from streams.experience.text.normal import normal
from streams.experience.text.opinions import Said, aspects, spans
from streams.experience.text.reading import TEXT_MAX, Clause, read
from streams.experience.text.sarcasm import sarcastic
from streams.experience.text.tone import Tone
from streams.experience.text.weighing import hits, weigh

FAINT: Final = 0.4  # |z| below which a text without listed words says nothing


class Mixed:
    """Chinese and English, mixed too."""

    @property
    def version(self) -> str:
        """With the hash of all data, and the version of the segmentation."""
        return _version()

    def analyse(self, text: str) -> Tone:
        """The tone of a text."""
        said = opinions(text)
        if not said:
            return Tone(None, False, (), (), _version())
        total = sum(one.clause.weight * one.odds for one in said)
        listed = any(one.hits or one.clause.tones for one in said)
        unsure = sarcastic(said)
        if unsure:
            total = -max(abs(total), FAINT)  # most of what is meant the other way round is blame
        faint = not listed and not unsure and abs(total) < FAINT
        sentiment = None if faint else round(math.tanh(total / 2), 4)
        return Tone(sentiment, unsure, spans(said), aspects(said), _version())


def opinions(text: str) -> list[Said]:
    """What each clause of a text says."""
    if len(text) > TEXT_MAX:  # the first half and the last one
        return _opinions(text[: TEXT_MAX // 2], 0) + _opinions(text[-TEXT_MAX // 2 :], len(text) - TEXT_MAX // 2)
    return _opinions(text, 0)


def _opinions(text: str, offset: int) -> list[Said]:
    looked_up = normal(text)
    clauses = read(looked_up, lexicon())
    weigh(clauses)
    return [_said(clause, offset) for clause in clauses]


def _said(clause: Clause, offset: int) -> Said:
    weights = learned()
    script = "han" if clause.han else "latin"
    found = hits(clause)
    praise = sum(hit.tone for hit in found if hit.tone > 0) + sum(tone for _, _, tone in clause.tones if tone > 0)
    blame = sum(hit.tone for hit in found if hit.tone < 0) + sum(tone for _, _, tone in clause.tones if tone < 0)
    listed = praise * weights.praise[script] + blame * weights.blame[script]
    get = weights.grams.get
    learnt = sum([weight for gram in grams(clause) if (weight := get(gram)) is not None])
    return Said(clause, found, listed + learnt, listed, offset)


@cache
def _version() -> str:
    digest = hashlib.sha256()
    for path in sorted((*DATA.glob("*.yaml"), *DATA.glob("*.tsv"), *DATA.glob("*.txt"), *DATA.glob("*.py"))):
        digest.update(path.read_bytes())
    return f"mixed-{digest.hexdigest()[:10]}-rjieba-{version_of('rjieba')}"
