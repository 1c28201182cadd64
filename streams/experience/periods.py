"""Periods of budgets and capacities: the hour, day, week, month, quarter or year, local time, in which an instant (µs) lies."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

SECOND: Final = 1_000_000
HOUR_SECONDS: Final = 3600
DAY_SECONDS: Final = 86_400
Per = Literal["hour", "day", "week", "month", "quarter", "year"]
# How long one is, as a limit on cx-controls says it; those of the calendar are meant.
NOMINAL_SECONDS: Final[dict[Per, int]] = {
    "hour": HOUR_SECONDS,
    "day": DAY_SECONDS,
    "week": 7 * DAY_SECONDS,
    "month": 30 * DAY_SECONDS,
    "quarter": 90 * DAY_SECONDS,
    "year": 365 * DAY_SECONDS,
}
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
Period = tuple[int, int]  # begin and end, µs; the end belongs to the next


@lru_cache(maxsize=1024)
def period_of(at: int, per: Per, time_zone: str) -> Period:
    """The period of an instant."""
    zone = ZoneInfo(time_zone)
    local = datetime.fromtimestamp(at // SECOND, zone)
    if per == "hour":
        past = (local.minute * 60 + local.second) * SECOND + at % SECOND
        return at - past, at - past + HOUR_SECONDS * SECOND
    day = datetime(local.year, local.month, local.day)
    if per == "day":
        return _instant(day, zone), _instant(day + timedelta(days=1), zone)
    if per == "week":
        monday = day - timedelta(days=day.weekday())
        return _instant(monday, zone), _instant(monday + timedelta(days=7), zone)
    months = _MONTHS[per]
    first = (local.year * 12 + local.month - 1) // months * months
    return _instant(_month(first), zone), _instant(_month(first + months), zone)


def fixed_period_of(at: int, seconds: int) -> Period:
    """The period of an instant where all are of one length, from 1970 on."""
    begin = at - at % (seconds * SECOND)
    return begin, begin + seconds * SECOND


def _month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1)


def _instant(local: datetime, zone: ZoneInfo) -> int:
    return int(local.replace(tzinfo=zone).timestamp()) * SECOND
