"""Days worth a kind word: festivals, also of the Chinese calendar, and birthdays, in the customer's own time zone.

A festival is `MM-DD` (every year), `YYYY-MM-DD` (once), or one that moves and whose day comes from `holidays`, 1949 to 2100.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from schemas.validate import known_time_zone
from streams.experience.seasons import lunar_new_year

NONE: Final = "none"  # no festival today
MOVING: Final = {
    "qingming": "Tomb-Sweeping Day",
    "dragon_boat": "Dragon Boat Festival",
    "mid_autumn": "Mid-Autumn Festival",
}
SPRING_FESTIVAL: Final = "spring_festival"  # the first day of the lunar year
LANTERN: Final = "lantern"  # its fifteenth
LIKELY_YEAR: Final = 2026  # any; another one costs half a millisecond, once
KNOWN: Final = (SPRING_FESTIVAL, LANTERN, *MOVING)


def local_day(at: int, own: str | None, house: str) -> date:
    """The day on which an instant (µs) falls where the customer lives, else where the house is."""
    zone = own if own and known_time_zone(own) else house
    return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(ZoneInfo(zone)).date()


def festival_on(day: date, festivals: Mapping[str, str]) -> str:
    """The first, by name, of the festivals that fall on a day; `none`."""
    return next((name for name in sorted(festivals) if _falls(day, festivals[name])), NONE)


def _falls(day: date, when: str) -> bool:
    if when in KNOWN:
        return day in _moving(when, day.year)
    return day.isoformat() in (when, f"{day.year}-{when}")


@lru_cache(maxsize=512)
def _moving(name: str, year: int) -> frozenset[date]:
    if name in (SPRING_FESTIVAL, LANTERN):
        first = lunar_new_year(year)
        later = 14 if name == LANTERN else 0
        return frozenset() if first is None else frozenset({date.fromordinal(first.toordinal() + later)})
    import holidays  # takes a while, and only packs with such a festival need it

    known = holidays.country_holidays("CN", years=year, language="en_US")
    return frozenset(day for day, told in known.items() if MOVING[name] in told.split("; "))


def prepare(named: Iterable[str]) -> None:
    """Loads what the days of these festivals and peaks come from: 0.15 s that no event should wait for."""
    if not set(KNOWN).isdisjoint(named):
        lunar_new_year(LIKELY_YEAR)


def is_birthday(day: date, birthday: str | None) -> bool:
    """`MM-DD` or `YYYY-MM-DD`; who was born on 29 February has it on the 28th in other years."""
    if birthday is None or len(birthday) < 5:
        return False
    told, leap = birthday[-5:], day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
    return told == day.isoformat()[5:] or (told == "02-29" and not leap and (day.month, day.day) == (2, 28))


def check_festival(when: str) -> str | None:
    """What is wrong with a festival's day; None: nothing."""
    if when in KNOWN:
        return None
    try:
        date.fromisoformat(when if len(when) == 10 else f"2024-{when}")
    except ValueError:
        return f'{when!r} is no day; write "05-20", "2026-05-20" in quotes, or one of {", ".join(KNOWN)}'
    return None
