"""What is usual, as the subjects see it: words from `cx-controls`, looked up by event time; and waits that are told to those who learn.

A wait is told as a cause `usual_waiting/HOUR` (hour of the week, local time), unless it falls into a seasonal peak; of many a
share, drawn by a hash of the event's id, so that the same ones are drawn in every run.
"""

from bisect import bisect_right, insort
from typing import Final, NamedTuple
from zlib import crc32
from zoneinfo import ZoneInfo

from schemas.controls import Control
from schemas.events import Touchpoint
from streams.experience.pack import UsualWaiting
from streams.experience.seasons import is_peak
from streams.experience.waits import Usual
from streams.experience.week_hours import week_hour

PREFIX: Final = "usual_waiting/"
WEEKS_MAX: Final = 26  # that may count
WORDS_MAX: Final = 16  # of one touchpoint and hour of the week, the latest ones
_ALL: Final = 1 << 32


class _Word(NamedTuple):
    at: int
    revision: int
    usual: Usual | None


class Habits:
    """What is usual by brand, touchpoint and hour of the week. Filled in any order; of one instant the highest revision counts."""

    def __init__(self) -> None:
        self._words: dict[tuple[str | None, str, int], list[_Word]] = {}

    def __bool__(self) -> bool:
        return bool(self._words)

    def apply(self, control: Control) -> int | None:
        """Takes a word in. The instant (µs) from which it holds; None: nothing is new."""
        said = control.usual_waiting
        if said is None:
            return None
        known = Usual(said.median_seconds, said.deviation_seconds, said.waits) if said.waits > 0 else None
        word = _Word(control.in_force_at, said.revision, known)
        words = self._words.setdefault((control.brand, said.touchpoint, said.hour_of_week), [])
        before = next((one for one in words if one.at == word.at), None)
        if before is not None and before.revision >= word.revision:
            return None
        if before is not None:
            words.remove(before)
        insort(words, word, key=lambda one: one.at)
        del words[:-WORDS_MAX]
        return word.at

    def usual(self, brand: str | None, touchpoint: str, at: int, zone: ZoneInfo) -> Usual | None:
        """How long people usually wait there at such an hour, as known at an instant (µs)."""
        hour, _ = week_hour(at, zone)
        words = self._words.get((brand, touchpoint, hour.hour))
        if not words:
            return None
        index = bisect_right(words, at, key=lambda one: one.at)
        return words[index - 1].usual if index else None


def is_wait(cause: str) -> bool:
    """Is a cause a wait that is learnt from, and no signal?"""
    return cause.startswith(PREFIX)


def told_as(event: Touchpoint, at: int, zone: ZoneInfo, rule: UsualWaiting) -> str | None:
    """The cause as which a wait is told; None: it is not learnt from."""
    if crc32(event.event_id.encode()) >= rule.sample * _ALL:
        return None
    hour, day = week_hour(at, zone)
    return None if is_peak(day, rule.peaks) else f"{PREFIX}{hour.hour}"
