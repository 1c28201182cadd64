"""Stream-time marks: how a task tells a downstream job how far it has come. Headers only, null value, on every partition."""

from typing import NamedTuple

from streams.engine.job import Headers, Output

INTERVAL_US = 1_000_000  # at most so often
_TIME = "touchstone.stream-time"
_SOURCE = "touchstone.source-partition"
_EXPECTED = "touchstone.source-partitions"


EMPTY = -(2**63)  # in place of a stream time: this task has never had an event, do not wait for it


class Mark(NamedTuple):
    """Task `source`, one of `expected`, has reached stream time `time` (µs, or EMPTY)."""

    source: int
    expected: int
    time: int


def output(topic: str, mark: Mark) -> Output:
    """The mark as a message for every partition of `topic`."""
    headers = (
        (_TIME, str(mark.time).encode()),
        (_SOURCE, str(mark.source).encode()),
        (_EXPECTED, str(mark.expected).encode()),
    )
    return Output(topic, None, None, headers, partition=-1)


def parse(headers: Headers) -> Mark | None:
    """The mark in a message's headers, None if it is an ordinary message."""
    found = {name: value for name, value in headers if name in (_TIME, _SOURCE, _EXPECTED)}
    if len(found) < 3:
        return None
    try:
        return Mark(int(found[_SOURCE]), int(found[_EXPECTED]), int(found[_TIME]))
    except ValueError:
        return None


class MarkSender:
    """Of a task whose job has `stream_time_to`: when to tell, and what."""

    __slots__ = ("_expected", "_last", "_source", "_topic")

    def __init__(self, topic: str | None, source: int, expected: int) -> None:
        self._topic = topic
        self._source = source
        self._expected = expected
        self._last: tuple[int, int] | None = None  # wall clock and stream time of the last mark

    def due(self, now: int, time: int | None, idle: bool) -> bool:
        """Has stream time (µs) come further than was last told, and was that a while ago? `idle`: nothing waits to be read."""
        if self._topic is None:
            return False
        if time is None:
            return idle and self._last is None
        return self._last is None or (now - self._last[0] >= INTERVAL_US and time > self._last[1])

    def message(self, now: int, time: int | None) -> Output:
        """The mark to send; counts as told."""
        assert self._topic is not None
        told = EMPTY if time is None else time
        self._last = (now, told)
        return output(self._topic, Mark(self._source, self._expected, told))
