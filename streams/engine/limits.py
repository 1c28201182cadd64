"""Waits and limits of a task, from the settings; µs where it is time."""

from typing import NamedTuple

from streams.settings import Settings


class Limits(NamedTuple):
    """See the settings of the same names."""

    align_wait_us: int
    future_us: int
    breaker_in_a_row: int
    breaker_share: float


def limits(settings: Settings) -> Limits:
    """Those of this process."""
    return Limits(
        int(settings.worker_align_wait_seconds * 1e6),
        int(settings.worker_future_limit_seconds * 1e6),
        settings.worker_breaker_in_a_row,
        settings.worker_breaker_share,
    )
