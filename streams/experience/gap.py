"""The gap table: by dimension experience, expectation, satisfaction, importance and ideal, and what follows: where to act first.

`satisfaction = experience − expectation`, `weighted = importance × satisfaction`, `gap = experience − ideal`; levels and importance
0–10. What is not known stays empty: an empty cell is never zero. The ideal equals the actual level everywhere except at the key
experience (resources are limited: exceed what is expected only where it counts), where it is what was stated.
"""

from collections.abc import Mapping, Sequence

import msgspec

LEVEL_MAX = 10.0
IMPORTANCE_MAX = 10.0


class Levels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a dimension (or of whatever the rows are of). None: not known.

    `satisfaction` is given where it was measured answer by answer, because not every answer has an expectation; otherwise
    it follows from the two levels. `sources`: of a cell that the customers did not state, where it comes from.
    """

    name: str
    experience: float | None = None
    expectation: float | None = None
    importance: float | None = None
    ideal: float | None = None
    satisfaction: float | None = None
    sources: dict[str, str] = {}


class Row(msgspec.Struct, frozen=True):
    """Levels with what follows from them. `derived`: names of the cells that were not given.

    `weighted_range`: what importance × satisfaction can be; both ends are equal where it is known, None without satisfaction.
    """

    name: str
    experience: float | None
    expectation: float | None
    satisfaction: float | None
    importance: float | None
    weighted: float | None
    ideal: float | None
    gap: float | None
    weighted_range: tuple[float, float] | None
    derived: tuple[str, ...]
    sources: dict[str, str] = {}


class Table(msgspec.Struct, frozen=True):
    """Rows in the order given. `priorities`: dissatisfying ones, the most pressing first; `key` is the first of them.

    `certain`: nothing that is not known could put another one first.
    """

    rows: tuple[Row, ...]
    key: str | None
    certain: bool
    priorities: tuple[str, ...]


def table(levels: Sequence[Levels]) -> Table:
    """The seven steps' table. Raises ValueError for a level off its scale or a name that is there twice."""
    _check(levels)
    ranges = {each.name: _weighted_range(each) for each in levels}
    pressing = {name: both for name, both in ranges.items() if both is not None and both[0] < 0}
    # What is known counts as it is, a range by its middle; of equals the one that could be worse is first.
    priorities = sorted(pressing, key=lambda name: (sum(pressing[name]) / 2, pressing[name]))
    key = priorities[0] if priorities else None
    certain = key is not None and all(pressing[key][1] <= pressing[name][0] for name in priorities[1:])
    return Table(
        tuple(_row(each, ranges[each.name], each.name == key) for each in levels), key, certain, tuple(priorities)
    )


def what_if(levels: Sequence[Levels], experience: Mapping[str, float]) -> Table:
    """The table as it would be with other levels of experience. Raises ValueError for an unknown name."""
    unknown = sorted(set(experience) - {each.name for each in levels})
    if unknown:
        raise ValueError(f"there is no row {', '.join(unknown)}; there are {', '.join(each.name for each in levels)}")
    return table(
        [
            msgspec.structs.replace(each, experience=experience[each.name], satisfaction=None)
            if each.name in experience
            else each
            for each in levels
        ]
    )


def _check(levels: Sequence[Levels]) -> None:
    names = [each.name for each in levels]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)}: there twice")
    for each in levels:
        for cell, most in (
            ("experience", LEVEL_MAX),
            ("expectation", LEVEL_MAX),
            ("ideal", LEVEL_MAX),
            ("importance", IMPORTANCE_MAX),
        ):
            value = getattr(each, cell)
            if value is not None and not 0.0 <= value <= most:
                raise ValueError(f"{each.name}: {cell} {value:g} is not between 0 and {most:g}")


def _satisfaction(each: Levels) -> float | None:
    if each.satisfaction is not None:
        return each.satisfaction
    if each.experience is None or each.expectation is None:
        return None
    return each.experience - each.expectation


def _weighted_range(each: Levels) -> tuple[float, float] | None:
    satisfaction = _satisfaction(each)
    if satisfaction is None:
        return None
    if each.importance is not None:
        return (each.importance * satisfaction,) * 2
    extreme = IMPORTANCE_MAX * satisfaction
    return min(extreme, 0.0), max(extreme, 0.0)


def _row(each: Levels, weighted_range: tuple[float, float] | None, is_key: bool) -> Row:
    satisfaction = _satisfaction(each)
    ideal = each.ideal if is_key else each.experience
    known = satisfaction is not None and each.importance is not None
    weighted = weighted_range[0] if known and weighted_range is not None else None
    gap = None if each.experience is None or ideal is None else each.experience - ideal
    cells = {"satisfaction": satisfaction, "weighted": weighted, "ideal": None if is_key else ideal, "gap": gap}
    return Row(
        name=each.name,
        experience=each.experience,
        expectation=each.expectation,
        satisfaction=satisfaction,
        importance=each.importance,
        weighted=weighted,
        ideal=ideal,
        gap=gap,
        weighted_range=weighted_range,
        derived=tuple(name for name, value in cells.items() if value is not None),
        sources=each.sources,
    )
