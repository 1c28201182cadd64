"""How long people usually wait, from counts of waits: the median, and how far waits usually lie from it (median absolute deviation).

Waits are counted in classes that are a tenth wider one than the last, so a count of weeks is small, can be added up in any
order, and gives the median to within 5 %.
"""

from collections.abc import Iterable, Mapping
from math import ceil, log, sqrt
from typing import Final, NamedTuple

GROWTH: Final = 1.1
CLASSES_MAX: Final = 170  # more than a hundred days
MAD_TO_SIGMA: Final = 1.4826  # of a normal distribution
LEAST_SHARE: Final = 0.1  # deviations below a tenth of the median, or a second, are not told from noise
_LOG: Final = log(GROWTH)


class Usual(NamedTuple):
    """What is usual. Seconds."""

    median_seconds: float
    deviation_seconds: float  # as a standard deviation, robust
    waits: int

    def unusual(self, seconds: float) -> float:
        """How many deviations a wait lies above the median; below it: negative."""
        return (seconds - self.median_seconds) / self.deviation_seconds


def class_of(seconds: float) -> int:
    """The class of a wait: 0 up to a second, then a tenth more each."""
    return 0 if seconds <= 1.0 else min(CLASSES_MAX, ceil(log(seconds) / _LOG - 1e-9))


def seconds_of(number: int) -> float:
    """The middle of a class."""
    return 0.5 if number == 0 else GROWTH**number / sqrt(GROWTH)


def usual(counts: Mapping[int, int], least: int) -> Usual | None:
    """What is usual by counts of classes; None for fewer waits than `least`."""
    total = sum(counts.values())
    if total < max(1, least):
        return None
    median = _median((seconds_of(number), count) for number, count in counts.items())
    apart = _median((abs(seconds_of(number) - median), count) for number, count in counts.items())
    deviation = MAD_TO_SIGMA * max(apart, LEAST_SHARE * median, 1.0)
    return Usual(round(median, 3), round(deviation, 3), total)


def _median(weighted: Iterable[tuple[float, int]]) -> float:
    """The lower median of values with counts."""
    rows = sorted(weighted)
    half, seen = sum(count for _, count in rows) / 2, 0
    for value, count in rows:
        seen += count
        if seen >= half:
            return value
    raise ValueError("no values")
