"""Working time: opening hours with split shifts, days off, and the weekend days on which China works (调休).

Counted in local time, clock changes included. Which days are off comes from `chinesecalendar` (China) and `holidays` (the
rest), for the years that the pack names and no other: what it knows of those is part of the pack's version.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from schemas.controls import Unit
from streams.errors import Unavailable
from streams.experience.days_off import Days, days_of
from streams.experience.pack import Calendar

SECOND: Final = 1_000_000
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS_MAX: Final = 1100  # beyond so many days without enough working time something is wrong

Spans = tuple[tuple[int, int], ...]  # minutes of the day, from and to


class Hours(NamedTuple):
    """When somebody works: by weekday, Monday first; on a day off; in which zone."""

    week: tuple[Spans, ...]
    zone: str


class WorkingTime:
    """A calendar of a pack at work."""

    def __init__(self, name: str, calendar: Calendar) -> None:
        self.name = name
        self.days: Days = days_of(calendar.holidays, calendar.years)
        self._years = frozenset(calendar.years)
        self.knows_days = bool(calendar.holidays)
        self._own = Hours(tuple(_spans(calendar.hours.get(day, [])) for day in WEEKDAYS), calendar.time_zone)
        self._holiday = _spans(calendar.on_holidays)
        self._dates = {date.fromisoformat(day): _spans(spans) for day, spans in calendar.dates.items()}
        self._cache: dict[tuple[date, Hours], tuple[tuple[int, int], ...]] = {}

    def later(self, at: int, seconds: float, unit: Unit | None = None) -> int:
        """The instant (µs) at which so much working time has passed since another. Raises Unavailable beyond its years."""
        left = max(0, int(seconds * SECOND))
        for begin, end in self._spans_from(at, self.hours(unit)):
            begin = max(begin, at)
            if begin + left <= end and left:
                return begin + left
            if not left:
                return begin
            left -= end - begin
        raise AssertionError("spans end only by an error")

    def between(self, since: int, until: int, unit: Unit | None = None) -> float:
        """Working seconds between two instants (µs)."""
        total = 0
        for begin, end in self._spans_from(since, self.hours(unit)):
            if begin >= until:
                break
            total += min(end, until) - max(begin, since)
        return total / SECOND

    def first_unknown(self, since: date, days: int) -> date | None:
        """The first of so many days whose days off it does not know; None: it knows all of them."""
        ahead = (since + timedelta(days=number) for number in range(days if self.knows_days else 0))
        return next((day for day in ahead if day.year not in self._years and day not in self._dates), None)

    def hours(self, unit: Unit | None) -> Hours:
        """A unit's own opening hours and zone; where it says nothing, those of the calendar."""
        if unit is None:
            return self._own
        opens = tuple((one.weekday, one.opens, one.closes) for one in unit.opening_hours)
        return _unit_hours(opens, unit.time_zone) or self._own

    def _spans_from(self, at: int, hours: Hours) -> Iterator[tuple[int, int]]:
        """Spans of working time (µs) that end after an instant, in order."""
        day = datetime.fromtimestamp(at // SECOND, UTC).astimezone(ZoneInfo(hours.zone)).date() - timedelta(days=1)
        for _ in range(DAYS_MAX):
            for span in self._on(day, hours):
                if span[1] > at:
                    yield span
            day += timedelta(days=1)
        raise Unavailable(f"calendar {self.name}: nobody works for {DAYS_MAX} days from {day}; give it hours", 60.0)

    def _on(self, day: date, hours: Hours) -> tuple[tuple[int, int], ...]:
        known = self._cache.get((day, hours))
        if known is None:
            if len(self._cache) > 20_000:
                self._cache.clear()
            zone = ZoneInfo(hours.zone)
            known = tuple((_utc(day, begin, zone), _utc(day, end, zone)) for begin, end in self._plan(day, hours))
            self._cache[day, hours] = known
        return known

    def _plan(self, day: date, hours: Hours) -> Spans:
        if day in self._dates:
            return self._dates[day]
        if self.knows_days and day.year not in self._years:
            raise Unavailable(
                f"calendar {self.name} does not cover {day.year}: add the year to `years` of the pack (packages that do not "
                f"know it yet have to be upgraded first, or its days listed under `dates`), activate it, restart the worker",
                60.0,
            )
        if day in self.days.off:
            return self._holiday
        if day in self.days.worked:
            return hours.week[day.weekday()] or hours.week[0]
        return hours.week[day.weekday()]


def _utc(day: date, minute: int, zone: ZoneInfo) -> int:
    """A local minute of a day as an instant (µs); 24:00 is the next day's beginning."""
    day, minute = (day + timedelta(days=1), 0) if minute == 24 * 60 else (day, minute)
    local = datetime.combine(day, time(minute // 60, minute % 60), zone)
    return int(local.timestamp()) * SECOND


def _spans(texts: Sequence[str]) -> Spans:
    """`["09:00-12:30", "14:00-18:00"]` as minutes, in order."""
    return tuple(sorted((minutes(text[:5]), minutes(text[6:])) for text in texts))


def minutes(clock: str) -> int:
    """HH:MM as a minute of the day."""
    return int(clock[:2]) * 60 + int(clock[3:])


@lru_cache(maxsize=4096)
def _unit_hours(opens: tuple[tuple[int, str, str], ...], zone: str) -> Hours | None:
    """Opening hours of a unit; spans that touch or overlap are one. None: it has none."""
    week: list[Spans] = []
    for weekday in range(1, 8):
        spans: list[tuple[int, int]] = []
        for begin, end in sorted((minutes(one[1]), minutes(one[2])) for one in opens if one[0] == weekday):
            if spans and begin <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            elif begin < end:
                spans.append((begin, end))
        week.append(tuple(spans))
    return Hours(tuple(week), zone) if any(week) else None
