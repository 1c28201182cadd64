"""The tone of a text, by a lexicon: what the customer's words say, with the span that says it. Chinese and English.

One small interface (`Analyser`) that a better analyser can fill. A lexicon word counts unless a negation stands just before
it (then it counts the other way round, weaker); a word of degree before it makes it stronger or weaker.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import yaml

NEGATION_REACH = 3  # words (English) or characters (Chinese) between a negation and what it turns round
NEGATED = -0.6
TEXT_MAX = 4_000  # characters looked at


class Tone(NamedTuple):
    """`sentiment` −1 to 1, None: nothing recognised. `start`, `end`: the span that weighs most, characters from 0."""

    sentiment: float | None
    start: int | None
    end: int | None


class Analyser(Protocol):
    """Anything that tells the tone of a text. Pure; `version` changes when its answers do."""

    version: str

    def analyse(self, text: str) -> Tone:
        """The tone of a text."""
        ...


class Lexicon:
    """The lexicon of lexicon.yaml: word → tone, negations, degrees."""

    def __init__(self, path: Path = Path(__file__).parent / "lexicon.yaml") -> None:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.version = f"lexicon-{document['version']}"
        self._tones: dict[str, float] = {}
        for tone, words in document["tones"].items():
            self._tones.update(dict.fromkeys(words, float(tone)))
        self._negations = frozenset(document["negations"])
        self._degrees = {word: float(factor) for factor, words in document["degrees"].items() for word in words}
        self._turns = frozenset(document["turns"])
        words = sorted({*self._tones, *self._negations, *self._degrees, *self._turns}, key=len, reverse=True)
        latin = [re.escape(word) for word in words if word.isascii()]
        other = [re.escape(word) for word in words if not word.isascii()]
        self._pattern = re.compile(rf"\b(?:{'|'.join(latin)})\b|{'|'.join(other)}|[.!?。！？;；\n]", re.IGNORECASE)

    def analyse(self, text: str) -> Tone:
        """The tone of a text: the mean of its words' tones; what stands after a 'but' counts double."""
        total = weight = 0.0
        strongest = 0.0
        span: tuple[int | None, int | None] = (None, None)
        negated_from, degree_from, degree, emphasis = -1, -1, 1.0, 1.0
        for match in self._pattern.finditer(text[:TEXT_MAX].replace("’", "'")):
            word = match.group().lower()
            if word in self._negations:
                negated_from = match.end()
            elif word in self._degrees:
                degree, degree_from = self._degrees[word], match.end()
            elif word in self._turns:
                emphasis = 2.0
            elif word in self._tones:
                tone = self._tones[word]
                if degree_from >= 0 and _near(text, degree_from, match.start()):
                    tone = max(-1.0, min(1.0, tone * degree))
                if negated_from >= 0 and _near(text, negated_from, match.start()):
                    tone *= NEGATED
                total += tone * emphasis
                weight += emphasis
                if abs(tone) * emphasis > abs(strongest):
                    strongest, span = tone * emphasis, match.span()
                negated_from = degree_from = -1
            else:  # the end of a sentence
                negated_from, degree_from, emphasis = -1, -1, 1.0
        if not weight:
            return Tone(None, None, None)
        return Tone(round(total / weight, 4), span[0], span[1])


def _near(text: str, end: int, start: int) -> bool:
    """Is what stands between a modifier and a word short enough for the one to belong to the other?"""
    between = text[end:start].strip()
    if between.isascii():
        return len(between.split()) < NEGATION_REACH
    return len(between) < NEGATION_REACH


@lru_cache(maxsize=1)
def default_analyser() -> Analyser:
    """The analyser of this version."""
    return Lexicon()
