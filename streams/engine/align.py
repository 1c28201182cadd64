"""Merges a task's inputs by event time. In: raw messages of each input, and how far each partition reaches. Out: runs in order.

On a backlog nothing runs ahead of an input that still lags; an input without lag never holds the others up. What is not
known to be at its end counts as lagging, for at most `wait_us`. Buffers are bounded: `full` inputs must be paused.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from streams.errors import Unavailable

RawT = TypeVar("RawT")
ItemT = TypeVar("ItemT")

DECODE_AHEAD = 100  # messages decoded at once: small, so that they are still in the CPU's cache when they are stepped
FULL_RECORDS = 4000
FULL_BYTES = 8 << 20
UNDATED = -(2**63)
_NEVER = 2**63

# A decoded message: event time, offset, arrival, item; a plain tuple, because there is one for each message.
# What has no event time of its own (refused, or a mark) goes with the one before it; UNDATED: there is none.
Entry = tuple[int, int, int, ItemT]


class Run(NamedTuple, Generic[ItemT]):
    """Entries of input `number`, in its order."""

    number: int
    entries: list[Entry[ItemT]]


class Input(Generic[RawT, ItemT]):
    """One input partition: raw messages that wait, entries that are decoded, and what is known of the partition."""

    __slots__ = (
        "chunks",
        "end",
        "newest_at",
        "next_raw",
        "next_ready",
        "patience_over",
        "position",
        "ready",
        "waiting",
        "waiting_bytes",
    )

    def __init__(self) -> None:
        self.chunks: deque[tuple[Sequence[RawT], int]] = deque()
        self.ready: list[Entry[ItemT]] = []  # empty once all of them are taken
        self.next_ready = 0
        self.next_raw = 0  # within the first chunk
        self.waiting = 0
        self.waiting_bytes = 0
        self.newest_at = UNDATED  # event time that has been taken
        self.position: int | None = None  # next offset that will be fetched
        self.end: int | None = None  # last stable offset
        self.patience_over = False

    def at_end(self) -> bool:
        """Is everything that the partition holds fetched?"""
        return self.end is not None and self.position is not None and self.position >= self.end

    def lags(self) -> bool:
        """Is there something that is not taken yet, as far as is known?"""
        return bool(self.ready or self.chunks) or not self.at_end()


class Aligner(Generic[RawT, ItemT]):
    """Inputs are numbered by rank: of equal event times the lower number goes first.

    `decode`: number of the input, messages, event time before them → their entries; it may stop early, but not at once.
    """

    def __init__(
        self, inputs: int, decode: Callable[[int, Sequence[RawT], int], list[Entry[ItemT]]], wait_us: int
    ) -> None:
        self.inputs: list[Input[RawT, ItemT]] = [Input() for _ in range(inputs)]
        self._decode = decode
        self._wait_us = wait_us
        self._held_since: int | None = None

    def add(self, index: int, messages: Sequence[RawT], size_bytes: int) -> None:
        """Messages of an input, in order of offset."""
        if not messages:
            return
        buffer = self.inputs[index]
        buffer.chunks.append((messages, size_bytes))
        buffer.waiting += len(messages)
        buffer.waiting_bytes += size_bytes
        buffer.patience_over = False

    def reaches(self, index: int, position: int, end: int | None) -> None:
        """The input is fetched up to `position`; the partition ends at `end` (None: unknown)."""
        buffer = self.inputs[index]
        buffer.position, buffer.end = position, end
        if buffer.at_end():
            buffer.patience_over = False

    def lagging(self) -> list[bool]:
        """Which inputs have messages that are not taken."""
        return [buffer.lags() for buffer in self.inputs]

    def full(self, index: int) -> bool:
        """Must the input be paused?"""
        buffer = self.inputs[index]
        return buffer.waiting >= FULL_RECORDS or buffer.waiting_bytes >= FULL_BYTES

    def drained(self, index: int) -> bool:
        """May a paused input be resumed?"""
        buffer = self.inputs[index]
        return buffer.waiting <= FULL_RECORDS // 2 and buffer.waiting_bytes <= FULL_BYTES // 2

    def waiting(self) -> int:
        """Messages buffered over all inputs."""
        return sum(buffer.waiting + len(buffer.ready) - buffer.next_ready for buffer in self.inputs)

    def held_until(self) -> int | None:
        """Wall clock at which the wait for a lagging input ends, None if nothing is held."""
        return None if self._held_since is None else self._held_since + self._wait_us

    def take(self, limit: int, now: int) -> list[Run[ItemT]]:
        """Up to `limit` entries in merged order; empty if there are none or they must wait. Raises what decode raises."""
        runs: list[Run[ItemT]] = []
        left = limit
        while left > 0:
            try:
                run = self._next_run(left, now)
            except Unavailable:
                if runs:
                    break  # what is decoded goes on; the next call raises again
                raise
            if run is None:
                break
            runs.append(run)
            left -= len(run.entries)
        if runs:
            self._held_since = None
        return runs

    def _next_run(self, limit: int, now: int) -> Run[ItemT] | None:
        best = -1
        best_at = 0
        until: int | None = None  # the run may take what is dated up to this
        until_rank = 0
        held = False
        for index, buffer in enumerate(self.inputs):
            if not buffer.ready and buffer.chunks:
                self._fill(index, buffer)
            if buffer.ready:
                at = buffer.ready[buffer.next_ready][0]
                if best < 0 or at < best_at:
                    if best >= 0 and (until is None or best_at <= until):
                        until, until_rank = best_at, best
                    best, best_at = index, at
                elif until is None or at < until:
                    until, until_rank = at, index
            elif not buffer.at_end() and not buffer.patience_over:
                held = True
        if best < 0:
            return None
        bound = self._bound(best) if held else None
        if bound is not None and best_at > bound:
            return self._next_run(limit, now) if self._patience_ends(now) else None
        return Run(best, self._pop(best, limit, until, until_rank, bound))

    def _pop(self, best: int, limit: int, until: int | None, until_rank: int, bound: int | None) -> list[Entry[ItemT]]:
        buffer = self.inputs[best]
        ready = buffer.ready
        last = _NEVER if until is None else until - (best > until_rank)  # at equal times the lower rank goes first
        if bound is not None and bound < last:
            last = bound
        first, newest_at = buffer.next_ready, buffer.newest_at
        end = first
        for at, _, _, _ in islice(ready, first, first + limit):
            if at > last and end > first:
                break
            end += 1
            if at > newest_at:
                newest_at = at
        buffer.newest_at = newest_at
        if end < len(ready):
            buffer.next_ready = end
        else:
            buffer.ready, buffer.next_ready = [], 0
        return ready if end - first == len(ready) else ready[first:end]

    def _bound(self, best: int) -> int:
        """Event time up to which `best` may go: what the lagging inputs have reached; at equal times rank decides."""
        return min(
            buffer.newest_at - (index < best)
            for index, buffer in enumerate(self.inputs)
            if not buffer.ready and not buffer.at_end() and not buffer.patience_over
        )

    def _patience_ends(self, now: int) -> bool:
        if self._held_since is None:
            self._held_since = now
        if now - self._held_since < self._wait_us:
            return False
        for buffer in self.inputs:
            if not buffer.ready and not buffer.at_end():
                buffer.patience_over = True
        return True

    def _fill(self, index: int, buffer: Input[RawT, ItemT]) -> None:
        messages, size_bytes = buffer.chunks[0]
        some = messages[buffer.next_raw : buffer.next_raw + DECODE_AHEAD]
        buffer.ready = self._decode(index, some, buffer.newest_at)  # nothing was ready
        buffer.next_raw += len(buffer.ready)
        buffer.waiting -= len(buffer.ready)
        if buffer.next_raw >= len(messages):
            buffer.chunks.popleft()
            buffer.waiting_bytes -= size_bytes
            buffer.next_raw = 0
