"""Caps across rules: so many actions of some sort a customer, in a sliding time.

A cap says what it counts (who is reached, audience, kind, channel, step), for whom it holds (attributes of the customer),
what is counted apart (`same`), and up to which priority it binds.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from streams.experience.pack import ContactCap
from streams.experience.spent import Spent
from streams.experience.state import Profile

SECOND = 1_000_000


def binding(
    caps: Iterable[tuple[str, ContactCap]], claim: Spent, priority: int, profile: Profile
) -> list[tuple[str, ContactCap]]:
    """The caps that hold for an action of this sort and this customer."""
    return [(name, cap) for name, cap in caps if _binds(cap, claim, priority, profile)]


def full(caps: Iterable[tuple[str, ContactCap]], claim: Spent, rows: Sequence[Spent]) -> str | None:
    """Which of the caps that hold keeps an action from happening, in figures and with what would free it; None: there is room.

    Of several the one that is longest in the way.
    """
    worst: tuple[int, str] | None = None
    for name, cap in caps:
        counted = [row.at for row in rows if _counts(cap, row) and _alike(cap, row, claim)]
        free_at, count = room(counted, claim.at, cap.most, cap.per_seconds)
        if free_at is not None and (worst is None or free_at > worst[0]):
            worst = (free_at, in_figures(name, count, cap.per_seconds, cap.most, free_at))
    return None if worst is None else worst[1]


def room(counted: Iterable[int], at: int, most: int, per_seconds: float) -> tuple[int | None, int]:
    """(when there is room again (µs), None for now; how many count now)."""
    length = int(per_seconds * SECOND)
    inside = sorted(one for one in counted if one > at - length)
    return (None if len(inside) < most else inside[len(inside) - most] + length), len(inside)


def matters(caps: Iterable[tuple[str, ContactCap]], claim: Spent) -> bool:
    """Will an action count for anything later: because it reaches the customer, costs something, or a cap counts it?"""
    return claim.reaches == "customer" or claim.costs or any(_counts(cap, claim) for _, cap in caps)


def in_figures(name: str, count: int, per_seconds: float, most: int, free_at: int) -> str:
    """Why a cap is full, and when it is not any more."""
    about = f"{name}: " if name else ""
    return f"{about}{count} in {per_seconds:.0f} s, at most {most}; wins from {instant(free_at)}"


def instant(at: int) -> str:
    """An instant (µs) for people, to the second and not too early."""
    return datetime.fromtimestamp(-(-at // SECOND), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _binds(cap: ContactCap, claim: Spent, priority: int, profile: Profile) -> bool:
    """Does a cap hold for this action and customer?"""
    if not _counts(cap, claim) or (cap.below_priority is not None and priority >= cap.below_priority):
        return False
    return all(_value(profile, name) in values for name, values in cap.customers.items())


def _value(profile: Profile, name: str) -> str | None:
    return profile.tier if name == "tier" else profile.attributes.get(name)


def _counts(cap: ContactCap, row: Spent) -> bool:
    """Is this an action of the sort that a cap counts?"""
    return (
        (cap.reaches is None or row.reaches == cap.reaches)
        and (not cap.kinds or row.kind in cap.kinds)
        and (not cap.channels or row.channel in cap.channels)
        and (not cap.audiences or row.audience in cap.audiences)
        and (not cap.steps or row.step in cap.steps)
    )


def _alike(cap: ContactCap, row: Spent, claim: Spent) -> bool:
    return all(getattr(row, name) == getattr(claim, name) for name in cap.same)
