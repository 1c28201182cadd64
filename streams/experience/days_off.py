"""Days off by country and year, from packages that know them: the days of the years that are asked for, and no others.

China's come from `chinesecalendar`, which knows a year once the State Council has published it and raises for others; other
countries' follow rules and come from `holidays`.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple


class Days(NamedTuple):
    """Days off, and weekend days on which people work."""

    off: frozenset[date]
    worked: frozenset[date]

    def digest(self) -> str:
        """Tells whether what a package knows has changed."""
        listed = [*sorted(day.isoformat() for day in self.off), "/", *sorted(day.isoformat() for day in self.worked)]
        return blake2b(" ".join(listed).encode(), digest_size=8).hexdigest()


class NotCovered(ValueError):
    """No package knows these days."""


def days_of(country: str | None, years: Sequence[int]) -> Days:
    """Days off in a country (`CN`, `DE`, `DE-BY`) in these years. Raises NotCovered."""
    return _days(country, tuple(sorted(set(years)))) if country else Days(frozenset(), frozenset())


@lru_cache(maxsize=64)
def _days(country: str, years: tuple[int, ...]) -> Days:
    if country == "CN":
        return _china(years)
    import holidays  # takes a while, and only packs with such a calendar need it

    code, _, part = country.partition("-")
    try:
        known = holidays.country_holidays(code, subdiv=part or None, years=years)
    except NotImplementedError as error:
        raise NotCovered(f"no country {country!r}: {error}") from None
    for year in years:
        if not known.start_year <= year <= known.end_year:
            raise NotCovered(f"{country} is known from {known.start_year} to {known.end_year}, not in {year}")
    return Days(_within(known, years), _within(known.weekend_workdays, years))


def _china(years: Iterable[int]) -> Days:
    import chinese_calendar

    off, worked = set(), set()
    for year in years:
        day = date(year, 1, 1)
        while day.year == year:
            try:
                rest = chinese_calendar.is_holiday(day)
            except NotImplementedError as error:
                raise NotCovered(f"chinesecalendar does not know {year} ({error}); upgrade it once it does") from None
            if (rest and day.weekday() < 5) or (rest and chinese_calendar.get_holiday_detail(day)[1] is not None):
                off.add(day)
            if not rest and day.weekday() >= 5:
                worked.add(day)
            day += timedelta(days=1)
    return Days(frozenset(off), frozenset(worked))


def _within(days: Iterable[date], years: Sequence[int]) -> frozenset[date]:
    return frozenset(day for day in days if day.year in years)
