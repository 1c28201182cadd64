"""Stream-time marks: how a task tells a downstream job how far it has come. Headers only, null value, on every partition."""

from typing import NamedTuple

from streams.engine.job import Headers, Output

_TIME = "touchstone.stream-time"
_SOURCE = "touchstone.source-partition"
_EXPECTED = "touchstone.source-partitions"


class Mark(NamedTuple):
    """Task `source`, one of `expected`, has reached stream time `time` (µs)."""

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
