"""Coached or bulk answers: many full marks from one device, one unit, or at one touchpoint within a minute or so.

A subject's own state cannot see others, so job 1 tells job 2 of every scored answer, once a group, as a cause that no signal has;
job 2 finds the bursts (`incident_sweep.py`) and publishes a *word* on each as an incident on `cx-controls`. An answer weighs less
where a word on its group covers its time. Words do not depend on what they weigh, so any order of arrival ends in the same ones.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from schemas.controls import Incident
from schemas.events import Feedback
from schemas.validate import LEVEL_MAX
from streams.experience.pack import BulkAnswers, Incidents

PREFIX: Final = "bulk_answers/"
DEVICE, UNIT, TOUCHPOINT = (f"{PREFIX}{kind}" for kind in ("device", "unit", "touchpoint"))
WORDS_MAX: Final = 64  # of one group, the latest ones


class BulkRule(NamedTuple):
    """What makes a burst: so many full marks, and such a share of all answers, within a time."""

    subjects: int
    within_seconds: float
    ends_after_seconds: float
    audience: str
    text: str
    kind: str
    full_marks_from: float  # weight of a contribution, 0–1
    share: float


class Word(NamedTuple):
    """What is known of a burst. `last_at` None: in progress."""

    revision: int
    retracted: bool
    started_at: int
    last_at: int | None

    def covers(self, at: int) -> bool:
        """Is an answer at this instant part of the burst?"""
        return not self.retracted and self.started_at <= at and (self.last_at is None or at <= self.last_at)


class Words:
    """The words on bursts, and on incidents (members.py), by group: brand, touchpoint and cause. Filled in any order; the highest revision counts."""

    def __init__(self) -> None:
        self._by_group: dict[tuple[str | None, str, str], dict[str, Word]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_group)

    def apply(self, brand: str | None, incident: Incident) -> int | None:
        """Takes a word in. The instant (µs) from which answers are judged otherwise than before; None: nothing is new."""
        words = self._by_group.setdefault((brand, incident.touchpoint, incident.cause), {})
        word = Word(incident.revision, incident.retracted, incident.started_at, incident.ended_at)
        before = words.get(incident.incident_id)
        if before is not None and before.revision >= word.revision:
            return None
        if before is not None and before[1:] == word[1:]:
            words[incident.incident_id] = word
            return None  # it has only grown
        words[incident.incident_id] = word
        while len(words) > WORDS_MAX:
            del words[min(words, key=lambda name: words[name].started_at)]
        if before is None or before.retracted or word.retracted or before.started_at != word.started_at:
            return min(word.started_at, before.started_at if before is not None else word.started_at)
        ends = [at for at in (before.last_at, word.last_at) if at is not None]
        return min(ends, default=word.started_at)

    def cover(self, brand: str | None, touchpoint: str, cause: str, at: int) -> bool:
        """Is an answer of this group at this instant part of a burst?"""
        return self.find(brand, touchpoint, cause, at) is not None

    def find(self, brand: str | None, touchpoint: str, cause: str, at: int) -> Word | None:
        """The word that covers an instant."""
        words = self._by_group.get((brand, touchpoint, cause), {}).values()
        return next((word for word in words if word.covers(at)), None)


def is_bulk(cause: str) -> bool:
    """Is a cause a group of answers, and no signal?"""
    return cause.startswith(PREFIX)


def groups(feedback: Feedback, unit: str | None, rule: BulkAnswers) -> Iterator[str]:
    """The groups of a scored answer that the pack watches, as causes."""
    if rule.device is not None and feedback.device:
        yield f"{DEVICE}/{feedback.device}"
    if rule.unit is not None and unit:
        yield f"{UNIT}/{unit}"
    if rule.touchpoint is not None:
        yield TOUCHPOINT


def is_full(level: float, rule: BulkAnswers) -> bool:
    """Is a level (0–10) a full mark?"""
    return level >= rule.full_marks_from


def rule_of(cause: str, rule: BulkAnswers | None) -> BulkRule | None:
    """What makes a burst of a group."""
    if rule is None:
        return None
    kind = cause.removeprefix(PREFIX).partition("/")[0]
    group = {"device": rule.device, "unit": rule.unit, "touchpoint": rule.touchpoint}.get(kind)
    if group is None:
        return None
    return BulkRule(
        group.answers,
        group.within_seconds,
        max(group.within_seconds, rule.ends_after_seconds),
        rule.audience,
        rule.text,
        rule.kind,
        rule.full_marks_from / LEVEL_MAX,
        rule.share,
    )


SweepRule = Incidents | BulkRule
