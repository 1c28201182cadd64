"""How full it is by hour of the week, which customers know, and hours in which it is full though it never is: half the tills are closed.

Only with the habit `rush`; without it nothing is ever fuller than usual. Local time of the customer's district.
"""

from datetime import datetime
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from streams.simulate.plan import US_PER_HOUR, US_PER_SECOND, Plan
from streams.simulate.truth import Truth, when

_ODD_A_WEEK: Final = 5  # hours of each week, drawn among quiet ones
_ODD_TIMES: Final = 5.0
_WEEK_HOURS: Final = 168


class Rush:
    """`usual` is what everybody reckons with, `now` what one meets: both as times of a quiet hour's wait."""

    def __init__(self, plan: Plan) -> None:
        self._on = "rush" in plan.habits
        self._start_us = plan.start_us
        self._seed = plan.seed
        self._odd: dict[int, frozenset[int]] = {}

    def usual(self, at_us: int, time_zone: str) -> float:
        """Saturday noon and the hour after work are full, nights are empty."""
        if not self._on:
            return 1.0
        weekday, hour = _local(at_us, time_zone)
        if weekday == 5 and 10 <= hour < 17:
            return 4.0
        if weekday < 5 and 16 <= hour < 19:
            return 2.5
        return 1.5 if 9 <= hour < 19 else 1.0

    def now(self, at_us: int, time_zone: str) -> float:
        """Now and then quiet hours are full."""
        usual = self.usual(at_us, time_zone)
        return usual * _ODD_TIMES if self.odd(at_us, time_zone) else usual

    def odd(self, at_us: int, time_zone: str) -> bool:
        """Is it full in an hour in which it never is?"""
        if not self._on or self.usual(at_us, time_zone) > 2.0:
            return False
        week, hour = divmod((at_us - self._start_us) // US_PER_HOUR, _WEEK_HOURS)
        if week not in self._odd:
            rng = Random(f"{self._seed}/rush/{week}")  # noqa: S311 - a simulation, reproducible on purpose
            self._odd[week] = frozenset(rng.sample(range(_WEEK_HOURS), _ODD_A_WEEK))
        return hour in self._odd[week]

    def tell(self, truth: Truth, until_us: int, time_zones: set[str]) -> None:
        """The odd hours of a run, for everybody in a time zone."""
        for zone in sorted(time_zones) if self._on else ():
            for at in range(self._start_us, until_us, US_PER_HOUR):
                if self.odd(at, zone):
                    truth.tell("odd_hour", time_zone=zone, since=when(at), until=when(at + US_PER_HOUR))


def _local(at_us: int, time_zone: str) -> tuple[int, int]:
    local = datetime.fromtimestamp(at_us // US_PER_SECOND, ZoneInfo(time_zone))
    return local.weekday(), local.hour
