"""What the gap table is made of: answers as the core judges them and measurements, by voice and segment."""

from bisect import bisect_right
from collections.abc import Iterable
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
    """What segment a customer was in at an instant: the tier, or an attribute by its name."""
    histories: dict[str, tuple[list[int], list[str | None]]] = {}
    profiles: dict[str, Profile] = {}
    for one in sorted(customers, key=lambda one: (one.occurred_at, one.event_id)):
        profile = profiles[one.subject_id] = updated(profiles.get(one.subject_id, Profile()), one)
        instants, values = histories.setdefault(one.subject_id, ([], []))
        instants.append(one.occurred_at)
        values.append(profile.tier if of == TIER else profile.attributes.get(of))

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
