"""What the gap table is made of: answers as the core judges them and measurements, by voice and segment."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final

from schemas.decisions import Experience
from schemas.events import Customer, Touchpoint
from streams.experience.compiled import CompiledPack
from streams.experience.fold import updated
from streams.experience.gap_answers import Answer, How, Segments, measured, said
from streams.experience.measures import promised_levels, readings
from streams.experience.state import Profile

TIER: Final = "tier"


def segments(customers: Iterable[Customer], of: str) -> Segments:
    """What segment a customer was in at an instant: the tier, or an attribute by its name. Of duplicates the first counts."""
    once: dict[tuple[str, str], Customer] = {}
    for one in customers:
        once.setdefault((one.subject_id, one.event_id), one)
    return as_of(_changes(once.values(), of))


def _changes(customers: Iterable[Customer], of: str) -> Iterator[tuple[str, int, str | None]]:
    profiles: dict[str, Profile] = {}
    for one in sorted(customers, key=lambda one: (one.occurred_at, one.event_id)):
        profile = profiles[one.subject_id] = updated(profiles.get(one.subject_id, Profile()), one)
        yield one.subject_id, one.occurred_at, profile.tier if of == TIER else profile.attributes.get(of)


def as_of(changes: Iterable[tuple[str, int, str | None]]) -> Segments:
    """The segment at an instant, of (customer, from when, segment) in the order of time; of one instant the last counts."""
    histories: dict[str, tuple[list[int], list[str | None]]] = {}
    for subject, at, value in changes:
        instants, values = histories.setdefault(subject, ([], []))
        instants.append(at)
        values.append(value)

    def segment(customer: str, at: int) -> str | None:
        instants, values = histories.get(customer, ([], []))
        index = bisect_right(instants, at)
        return values[index - 1] if index else None

    return segment


def answers(
    experiences: Iterable[Experience], events: Iterable[Touchpoint], pack: CompiledPack, segment: Segments
) -> list[Answer]:
    """All voices."""
    return [*said(experiences, segment), *measured(readings(events, pack), pack, segment)]


def how(pack: CompiledPack, weights: dict[str, float]) -> How:
    """How cells are filled with this pack."""
    return How(weights=weights, measures=pack.file.measures, promises=promised_levels(pack))
