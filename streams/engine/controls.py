"""The broadcast topic of a task: controls are folded in ahead of the inputs, and their position is part of the task record.

A control is *settled* once every key that it concerns is refolded; the position that is committed is that of settled ones.
"""

from collections import deque
from collections.abc import Sequence

from streams.engine.decoding import RawMessage, Refusal
from streams.engine.job import AnyJob, Concerned, Message
from streams.errors import InvalidEvent


class ControlReader:
    """`value` is what the job made of the controls so far. Without a broadcast topic there is nothing to read."""

    def __init__(self, job: AnyJob, partition: int) -> None:
        self._job = job
        self._partition = partition
        self.value = job.new_controls()
        self._waiting: deque[RawMessage] = deque()
        self._at_end = job.broadcast is None
        self._position = 0
        self._patience_over = False
        self._held_since: int | None = None
        self.applied_next = 0  # offset after the last control that was folded in
        self.settled_next = 0  # offset after the last control that needs no more work
        self._refused: list[int] = []
        self._unsettled: list[Refusal] = []
        self.changed = False

    # --- restore ------------------------------------------------------------------------------------------------

    def restore(self, settled_next: int, refused: Sequence[int]) -> None:
        """Go on from a task record; the controls themselves are read again with `reread`."""
        self.applied_next = self.settled_next = settled_next
        self._refused = list(refused)

    def reread(self, raw: RawMessage) -> None:
        """Fold in a control that had been folded in before: what was refused then is refused now, nothing is refolded."""
        if raw.offset >= self.settled_next or raw.offset in self._refused:
            return
        try:
            self._job.control(self.value, self._message(raw), None)
        except InvalidEvent:
            self._refused.append(raw.offset)

    def _message(self, raw: RawMessage) -> Message:
        assert self._job.broadcast is not None
        return Message(
            self._job.broadcast, self._partition, raw.offset, raw.timestamp, raw.key, raw.value, tuple(raw.headers)
        )

    # --- in -----------------------------------------------------------------------------------------------------

    def add(self, raws: Sequence[RawMessage]) -> None:
        """Controls in order of offset."""
        self._waiting.extend(raws)
        self._patience_over = False

    def reaches(self, position: int, end: int | None) -> None:
        """The partition is fetched up to `position` and ends at `end`."""
        self._at_end = end is not None and position >= end
        self._position = position

    def pending(self) -> bool:
        """Is there a control to apply?"""
        return bool(self._waiting)

    def ready(self, now: int, wait_us: int) -> bool:
        """May inputs go on? All controls are read, or they could not be read for a while."""
        if self._waiting:
            return False
        if self._at_end or self._patience_over:
            self._held_since = None
            return True
        if self._held_since is None:
            self._held_since = now
        self._patience_over = now - self._held_since >= wait_us
        return self._patience_over

    def held_until(self, wait_us: int) -> int | None:
        """Wall clock at which the wait for the controls ends."""
        return None if self._held_since is None else self._held_since + wait_us

    # --- work ---------------------------------------------------------------------------------------------------

    def apply(self, stream_time: int | None) -> Concerned | None:
        """Fold the first waiting control in. What must be refolded, None for no need."""
        raw = self._waiting[0]
        concerned: Concerned | None = None
        message = self._message(raw)
        try:
            concerned = self._job.control(self.value, message, stream_time)
        except InvalidEvent as invalid:
            self._unsettled.append(Refusal(message, invalid.reason, invalid.detail))
            self._refused.append(raw.offset)
        self._waiting.popleft()
        self.applied_next = raw.offset + 1
        return concerned

    def settle(self) -> list[Refusal]:
        """All that was applied needs no more work. Returns what was refused on the way, for the dead letters."""
        if self.applied_next != self.settled_next:
            self.settled_next = self.applied_next
            self.changed = True
        refusals, self._unsettled = self._unsettled, []
        return refusals

    def pass_markers(self) -> None:
        """All is read and settled: what lies between the last control and the position are markers of transactions."""
        if self._at_end and not self._waiting and self.applied_next == self.settled_next < self._position:
            self.applied_next = self.settled_next = self._position
            self.changed = True

    def take_position(self) -> tuple[int, list[int]]:
        """For the task record: offset of the first control that is not settled, and which before it were refused."""
        self.changed = False
        return self.settled_next, [offset for offset in self._refused if offset < self.settled_next]
