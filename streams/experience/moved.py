"""Decisions that have moved: what was decided before in, and what is derived now; out, which decision now is which one of before.

An episode's opening is found to be another event, or the episode in another journey: ids change, what people work on does not.
"""

from collections.abc import Mapping
from typing import Final

from schemas.codec import Codec
from schemas.decisions import Action, Holdout
from streams.experience.folding import Fact, Kind
from streams.experience.state import Entry

DECIDED: Final = (Action, Holdout)  # a tuple: a union would be built anew on each question
_TYPE: Final[dict[str, type[Action | Holdout]]] = {"action": Action, "holdout": Holdout}


def moved(
    entries: Mapping[tuple[Kind, str], Entry], derived: Mapping[tuple[Kind, str], Fact], base_at: int, codec: Codec
) -> dict[str, Entry]:
    """New id → what it was: the same rule and step in its journey, else in another journey about the same event."""
    left = [
        entry
        for key, entry in entries.items()
        if key not in derived
        and entry.episode
        and entry.at > base_at
        and (entry.status != "retracted" or (entry.settle_at is not None and entry.revision))
    ]
    left.sort(key=lambda entry: (entry.status == "retracted", -entry.at, entry.id))
    found: dict[str, Entry] = {}
    for elsewhere in (False, True):
        for key, fact in derived.items() if left else ():
            record = fact.record
            if key in entries or fact.id in found or not isinstance(record, DECIDED) or not record.episode_id:
                continue
            like = (one for one in left if _is_like(one, fact, elsewhere=elsewhere))
            old = next((one for one in like if not elsewhere or _about_the_same(one, record, codec)), None)
            if old is not None:
                left.remove(old)
                found[fact.id] = old
    return found


def _is_like(entry: Entry, fact: Fact, *, elsewhere: bool) -> bool:
    """Are they the same step of the same rule; `elsewhere`: but for the journey?"""
    if (entry.kind, entry.rule) != (fact.kind, fact.rule):
        return False
    return entry.step == fact.step or (elsewhere and entry.step.partition("/")[2] == fact.step.partition("/")[2])


def _about_the_same(entry: Entry, record: Action | Holdout, codec: Codec) -> bool:
    """Do two decisions rest on an event that is evidence for both?"""
    before = codec.decode(entry.value, _TYPE[entry.kind]) if entry.value else None
    if before is None:
        return False
    if before.occasion == record.occasion:
        return True
    if not (isinstance(before, Action) and isinstance(record, Action)):
        return False
    return not {one.event_id for one in before.evidence}.isdisjoint(one.event_id for one in record.evidence)
