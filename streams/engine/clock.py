"""Stream time of a task: how far event time has come. In: event times and which inputs lag. Out: an instant that never goes back.

    time = min(newest event time over the lagging inputs), if any lags
         = largest event time seen + wall time since the last event arrived, if none lags

It never jumps to the wall clock: a replay of last year must not time out.
"""

from collections.abc import Sequence

from streams.engine.marks import EMPTY


class StreamClock:
    """All instants in µs since 1970. `time` is None until the first event."""

    __slots__ = ("largest", "last_event_at", "newest", "time")

    def __init__(self, inputs: int) -> None:
        self.time: int | None = None
        self.largest: int | None = None
        self.last_event_at: int | None = None
        self.newest: list[int | None] = [None] * inputs

    def restore(self, time: int | None, largest: int | None, last_event_at: int | None) -> None:
        """Go on from a task record. Which input was how far is not kept: until it is seen again, a lagging input holds time."""
        self.time, self.largest, self.last_event_at = time, largest, last_event_at

    def saw(self, index: int, at: int, arrived_at: int) -> None:
        """An event of input `index`, dated `at`, that arrived (wall clock) at `arrived_at`."""
        newest = self.newest[index]
        if newest is None or at > newest:
            self.newest[index] = at
        if self.largest is None or at > self.largest:
            self.largest = at
        if self.last_event_at is None or arrived_at > self.last_event_at:
            self.last_event_at = arrived_at

    def advance(self, lagging: Sequence[bool], now: int) -> int | None:
        """Stream time at wall clock `now`, given which inputs have messages that are not processed yet."""
        candidate = self._candidate(lagging, now)
        if candidate is not None and (self.time is None or candidate > self.time):
            self.time = candidate
        return self.time

    def _candidate(self, lagging: Sequence[bool], now: int) -> int | None:
        if self.largest is None or self.last_event_at is None:
            return None
        if not any(lagging):
            return self.largest + max(0, now - self.last_event_at)
        behind = [newest for newest, lags in zip(self.newest, lagging, strict=True) if lags]
        known = [newest for newest in behind if newest is not None]
        return min(known) if len(known) == len(behind) else None

    def wall_of(self, instant: int) -> int | None:
        """Wall clock at which idle stream time will reach `instant`, if nothing else comes."""
        if self.largest is None or self.last_event_at is None:
            return None
        return self.last_event_at + (instant - self.largest)


class SourceClock:
    """Stream time of a job that follows another: the minimum over the other job's tasks, once all of them are known."""

    __slots__ = ("expected", "sources", "time")

    def __init__(self) -> None:
        self.time: int | None = None
        self.sources: dict[int, int] = {}
        self.expected: int | None = None

    def restore(self, time: int | None, sources: dict[int, int], expected: int | None) -> None:
        """Go on from a task record."""
        self.time, self.sources, self.expected = time, dict(sources), expected

    def mark(self, source: int, expected: int, time: int) -> None:
        """Task `source`, one of `expected`, has reached `time`. One that is EMPTY is known and holds nobody up."""
        self.expected = expected
        self.sources[source] = max(time, self.sources.get(source, time))
        times = [each for each in self.sources.values() if each != EMPTY]
        if len(self.sources) < expected or not times:
            return
        slowest = min(times)
        if self.time is None or slowest > self.time:
            self.time = slowest
