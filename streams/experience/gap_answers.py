"""From answers and measurements to the rows of the gap table: means by dimension, touchpoint, unit, journey, customer or segment.

Four voices are kept apart: customers, staff, management, and what was measured. Which of them fill the cells, and with
what weight, is asked for. Sums are exact (`fsum`), and the last revision counts: the order of arrival changes no cell.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import fsum
from typing import Final, NamedTuple

import msgspec

from schemas.decisions import ExpectationSource, Experience
from schemas.events import FeedbackKind
from streams.experience.compiled import CompiledPack
from streams.experience.gap import Levels
from streams.experience.measures import Reading, level_of
from streams.experience.pack_values import Measure

NONE: Final = "–"
MEASURED: Final = "measured"
VOICES: Final = ("customer", "staff", "management", MEASURED)
# Whose word on what customers expect stands in, the first that there is.
INHERITED_FROM: Final = ("staff", "management")
Segments = Callable[[str, int], str | None]  # (customer, instant in µs) → segment


class Answer(msgspec.Struct, frozen=True, gc=False):
    """One answer, or one measurement (`reading`), and of what it is. Levels 0–10."""

    voice: str
    at: int
    customer: str | None
    unit: str | None
    journey: str | None
    touchpoint: str
    dimension: str | None
    reason: str | None = None
    segment: str | None = None
    kind: FeedbackKind | None = None
    experience: float | None = None
    expectation: float | None = None
    importance: float | None = None
    ideal: float | None = None
    satisfaction: float | None = None
    expects: ExpectationSource = "unknown"
    reading: Reading | None = None
    trust: float = 1.0  # what it weighs: less where it was given in bulk


BY: Final[dict[str, Callable[[Answer], str | None]]] = {
    "dimension": lambda one: one.dimension,
    "reason": lambda one: one.reason,
    "touchpoint": lambda one: one.touchpoint,
    "unit": lambda one: one.unit,
    "journey": lambda one: one.journey,
    "customer": lambda one: one.customer,
    "segment": lambda one: one.segment,
}


class How(msgspec.Struct, frozen=True):
    """How cells are filled. `weights`: voice → its weight among those that say something of a row.

    `promises`: touchpoint → level that the brand promises, for rows of which nobody says what is expected.
    """

    weights: Mapping[str, float]
    measures: Mapping[str, Measure] = {}
    promises: Mapping[str, float] = {}


class Answers(NamedTuple):
    """Rows; by row on how many answers (or measurements) they stand; and what each voice says of its experience."""

    levels: list[Levels]
    counts: dict[str, int]
    voices: dict[str, dict[str, float]]


def in_force(experiences: Iterable[Experience]) -> list[Experience]:
    """The last revision of each that is not retracted."""
    last: dict[str, Experience] = {}
    for one in experiences:
        if one.event_id not in last or one.revision >= last[one.event_id].revision:
            last[one.event_id] = one
    return [one for one in last.values() if not one.retracted]


def said(experiences: Iterable[Experience], segment: Segments) -> list[Answer]:
    """What was said, as last revised. Answers without a level (complaints, remarks) have no place in the table."""
    return [
        Answer(
            voice=one.respondent,
            at=one.about_at,
            customer=one.subject_id if one.subject_type == "customer" else None,
            unit=one.unit,
            journey=one.journey,
            touchpoint=one.touchpoint,
            dimension=one.dimension,
            reason=one.reason,
            segment=segment(one.subject_id, one.about_at),
            kind=one.kind,
            experience=one.experience,
            expectation=one.expectation,
            importance=one.importance,
            ideal=one.ideal,
            satisfaction=one.satisfaction,
            expects=one.expectation_source,
            trust=one.trust,
        )
        for one in in_force(experiences)
        if one.experience is not None
    ]


def measured(found: Iterable[Reading], pack: CompiledPack, segment: Segments) -> list[Answer]:
    """What was measured; what is expected there, how important and what ideal is what the pack says."""
    told = []
    for one in found:
        view = pack.touchpoint(one.touchpoint)
        known: ExpectationSource = "unknown" if view.expectation is None else "inherited"
        told.append(
            Answer(
                voice=MEASURED,
                at=one.at,
                customer=one.customer,
                unit=one.unit,
                journey=one.journey,
                touchpoint=one.touchpoint,
                dimension=one.dimension,
                segment=segment(one.customer or "", one.at),
                expectation=view.expectation,
                importance=view.importance,
                ideal=view.ideal,
                expects="none" if view.expects_nothing else known,
                reading=one,
            )
        )
    return told


def grouped(answers: Iterable[Answer], by: str) -> dict[str, list[Answer]]:
    """By what they are about, in order of name."""
    groups: dict[str, list[Answer]] = {}
    for one in answers:
        groups.setdefault(BY[by](one) or NONE, []).append(one)
    return dict(sorted(groups.items()))


def rows(answers: Iterable[Answer], by: Sequence[str], how: How, above: Sequence[Answer] = ()) -> Answers:
    """Rows in order of name, several keys joined by a slash. `above`: answers of the segment from which what is expected
    is inherited where nobody here says it.
    """
    groups, wider = _rows(answers, by), _rows(above, by)
    levels, counts, voices = [], {}, {}
    for name, group in sorted(groups.items()):
        spoken = _by_voice(group)
        row = _levels(name, spoken, how, _by_voice(wider.get(name, [])))
        if row.experience is None:
            continue
        levels.append(row)
        heard = (
            [MEASURED] if row.sources.get("experience") == MEASURED else [one for one in how.weights if one in spoken]
        )
        counts[name] = sum(len(spoken[voice]) for voice in heard)
        voices[name] = {
            voice: level
            for voice in VOICES
            if (level := _mean(spoken.get(voice, ()), "experience", how.measures)) is not None
        }
    return Answers(levels, counts, voices)


def _rows(answers: Iterable[Answer], by: Sequence[str]) -> dict[str, list[Answer]]:
    groups: dict[str, list[Answer]] = {}
    keys = [BY[key] for key in by]
    for one in answers:
        groups.setdefault("/".join(key(one) or NONE for key in keys), []).append(one)
    return groups


def _by_voice(group: Iterable[Answer]) -> dict[str, list[Answer]]:
    spoken: dict[str, list[Answer]] = {}
    for one in group:
        spoken.setdefault(one.voice, []).append(one)
    return spoken


def _levels(name: str, spoken: dict[str, list[Answer]], how: How, above: dict[str, list[Answer]]) -> Levels:
    sources: dict[str, str] = {}
    experience = _weighed(spoken, "experience", how)
    voices = how
    if experience is None and MEASURED in spoken:  # nobody says anything: then what was measured
        experience, voices = (
            _mean(spoken[MEASURED], "experience", how.measures),
            msgspec.structs.replace(how, weights={MEASURED: 1.0}),
        )
        sources["experience"] = MEASURED
    expectation, satisfaction = _weighed(spoken, "expectation", voices), _weighed(spoken, "satisfaction", voices)
    if expectation is None:
        expectation, source = _inherited(spoken, how, above)
        if source is not None:
            sources["expectation"] = source
        satisfaction = None
    return Levels(
        name=name,
        experience=experience,
        expectation=expectation,
        importance=_weighed(spoken, "importance", voices),
        ideal=_weighed(spoken, "ideal", voices),
        satisfaction=satisfaction,
        sources=sources,
    )


def _inherited(
    spoken: dict[str, list[Answer]], how: How, above: dict[str, list[Answer]]
) -> tuple[float | None, str | None]:
    """What is expected where those who were asked for do not say it, and from whom that is taken.

    None by the pack's own word stays none: there is nothing to disappoint.
    """
    everybody = [one for group in spoken.values() for one in group]
    if any(one.expects == "none" for one in everybody):
        return None, "none"
    if (level := _weighed(above, "expectation", how)) is not None:
        return level, "segment"
    for voice in INHERITED_FROM:
        if (level := _mean(spoken.get(voice, ()), "expectation", how.measures)) is not None:
            return level, voice
    touchpoints = {one.touchpoint for one in everybody}
    promised = [how.promises.get(one) for one in sorted(touchpoints)]
    if len(promised) == 1 and promised[0] is not None:
        return promised[0], "promise"
    return None, None


def _weighed(spoken: Mapping[str, Sequence[Answer]], cell: str, how: How) -> float | None:
    """The mean over the voices that say something, by their weights."""
    known = [
        (weight, level)
        for voice, weight in how.weights.items()
        if weight > 0.0 and (level := _mean(spoken.get(voice, ()), cell, how.measures)) is not None
    ]
    if not known:
        return None
    return fsum(weight * level for weight, level in known) / fsum(weight for weight, _ in known)


def _mean(answers: Sequence[Answer], cell: str, measures: Mapping[str, Measure]) -> float | None:
    if answers and answers[0].voice == MEASURED and cell in ("experience", "satisfaction"):
        level = level_of((one.reading for one in answers if one.reading is not None), measures)
        expected = _mean(answers, "expectation", measures) if cell == "satisfaction" else 0.0
        return None if level is None or expected is None else level - expected
    values = [(one.trust, value) for one in answers if (value := getattr(one, cell)) is not None]
    weight = fsum(trust for trust, _ in values)
    return fsum(trust * value for trust, value in values) / weight if weight > 0.0 else None
