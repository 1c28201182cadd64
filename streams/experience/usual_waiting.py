"""Job 2 learns how long people usually wait at a touchpoint in one hour of the week, and publishes it for the same hour a week later.

In: waits, as causes named `usual_waiting/HOUR`. Out: controls, each in force from the next time that the hour begins, from the
counts of the last weeks. So what is usual at an instant depends on earlier weeks alone, and is known long before it is needed.
Counts only add up: any order of arrival ends in the same ones.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from schemas.codec import Codec
from schemas.controls import Control, UsualWaiting
from schemas.decisions import Cause
from streams.engine.job import Output, Step
from streams.experience.controls import Shelf
from streams.experience.habits import WORDS_MAX, is_wait
from streams.experience.ids import digest
from streams.experience.pack import UsualWaiting as Rule
from streams.experience.state import Row, dump
from streams.experience.state_format import StateFormat
from streams.experience.surroundings import Limits
from streams.experience.waits import CLASSES_MAX, Usual, class_of, usual
from streams.experience.week_hours import SECOND, WeekHour, begins_at, week_hour

FORMAT: Final = 1
HOUR: Final = 3600 * SECOND
IDS_MAX: Final = 4_000  # waits of which it is remembered that they count, in case they are taken back


class Noted(Row):
    """A wait that came lately, in case that it is taken back or told again."""

    at: int
    week: int
    number: int  # its class
    counts: bool


class Published(Row):
    """What is out about a week."""

    revision: int
    median_seconds: float
    deviation_seconds: float
    waits: int


class Habit(Row):
    """Waits at one touchpoint in one hour of the week."""

    format: int = FORMAT
    brand: str | None = None
    touchpoint: str = ""
    hour: int = 0
    pack: tuple[str, str] = ("", "")  # of the newest wait
    newest_at: int = 0
    ticked_to: int = 0
    weeks: dict[int, dict[int, int]] = msgspec.field(default_factory=dict)  # week → class → waits
    noted: dict[bytes, Noted] = msgspec.field(default_factory=dict)
    published: dict[int, Published] = msgspec.field(default_factory=dict)  # week in which it holds → what


_format: Final = StateFormat(Habit, FORMAT, "the changelog of the incidents holds what is usual")


def concerns(key: bytes) -> bool:
    """Is this the key of waits, and not of an incident?"""
    return is_wait(key.rpartition(b"|")[2].decode(errors="replace"))


def learn(
    state: bytes | None, causes: Iterable[Cause], ticked_to: int, shelf: Shelf, codec: Codec, limits: Limits
) -> Step:
    """One step: waits in, what is usual out. Raises Unavailable when a pack is missing."""
    habit = _format.load(state)
    for cause in causes:
        _note(habit, cause, shelf)
    habit.ticked_to = max(habit.ticked_to, ticked_to)
    rule = shelf.get(*habit.pack).file.usual_waiting if habit.pack[0] else None
    if rule is None:
        return Step(dump(habit), [], None)
    zone = ZoneInfo(rule.time_zone)
    _forget(habit, rule, limits)
    outputs, due = [], None
    for week in sorted(week for week in habit.weeks if week > max(habit.weeks) - rule.weeks):
        closes_at = begins_at(WeekHour(week, habit.hour), zone) + HOUR + limits.lateness
        if closes_at > max(habit.ticked_to, habit.newest_at):
            due = closes_at if due is None else min(due, closes_at)
        elif (output := _publish(habit, week, closes_at, rule, zone, codec)) is not None:
            outputs.append(output)
    return Step(dump(habit), outputs, due)


def _note(habit: Habit, cause: Cause, shelf: Shelf) -> None:
    """Counts a wait once: told again it changes nothing, taken back it counts no more."""
    rule = shelf.get(cause.pack, cause.pack_version).file.usual_waiting
    if rule is None or cause.value is None:
        return
    name = blake2b(cause.cause_id.encode(), digest_size=8).digest()
    known = habit.noted.get(name)
    if known is None and cause.revision > 1:
        return  # too long ago to be changed
    if known is None:
        when, _ = week_hour(cause.occurred_at, ZoneInfo(rule.time_zone))
        known = habit.noted[name] = Noted(cause.occurred_at, when.week, class_of(cause.value), False)
        habit.brand, habit.touchpoint, habit.hour = cause.brand, cause.touchpoint, when.hour
    if cause.occurred_at >= habit.newest_at:
        habit.newest_at, habit.pack = cause.occurred_at, (cause.pack, cause.pack_version)
    if known.counts == cause.retracted:
        known.counts = not cause.retracted
        counts = habit.weeks.setdefault(known.week, {})
        counts[known.number] = counts.get(known.number, 0) + (1 if known.counts else -1)


def _forget(habit: Habit, rule: Rule, limits: Limits) -> None:
    """Weeks that count in no word that may still change, and waits that cannot be taken back any more."""
    oldest = max(habit.weeks, default=0) - 2 * rule.weeks
    habit.weeks = {week: counts for week, counts in habit.weeks.items() if week > oldest}
    habit.published = {week: one for week, one in habit.published.items() if week > oldest}
    if len(habit.noted) > 64:
        since = habit.newest_at - limits.lateness - HOUR
        kept = sorted((one.at, name) for name, one in habit.noted.items() if one.at >= since)[-IDS_MAX:]
        habit.noted = {name: habit.noted[name] for _, name in kept}


def _publish(habit: Habit, week: int, at: int, rule: Rule, zone: ZoneInfo, codec: Codec) -> Output | None:
    """What is usual a week later, by this week and those before it; None where nothing is new."""
    found = usual(_together(habit, week, rule), rule.least)
    told = habit.published.get(week + 1)
    now = found or Usual(0.0, 0.0, 0)
    before = Usual(told.median_seconds, told.deviation_seconds, told.waits) if told is not None else None
    if before == now or (found is None and not habit.published):
        return None
    revision = 1 if told is None else told.revision + 1
    habit.published[week + 1] = Published(revision, *now)
    name = digest("usual_waiting", habit.brand or "", habit.touchpoint, str(habit.hour))
    record = Control(
        control_id=f"usual-{name}-{(week + 1) % WORDS_MAX}",  # compacted: of each touchpoint and hour the latest ones stay
        in_force_at=begins_at(WeekHour(week + 1, habit.hour), zone),
        written_at=at,
        brand=habit.brand,
        usual_waiting=UsualWaiting(
            touchpoint=habit.touchpoint,
            hour_of_week=habit.hour,
            revision=revision,
            median_seconds=now.median_seconds,
            deviation_seconds=now.deviation_seconds,
            waits=now.waits,
        ),
    )
    return Output("cx-controls", record.control_id.encode(), codec.encode(record), partition=-1)


def _together(habit: Habit, week: int, rule: Rule) -> dict[int, int]:
    """Counts of a week and those before it that still count."""
    total: dict[int, int] = {}
    for one in range(week - rule.weeks + 1, week + 1):
        for number, count in habit.weeks.get(one, {}).items():
            if count > 0 and 0 <= number <= CLASSES_MAX:
                total[number] = total.get(number, 0) + count
    return total
