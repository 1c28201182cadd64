"""From answers to the rows of the gap table: means by dimension, touchpoint, unit or journey, respondents kept apart."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from schemas.records import Experience
from streams.experience.gap import Levels

NONE: Final = "–"
BY: Final[dict[str, Callable[[Experience], str | None]]] = {
    "dimension": lambda one: one.dimension,
    "touchpoint": lambda one: one.touchpoint,
    "unit": lambda one: one.unit,
    "journey": lambda one: one.journey,
}


class Answers(NamedTuple):
    """Rows, and by row how many answers with a level they stand on."""

    levels: list[Levels]
    counts: dict[str, int]


def in_force(experiences: Iterable[Experience]) -> list[Experience]:
    """The last revision of each that is not retracted."""
    last: dict[str, Experience] = {}
    for one in experiences:
        if one.event_id not in last or one.revision >= last[one.event_id].revision:
            last[one.event_id] = one
    return [one for one in last.values() if not one.retracted]


def answers(experiences: Iterable[Experience], by: str, respondent: str = "customer") -> Answers:
    """Of one kind of respondent, in order of name. Answers without a level (complaints, remarks) have no place in it."""
    groups: dict[str, list[Experience]] = {}
    for one in in_force(experiences):
        if one.experience is not None and one.respondent == respondent:
            groups.setdefault(BY[by](one) or NONE, []).append(one)
    levels = [
        Levels(
            name=name,
            experience=_mean(each.experience for each in group),
            expectation=_mean(each.expectation for each in group),
            importance=_mean(each.importance for each in group),
            ideal=_mean(each.ideal for each in group),
            satisfaction=_mean(each.satisfaction for each in group),
        )
        for name, group in sorted(groups.items())
    ]
    return Answers(levels, {name: len(group) for name, group in groups.items()})


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
