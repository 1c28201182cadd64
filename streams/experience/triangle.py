"""The triangle: what customers experience at a touchpoint, against what they expect and against what the brand promises.

Levels 0–10. `experience − promise` names over- and under-promising, `expectation − promise` whether people expect what they were
told. Differences of less than half a level are none.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from streams.experience.gap import Levels

Word = Literal["over-promised", "under-promised", "as promised"]
Hope = Literal["more than promised", "less than promised", "as promised"]
Lived = Literal["disappoints", "exceeds", "as expected"]
TOLERANCE: Final = 0.5


class Triangle(msgspec.Struct, frozen=True):
    """One touchpoint. A word is None where one of its two corners is not known."""

    touchpoint: str
    experience: float | None
    expectation: float | None
    promise: float | None
    promising: Word | None
    expecting: Hope | None
    living: Lived | None


def triangles(rows: Iterable[Levels], promises: Mapping[str, float]) -> list[Triangle]:
    """Rows are of touchpoints; a touchpoint with a promise and no experience is there, too."""
    known = {one.name: one for one in rows}
    return [
        _triangle(name, known.get(name) or Levels(name), promises.get(name)) for name in sorted({*known, *promises})
    ]


def _triangle(name: str, row: Levels, promise: float | None) -> Triangle:
    # An expectation that was itself taken from the promise says nothing beside it.
    expectation = None if row.sources.get("expectation") == "promise" else row.expectation
    word: dict[int, Word] = {-1: "over-promised", 0: "as promised", 1: "under-promised"}
    hope: dict[int, Hope] = {-1: "less than promised", 0: "as promised", 1: "more than promised"}
    lived: dict[int, Lived] = {-1: "disappoints", 0: "as expected", 1: "exceeds"}
    promising, expecting, living = (
        _side(row.experience, promise),
        _side(expectation, promise),
        _side(row.experience, expectation),
    )
    return Triangle(
        touchpoint=name,
        experience=row.experience,
        expectation=expectation,
        promise=promise,
        promising=None if promising is None else word[promising],
        expecting=None if expecting is None else hope[expecting],
        living=None if living is None else lived[living],
    )


def _side(level: float | None, against: float | None) -> int | None:
    if level is None or against is None:
        return None
    difference = level - against
    return 0 if abs(difference) < TOLERANCE else 1 if difference > 0 else -1
