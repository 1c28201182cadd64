"""How a customer's mood went over a course of answers: level, slope, worst point, end; and whether single answers fit together.

Points are levels 0–10 of answers, or of texts (5 + 5 × tone) where no score was given, oldest first. `peak_end`: what is remembered
of an experience is about the mean of its most intense moment and its end (Kahneman's peak–end rule). Intense is what lies far from 5.
"""

from statistics import mean, median
from typing import Final

import msgspec

MIDDLE: Final = 5.0
COURSE_SECONDS: Final = 90 * 86_400  # older answers say nothing about this course
COURSE_MAX: Final = 12  # answers that a fold remembers


class Felt(msgspec.Struct, array_like=True, gc=False):
    """How an answer says that the customer feels: a level 0–10."""

    at: int
    event_id: str
    journey: str
    level: float
    satisfaction: float | None
    scored: bool  # the level is a score, not the tone of a text


class Course(msgspec.Struct, frozen=True):
    """The course so far, this answer included. Null: no answer in it says how the customer feels."""

    points: int = 0
    level: float | None = None
    slope: float | None = None
    worst: float | None = None
    peak_end: float | None = None


class Together(msgspec.Struct, frozen=True):
    """Scored answers of all journeys against each other, this one included."""

    answers: int = 0
    lowest: float | None = None
    spread: float | None = None
    mean_satisfaction: float | None = None  # of those that have an expectation, where three have


_decoder = msgspec.msgpack.Decoder(list[Felt])
_encoder = msgspec.msgpack.Encoder()


def load_felt(rest: bytes) -> list[Felt]:
    """Answers from their bytes, oldest first; most inputs never look at them."""
    return _decoder.decode(rest) if rest else []


def dump_felt(felt: list[Felt]) -> bytes:
    """Bytes of the latest answers."""
    return _encoder.encode(felt[-COURSE_MAX:])


def course_of(felt: list[Felt], journey: str, at: int) -> Course:
    """The course in a journey."""
    levels = [one.level for one in _recent(felt, at) if one.journey == journey]
    if not levels:
        return Course()
    peak = max(reversed(levels), key=lambda level: (abs(level - MIDDLE), -level))
    return Course(len(levels), mean(levels), _slope(levels), min(levels), (peak + levels[-1]) / 2.0)


def together(felt: list[Felt], at: int) -> Together:
    """What the answers say together that none says alone."""
    answers = [one for one in _recent(felt, at) if one.scored]
    if not answers:
        return Together()
    levels = [one.level for one in answers]
    met = [one.satisfaction for one in answers if one.satisfaction is not None]
    lowest = min(levels)
    return Together(len(levels), lowest, max(levels) - lowest, mean(met) if len(met) >= 3 else None)


def told(felt: list[Felt], at: int) -> str:
    """The answers in words, for evidence: level and event of each."""
    return ", ".join(f"{one.level:g} ({one.event_id})" for one in _recent(felt, at)[-6:])


def _slope(levels: list[float]) -> float | None:
    """Levels an answer: the median of the slopes between any two answers (Theil and Sen), so that one odd answer moves little."""
    pairs = [
        (later - earlier) / (j - i)
        for i, earlier in enumerate(levels)
        for j, later in enumerate(levels[i + 1 :], start=i + 1)
    ]
    return median(pairs) if pairs else None


def _recent(felt: list[Felt], at: int) -> list[Felt]:
    since = at - COURSE_SECONDS * 1_000_000
    return [one for one in felt if since <= one.at <= at]
