"""Experience from O data: what happened at a touchpoint, as values of the pack's measures, and what level they come to.

A time or a number of steps has a level each time; a share (failures, completion) has one only for many contacts together.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import Final, NamedTuple

from schemas.events import Touchpoint
from streams.experience.compiled import CompiledPack
from streams.experience.pack_values import Measure
from streams.experience.score import line

SECOND: Final = 1e6
SHARES: Final = ("failures", "completion")
_ENDED: Final = ("success", "failure", "abandoned")  # an unknown outcome says nothing about either


class Reading(NamedTuple):
    """One measurement. `value`: seconds, steps, or 1 and 0 of what is a share."""

    measure: str
    event_id: str
    at: int
    customer: str | None
    unit: str | None
    journey: str
    touchpoint: str
    dimension: str | None
    value: float


def readings(events: Iterable[Touchpoint], pack: CompiledPack) -> list[Reading]:
    """What the measures of a pack read in events, in whatever order these come; a doubled event counts once."""
    if not pack.file.measures:
        return []
    once = {one.event_id: one for one in events}
    found: list[Reading] = []
    earlier: dict[tuple[str, str], list[Touchpoint]] = {}  # by subject and matter
    for event in sorted(once.values(), key=lambda one: (one.occurred_at, one.event_id)):
        matter = earlier.setdefault((event.subject_id, event.matter), []) if event.matter is not None else []
        for name, measure in pack.file.measures.items():
            if measure.touchpoint == event.touchpoint:
                value = _value(measure, event, matter)
                if value is not None:
                    found.append(_reading(name, measure, event, value, pack))
        matter.append(event)
    return found


def _reading(name: str, measure: Measure, event: Touchpoint, value: float, pack: CompiledPack) -> Reading:
    view = pack.touchpoint(event.touchpoint)
    customer = event.subject_id if event.subject_type == "customer" else None
    dimension = measure.dimension or view.dimension
    return Reading(
        name, event.event_id, event.occurred_at, customer, event.unit, view.journey, view.name, dimension, value
    )


def _value(measure: Measure, event: Touchpoint, earlier: Sequence[Touchpoint]) -> float | None:
    """None: this event says nothing about it."""
    match measure.of:
        case "waiting_seconds" | "duration_seconds":
            value: float | None = getattr(event, measure.of)
            return value
        case "late_seconds":
            return None if event.promised_at is None else (event.occurred_at - event.promised_at) / SECOND
        case "failures":
            return float(event.outcome == "failure") if event.outcome in _ENDED else None
        case "completion":
            return float(event.outcome == "success") if event.outcome in _ENDED else None
        case "steps":
            return _steps(event, earlier)
        case "response_seconds":
            return _response(measure, event, earlier)


def _steps(event: Touchpoint, earlier: Sequence[Touchpoint]) -> float | None:
    """Contacts that it took until this one succeeded: at this touchpoint, in this matter, since the last success."""
    if event.outcome != "success" or event.matter is None:
        return None
    steps = 1
    for one in reversed(earlier):
        if one.touchpoint == event.touchpoint:
            if one.outcome == "success":
                break
            steps += 1
    return float(steps)


def _response(measure: Measure, event: Touchpoint, earlier: Sequence[Touchpoint]) -> float | None:
    """From the first event at `since` that has had no response yet."""
    asked: Touchpoint | None = None
    for one in earlier:
        if one.touchpoint == measure.since and asked is None:
            asked = one
        elif one.touchpoint == event.touchpoint:
            asked = None
    return None if asked is None else (event.occurred_at - asked.occurred_at) / SECOND


def level_of(group: Iterable[Reading], measures: Mapping[str, Measure]) -> float | None:
    """The level of all readings together; each measure counts once, however often it was taken."""
    values: dict[str, list[float]] = {}
    for one in group:
        values.setdefault(one.measure, []).append(one.value)
    levels = [_level(measures[name], taken) for name, taken in values.items()]
    return fsum(levels) / len(levels) if levels else None


def _level(measure: Measure, values: list[float]) -> float:
    if measure.of in SHARES:
        return line(measure.levels, fsum(values) / len(values))
    return fsum(line(measure.levels, value) for value in values) / len(values)


def promised_levels(pack: CompiledPack) -> dict[str, float]:
    """By touchpoint, the level that the brand promises: stated, else what a promised wait or time comes to by its measure."""
    told: dict[str, float] = {}
    for name, entry in pack.file.touchpoints.items():
        derived = [
            line(one.levels, value) for one in pack.file.measures.values() for value in _promised(one, name, pack)
        ]
        if entry.promise is not None:
            told[name] = entry.promise
        elif derived:
            told[name] = fsum(derived) / len(derived)
    return told


def _promised(measure: Measure, touchpoint: str, pack: CompiledPack) -> list[float]:
    """Values that keep the promise just so."""
    if measure.touchpoint != touchpoint:
        return []
    waiting = pack.file.touchpoints[touchpoint].waiting_promised_seconds
    if measure.of == "waiting_seconds" and waiting is not None:
        return [waiting]
    if measure.of == "response_seconds":
        answered = (one for one in pack.file.promises.values() if one.touchpoint == touchpoint)
        return [one.within_seconds for one in answered if one.within_seconds is not None]
    return [0.0] if measure.of == "late_seconds" else []
