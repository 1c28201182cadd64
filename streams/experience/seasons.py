"""Seasonal peaks: days on which more people come than usual, so that how long they wait says nothing about other days.

618 and 双11 lie on fixed days; the rush around Spring Festival (春运) goes from 15 days before the lunar new year to 25 days
after it. The lunar new year comes from `holidays`, which reckons the Chinese calendar to 2100.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

SPRING_FESTIVAL: Final = "spring_festival"
FIXED: Final = {"618": ((6, 1), (6, 20)), "double_11": ((11, 1), (11, 12)), "double_12": ((12, 10), (12, 13))}
NAMES: Final = (*FIXED, SPRING_FESTIVAL)
_BEFORE, _AFTER = timedelta(days=15), timedelta(days=25)


def is_peak(day: date, peaks: Iterable[str]) -> bool:
    """Does a day lie in one of the peaks, each by name, or as first and last day: `2026-05-01/2026-05-05`?"""
    return any(day in days for days in (_days(peak, day.year) for peak in peaks))


def check_peak(peak: str) -> str | None:
    """What is wrong with a peak; None: nothing."""
    if peak in NAMES:
        return None
    try:
        first, last = (date.fromisoformat(part) for part in peak.split("/"))
    except ValueError:
        return f"{peak!r} is no peak; write one of {', '.join(NAMES)}, or first and last day: 2026-05-01/2026-05-05"
    return None if first <= last else f"{peak!r} ends before it begins"


@lru_cache(maxsize=256)
def _days(peak: str, year: int) -> frozenset[date]:
    """The days of a peak that lie in a year."""
    if peak == SPRING_FESTIVAL:
        new_year = lunar_new_year(year)
        if new_year is None:
            return frozenset()
        first, last = new_year - _BEFORE, new_year + _AFTER
    elif peak in FIXED:
        first, last = (date(year, month, day) for month, day in FIXED[peak])
    else:
        first, last = (date.fromisoformat(part) for part in peak.split("/"))
    return frozenset(first + timedelta(days=number) for number in range((last - first).days + 1))


@lru_cache(maxsize=64)
def lunar_new_year(year: int) -> date | None:
    """First day of the Chinese year that begins in a year; None before 1949 and after 2100."""
    import holidays  # takes a while, and only packs with this peak need it

    known = holidays.country_holidays("CN", years=year, language="en_US")
    days = [day for day, name in known.items() if name.startswith("Chinese New Year (") and day.year == year]
    return min(days, default=None)
