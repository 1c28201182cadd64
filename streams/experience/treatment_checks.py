"""What can be wrong with how a pack limits and treats: caps across rules, channels."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from streams.experience.naming import Problem, missing
from streams.experience.pack import ContactCap, PackFile
from streams.experience.spent import SPENT_MAX

TIER: Final = "tier"


def check_treatment(pack: PackFile) -> Iterator[Problem]:
    """Every problem."""
    for name, cap in pack.caps.items():
        yield from _cap(("caps", name), cap, pack)
    for name, rule in pack.actions.items():
        path = ("actions", name, "channels")
        if rule.channels and rule.channel is not None:
            yield path, "say either channel or channels"
        if len(set(rule.channels)) < len(rule.channels):
            yield path, "the same channel twice"


def _cap(path: tuple[str, ...], cap: ContactCap, pack: PackFile) -> Iterator[Problem]:
    if not 1 <= cap.most <= SPENT_MAX:
        yield (
            (*path, "most"),
            f"{cap.most} is outside 1 to {SPENT_MAX}, as many as are remembered of a customer",
        )
    if cap.per_seconds <= 0:
        yield (*path, "per_seconds"), "must be positive"
    kinds = {rule.kind for rule in pack.actions.values()}
    yield from _all((*path, "kinds"), "kind of action", cap.kinds, kinds)
    yield from _all((*path, "audiences"), "audience", cap.audiences, pack.audiences)
    for name, values in cap.customers.items():
        if not values:
            yield (*path, "customers", name), "no value: the cap would hold for nobody"


def _all(path: tuple[str, ...], what: str, names: Iterable[str], known: Collection[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        yield from missing((*path, index), what, name, known)
