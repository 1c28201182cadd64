"""Evidence as others see it: which events speak for a decision, with the weight that they have left."""

from collections.abc import Iterable

from schemas.records import Evidence, Origin
from streams.experience.folding import TOPICS
from streams.experience.score import FADED, faded
from streams.experience.state import Sign


def evidence_of(signs: Iterable[Sign], journey: str | None, at: int) -> list[Evidence]:
    """The evidence in a journey at an instant (µs), the heaviest first."""
    rows = [
        Evidence(
            event_id=sign.event_id,
            topic=TOPICS[sign.rank],
            partition=sign.partition,
            offset=sign.offset,
            occurred_at=sign.at,
            signal=sign.signal,
            origin="said" if sign.said else "inferred",
            weight=round(faded(sign, at), 6),
            text_start=sign.text_start,
            text_end=sign.text_end,
            detail=sign.detail or None,
        )
        for sign in signs
        if sign.at <= at and (journey is None or sign.journey == journey)
    ]
    return sorted(
        (row for row in rows if row.weight >= FADED), key=lambda row: (-row.weight, row.occurred_at, row.event_id)
    )


def origin_of(said: bool, inferred: bool) -> Origin:
    """Said, inferred, or both."""
    if said and inferred:
        return "both"
    return "said" if said else "inferred"
