"""Evidence as others see it: which events speak for a decision, with the weight that they have left."""

from collections.abc import Iterable

from schemas.decisions import Evidence, Origin
from streams.experience.folding import TOPICS
from streams.experience.score import FADED, faded
from streams.experience.state import Sign


def evidence_of(signs: Iterable[Sign], journey: str | None, at: int) -> list[Evidence]:
    """The evidence in a journey at an instant (µs), the heaviest first."""
    return [row for row in all_evidence_of(signs, journey, at) if row.weight >= FADED]


def all_evidence_of(signs: Iterable[Sign], journey: str | None, at: int) -> list[Evidence]:
    """The same, with what has faded."""
    rows = [evidence(sign, at) for sign in signs if sign.at <= at and (journey is None or sign.journey == journey)]
    return sorted(rows, key=lambda row: (-row.weight, row.occurred_at, row.event_id))


def evidence(sign: Sign, at: int) -> Evidence:
    """One signal as evidence, with what it weighs at an instant (µs); a happy one weighs nothing."""
    return Evidence(
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


def origin_of(said: bool, inferred: bool) -> Origin:
    """Said, inferred, or both."""
    if said and inferred:
        return "both"
    return "said" if said else "inferred"
