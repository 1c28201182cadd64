"""Limits as `cx-controls` sets them: how much of a limit of the pack a period allows, from an event time on."""

from bisect import bisect_right, insort
from decimal import Decimal
from typing import Final, NamedTuple

from schemas.controls import Control, Limit

EVERY_BRAND: Final = ""


class LimitAt(NamedTuple):
    """One setting; of those of one instant the last written holds."""

    at: int
    written_at: int
    most: Decimal
    period_seconds: int
    currency: str | None


class LimitsInForce:
    """Settings by brand and name. NAME is a limit of the pack in every group, NAME/GROUP that of one group."""

    def __init__(self) -> None:
        self._settings: dict[tuple[str, str], list[LimitAt]] = {}

    def add(self, control: Control, limit: Limit) -> None:
        """One more setting, in any order."""
        one = LimitAt(control.in_force_at, control.written_at, limit.most, limit.period_seconds, limit.currency)
        settings = self._settings.setdefault((control.brand or EVERY_BRAND, limit.name), [])
        insort(settings, one, key=lambda each: each[:2])

    def find(self, name: str, group: str, brand: str | None, currency: str | None, at: int) -> LimitAt | None:
        """The setting at an instant (µs): the group's before all groups', the brand's before all brands'. None: as the pack says.

        One in another currency, or without one where money is counted, is about something else.
        """
        if not self._settings:
            return None
        for key in ((brand or EVERY_BRAND, f"{name}/{group}"), (EVERY_BRAND, f"{name}/{group}")):
            found = self._at(key, currency, at)
            if found is not None:
                return found
        return self._at((brand or EVERY_BRAND, name), currency, at) or self._at((EVERY_BRAND, name), currency, at)

    def _at(self, key: tuple[str, str], currency: str | None, at: int) -> LimitAt | None:
        settings = [one for one in self._settings.get(key, ()) if one.currency == currency]
        index = bisect_right(settings, at, key=lambda one: one.at)
        return settings[index - 1] if index else None
