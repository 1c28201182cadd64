"""Hours of the week, local time: 0 is Monday from 0 to 1, 167 Sunday from 23 to 24."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

SECOND = 1_000_000
_MONDAY = date(1970, 1, 5).toordinal()


class WeekHour(NamedTuple):
    """An hour of a week: `week` counts from the first Monday of 1970."""

    week: int
    hour: int


def week_hour(at: int, zone: ZoneInfo) -> tuple[WeekHour, date]:
    """The hour of the week, and the day, of an instant (µs)."""
    local = datetime.fromtimestamp(at // SECOND, zone)
    day = local.date()
    week, weekday = divmod(day.toordinal() - _MONDAY, 7)
    return WeekHour(week, weekday * 24 + local.hour), day


def begins_at(one: WeekHour, zone: ZoneInfo) -> int:
    """When an hour of a week begins (µs)."""
    day = date.fromordinal(_MONDAY + one.week * 7) + timedelta(days=one.hour // 24)
    local = datetime(day.year, day.month, day.day, one.hour % 24, tzinfo=zone)
    return int(local.astimezone(UTC).timestamp()) * SECOND
