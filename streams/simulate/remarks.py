"""What customers write: remarks put together from parts, in Chinese and English; also irony, negations and mixed feelings.

The tone is known here, and goes to the truth: words alone may say the opposite.
"""

from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Final, Literal, NamedTuple

import msgspec
import yaml

Tone = Literal["negative", "ironic", "denied_praise", "mixed", "neutral", "positive", "denied_blame"]

_STOP: Final = {"en": ".", "zh": "。"}
_SPACE: Final = {"en": " ", "zh": ""}
_NEGATIVE: Final[tuple[tuple[Tone, float], ...]] = (
    ("ironic", 0.08),
    ("denied_praise", 0.16),
    ("mixed", 0.28),
    ("negative", 1.0),
)
_POSITIVE: Final[tuple[tuple[Tone, float], ...]] = (("denied_blame", 0.12), ("positive", 1.0))


class _Parts(msgspec.Struct, forbid_unknown_fields=True):
    faults: dict[str, list[str]]
    feelings: list[str]
    demands: list[str]
    delights: dict[str, list[str]]
    thanks: list[str]
    but: list[str]
    irony: list[str]
    denied_praise: list[str]
    denied_blame: list[str]
    openers: list[str]
    shrugs: list[str]


class Remark(NamedTuple):
    """Words and what they mean."""

    text: str
    tone: Tone


@lru_cache(maxsize=2)
def parts(language: str) -> _Parts:
    """The parts of a language."""
    path = Path(__file__).parent / f"remarks.{language}.yaml"
    return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), _Parts)


class Remarks:
    """Puts remarks together; apart from the world's own chances, so that words never change what happens."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(f"{seed}/remarks")  # noqa: S311 - a simulation, reproducible on purpose

    def unhappy(self, language: str, cause: str, touchpoint: str) -> Remark:
        """About something that went wrong."""
        tone = self._tone(_NEGATIVE)
        words, stop, space = parts(language), _STOP[language], _SPACE[language]
        fault = self._one(words.faults[cause])
        if tone == "ironic":
            return Remark(self._one(words.irony).format(fault=fault), tone)
        if tone == "denied_praise":
            return Remark(self._one(words.denied_praise).format(fault=fault), tone)
        if tone == "mixed":
            delight = self._one(words.delights.get(touchpoint) or words.delights["search"])
            return Remark(_capital(f"{delight}{self._one(words.but)}{fault}{stop}"), tone)
        sentence = _capital(f"{self._one(words.openers)}{fault}{stop}")
        ends = [end for end in (self._one(words.feelings), self._one(words.demands)) if end]
        return Remark(space.join([sentence, *ends]), tone)

    def happy(self, language: str, touchpoint: str) -> Remark:
        """About something that went well."""
        tone = self._tone(_POSITIVE)
        words, stop, space = parts(language), _STOP[language], _SPACE[language]
        delight = self._one(words.delights.get(touchpoint) or words.delights["search"])
        if tone == "denied_blame":
            return Remark(self._one(words.denied_blame).format(delight=delight), tone)
        ends = [end for end in (self._one(words.thanks),) if end]
        return Remark(space.join([_capital(f"{delight}{stop}"), *ends]), tone)

    def indifferent(self, language: str) -> Remark:
        """Neither."""
        return Remark(self._one(parts(language).shrugs), "neutral")

    def _one(self, choices: list[str]) -> str:
        return choices[int(self._rng.random() * len(choices))]

    def _tone(self, shares: tuple[tuple[Tone, float], ...]) -> Tone:
        draw = self._rng.random()
        return next(tone for tone, up_to in shares if draw < up_to)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
