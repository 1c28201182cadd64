"""What can be wrong in the parts of a pack that say how experience and value are measured."""

from collections.abc import Iterator
from itertools import pairwise

from streams.experience.naming import Problem, missing
from streams.experience.pack import PackFile
from streams.experience.pack_values import Measure


def check_values(pack: PackFile) -> Iterator[Problem]:
    """Every problem."""
    for name, measure in pack.measures.items():
        yield from _measure(("measures", name), measure, pack)
    for name, entry in pack.touchpoints.items():
        if entry.promise is not None and not 0 <= entry.promise <= 10:
            yield ("touchpoints", name, "promise"), f"promise {entry.promise} is outside 0 to 10"


def _measure(path: tuple[str | int, ...], measure: Measure, pack: PackFile) -> Iterator[Problem]:
    yield from missing((*path, "touchpoint"), "touchpoint", measure.touchpoint, pack.touchpoints)
    if measure.dimension is not None:
        yield from missing((*path, "dimension"), "dimension", measure.dimension, pack.dimensions)
    if measure.of == "response_seconds" and measure.since is None:
        yield path, "response_seconds needs since: TOUCHPOINT, where the time begins"
    elif measure.since is not None and measure.of != "response_seconds":
        yield (*path, "since"), f"since belongs to of: response_seconds, this measure is of: {measure.of}"
    elif measure.since is not None:
        yield from missing((*path, "since"), "touchpoint", measure.since, pack.touchpoints)
        if measure.since == measure.touchpoint:
            yield (*path, "since"), "the time begins and ends at one touchpoint; name the one where it begins"
    if len(measure.levels) < 2:
        yield (*path, "levels"), "two points at least: [[0, 10], [600, 0]]"
    for index, (value, level) in enumerate(measure.levels):
        if not 0 <= level <= 10:
            yield (*path, "levels", index), f"level {level:g} is outside 0 to 10"
        if measure.of in ("failures", "completion") and not 0 <= value <= 1:
            yield (*path, "levels", index), f"{value:g} is no share of contacts, 0 to 1"
    for index, (one, other) in enumerate(pairwise(measure.levels), 1):
        if one[0] >= other[0]:
            yield (*path, "levels", index), f"{list(other)} does not ascend from {list(one)}"
