"""What one subject contributes to something that is judged over many: a fact for the second job."""

from schemas.decisions import Cause
from streams.experience.compiled import CompiledPack
from streams.experience.folding import Fact, Folding
from streams.experience.ids import cause_id


def is_signal(cause: str) -> bool:
    """Is a cause a signal of a pack, and nothing that is only counted over many?"""
    return "/" not in cause


def contribution(
    folding: Folding,
    pack: CompiledPack,
    event_id: str,
    at: int,
    touchpoint: str,
    cause: str,
    *,
    weight: float,
    said: bool,
    journey: str,
    unit: str | None,
    value: float | None = None,
    staff: str | None = None,
    fixed: bool = False,
) -> Fact:
    """A cause, from the input or the broken promise of an instant (µs)."""
    record = Cause(
        cause_id=cause_id(folding.key, event_id, at, touchpoint, cause),
        revision=1,
        touchpoint=touchpoint,
        cause=cause,
        brand=folding.about[0],
        unit=unit,
        journey=journey,
        subject_type=folding.subject_type,
        subject_id=folding.key,
        event_id=event_id,
        occurred_at=at,
        origin="said" if said else "inferred",
        weight=weight,
        pack=pack.name,
        pack_version=pack.version,
        value=value,
        staff=staff,
        fixed=fixed,
    )
    return Fact("cause", record.cause_id, at, record)
