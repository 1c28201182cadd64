"""What can be wrong with what a pack allows in a period over all customers."""

from collections.abc import Iterator
from typing import Final

from schemas.validate import known_time_zone
from streams.experience.naming import Problem, missing, tiers
from streams.experience.pack import PackFile, PeriodLimit

DEFERS_MAX: Final = 14  # periods that an action may wait for room


def check_limits(pack: PackFile) -> Iterator[Problem]:
    """Every problem."""
    kinds = {rule.kind for rule in pack.actions.values()}
    for name, limit in pack.limits.items():
        path = ("limits", name)
        yield from _numbers(path, limit)
        for field, what, named, known in (
            ("kinds", "kind of action", limit.kinds, kinds),
            ("audiences", "audience", limit.audiences, pack.audiences),
        ):
            for index, one in enumerate(named):
                yield from missing((*path, field, index), what, one, known)
        if not known_time_zone(limit.time_zone):
            yield (*path, "time_zone"), f"no time zone {limit.time_zone!r}; write an IANA name, e.g. Asia/Shanghai"
        if len(set(limit.same)) < len(limit.same):
            yield (*path, "same"), "the same field twice"


def _numbers(path: tuple[str, ...], limit: PeriodLimit) -> Iterator[Problem]:
    if isinstance(limit.most, dict):
        yield from tiers((*path, "most"), limit.most)
        if not set(limit.same) - {"brand"}:
            yield (*path, "most"), "values by group, but nothing is counted apart; write same: [unit], say"
    elif limit.most < 0:
        yield (*path, "most"), "cannot be negative"
    if not 0 <= limit.defers <= DEFERS_MAX:
        yield (*path, "defers"), f"{limit.defers} is outside 0 to {DEFERS_MAX}"
