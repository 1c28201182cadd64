"""The stretch of time that charts show: 24 spans of five minutes, the last one not yet over."""

from typing import Final, NamedTuple

SPAN_US: Final = 5 * 60 * 1_000_000
SPANS: Final = 24
RECENT_US: Final = 15 * 60 * 1_000_000  # what "just now" means
DAY_US: Final = 24 * 3600 * 1_000_000


class Stretch(NamedTuple):
    """Begins at `since` (µs)."""

    since: int

    def parameters(self) -> dict[str, object]:
        """For the queries."""
        return {"since": self.since, "span": SPAN_US, "spans": SPANS}

    def starts(self) -> list[int]:
        """The beginning of each span, µs."""
        return [self.since + number * SPAN_US for number in range(SPANS)]


def stretch(now_us: int) -> Stretch:
    """Ends with the span that holds now."""
    return Stretch(now_us // SPAN_US * SPAN_US - (SPANS - 1) * SPAN_US)
