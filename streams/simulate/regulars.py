"""Regular customers who are served a little worse each time, or well and badly in turn: no contact is bad, and yet they become unhappy.

Only with the habits `sinking` and `uneven`. They answer surveys more often than others, as regulars do.
"""

from random import Random
from typing import Final, Literal

from streams.simulate.plan import Plan

Course = Literal["", "sinking", "uneven"]
_SHARE: Final = 0.08  # of the customers, of each sort
ANSWERS: Final = 0.7
_STEP: Final = 0.75  # levels that each contact is worse than the last
_SWING: Final = 2.2
_LOWEST: Final = -2.4  # a poor contact, no bad one
_FIRST_MEMORIES: Final = 2  # contacts until there is something to compare with


def course_of(plan: Plan, index: int) -> Course:
    """What becomes of a customer, told by the number alone."""
    if not plan.habits:
        return ""
    draw = Random(f"{plan.seed}/regular/{index}").random()  # noqa: S311 - a simulation, reproducible on purpose
    if "sinking" in plan.habits and draw < _SHARE:
        return "sinking"
    return "uneven" if "uneven" in plan.habits and _SHARE <= draw < 2 * _SHARE else ""


def met(course: Course, contacts: int, quality: float) -> float:
    """How good a contact is that would have been this good for others. `contacts`: before it."""
    if course == "" or quality < 0:
        return quality
    if course == "sinking":
        return max(_LOWEST, 2.2 - _STEP * contacts)
    return _SWING if contacts % 2 == 0 else max(_LOWEST, -_SWING)


def annoys(course: Course, contacts: int, quality: float) -> bool:
    """Does such a contact disappoint somebody who remembers the ones before?"""
    return course != "" and contacts >= _FIRST_MEMORIES and quality < (1.0 if course == "sinking" else 0.0)
