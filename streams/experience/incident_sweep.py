"""Incidents from contributions in order of event time: enough different subjects within a time make one; silence ends it."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Final

from streams.experience.bulk import BulkRule, SweepRule
from streams.experience.state import Row

SECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
USUAL_HOURS: Final = 24
USUAL_LEAST: Final = 3  # full hours; with fewer nothing is usual yet
SAMPLE_MAX: Final = 10
SUBJECTS_MAX: Final = 10_000  # so many different ones are counted; an incident that never ends must not grow for ever
UNITS_MAX: Final = 2  # one unit is named; of more it does not matter which


class Contribution(Row):
    """One subject's contribution to a cause; the highest revision of it."""

    id: str
    revision: int
    retracted: bool
    at: int
    subject: bytes  # eight bytes that tell them apart
    event_id: str
    unit: str | None
    pack: int  # among the packs of the board
    partition: int
    offset: int
    weight: float
    said: bool
    journey: str | None = None


class Found(Row):
    """An incident. `crossed_at`: when it was one for certain. `ended_at` None: in progress."""

    first_event: str
    started_at: int
    crossed_at: int
    last_at: int
    ended_at: int | None
    subjects: set[bytes]
    units: set[str]
    sample: list[Contribution]

    def add(self, at: int, subject: bytes, unit: str | None) -> None:
        """One more contribution, or the same again."""
        self.last_at = max(self.last_at, at)
        if len(self.subjects) < SUBJECTS_MAX:
            self.subjects.add(subject)
        if unit is not None and len(self.units) < UNITS_MAX:
            self.units.add(unit)


class Usual:
    """How many contributions are usual in a while: the median of the day before, by full hours (UTC). 0: that is not known yet."""

    def __init__(self, counts: Mapping[int, int], first_hour: int | None, within_seconds: float) -> None:
        self._counts, self._first, self._share = counts, first_hour, within_seconds / 3600
        self._known: dict[int, float] = {}

    def at(self, at: int) -> float:
        """At an instant (µs)."""
        hour = at // HOUR
        known = self._known.get(hour)
        if known is None:
            since = hour - USUAL_HOURS if self._first is None else max(self._first + 1, hour - USUAL_HOURS)
            day = [self._counts.get(one, 0) for one in range(since, hour)]
            known = self._known[hour] = median(day) * self._share if len(day) >= USUAL_LEAST else 0.0
        return known


def sweep(
    contributions: Iterable[Contribution],
    carried: Found | None,
    rule: SweepRule,
    until: int,
    usual: Usual | None = None,
) -> list[Found]:
    """The incidents, in order. `contributions` in order of event time; `carried`: one that is in progress before the first.

    The last one has ended when stream time (`until`, µs) has reached its end. Where the rule asks for more than `usual`, what is usual
    again does not carry an incident on.
    """
    times = None if isinstance(rule, BulkRule) or usual is None else rule.times_usual
    within, quiet = int(rule.within_seconds * SECOND), int(rule.ends_after_seconds * SECOND)
    found: list[Found] = []
    current = carried
    recent: deque[Contribution] = deque()
    subjects: Counter[bytes] = Counter()  # of those
    for one in contributions:
        if current is not None and one.at > current.last_at + quiet:
            found.append(_ended(current, quiet))
            current = None
        recent.append(one)
        subjects[one.subject] += 1
        while recent[0].at < one.at - within:
            gone = recent.popleft().subject
            subjects[gone] -= 1
            if not subjects[gone]:
                del subjects[gone]
        if current is not None and times is None and not isinstance(rule, BulkRule):
            current.add(one.at, one.subject, one.unit)
            continue
        if len(subjects) < rule.subjects or (times and usual and len(subjects) < times * usual.at(one.at)):
            continue
        if current is not None and times is not None:
            current.add(one.at, one.subject, one.unit)
            continue
        together = _together(recent, rule)
        if isinstance(rule, BulkRule) and len({each.subject for each in together}) < rule.subjects:
            continue
        if current is None:
            sample = together[:SAMPLE_MAX]  # stays as it is: growth alone makes no revision
            current = Found(together[0].event_id, together[0].at, one.at, one.at, None, set(), set(), sample)
        for each in together:
            current.add(each.at, each.subject, each.unit)
    if current is not None:
        found.append(_ended(current, quiet) if until >= current.last_at + quiet else current)
    return found


def _together(recent: Sequence[Contribution] | deque[Contribution], rule: SweepRule) -> list[Contribution]:
    """Those that make an incident if they are enough. Of answers the full marks, where nearly all are; and a burst goes on only
    with a full mark.
    """
    if not isinstance(rule, BulkRule):
        return list(recent)
    full = [one for one in recent if one.weight >= rule.full_marks_from]
    return full if len(full) >= rule.share * len(recent) and recent[-1].weight >= rule.full_marks_from else []


def _ended(one: Found, quiet: int) -> Found:
    one.ended_at = one.last_at + quiet
    return one


def size_shown(found: Found, least: int) -> int:
    """Subjects as told: in progress, at each doubling of the least; the exact number at the end."""
    if found.ended_at is not None:
        return len(found.subjects)
    shown = least
    while shown * 2 <= len(found.subjects):
        shown *= 2
    return shown


def in_order(contributions: Iterable[Contribution]) -> Sequence[Contribution]:
    """Those that hold, by event time; ties by id."""
    return sorted((one for one in contributions if not one.retracted), key=lambda one: (one.at, one.id))
