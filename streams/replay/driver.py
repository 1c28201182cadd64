"""Runs jobs in memory, without Kafka: the same decode, step and ticks as the worker. For decide, replay and tests.

Stream time is the largest event time so far; it has no way to send.
"""

from collections.abc import Iterator
from heapq import heappop, heappush

from schemas.refusals import InvalidEvent
from streams.engine.job import AnyJob, Message, Output, Refold, Rejected, Tick


class Driver:
    """One task of one job. States are bytes a key; outputs are handed back, in order."""

    def __init__(self, job: AnyJob) -> None:
        self.job = job
        self.controls = job.new_controls()
        self.states: dict[bytes, bytes] = {}
        self.stream_time: int | None = None
        self.rejected: list[Rejected] = []
        self._due: dict[bytes, int] = {}
        self._heap: list[tuple[int, bytes]] = []

    def control(self, message: Message) -> list[Output]:
        """Folds a control in, before or between inputs; where it comes late, what changes by it comes out. Raises InvalidEvent."""
        concerned = self.job.control(self.controls, message, self.stream_time)
        if concerned is None:
            return []
        keys = list(self.states) if concerned.keys is None else [key for key in concerned.keys if key in self.states]
        return [output for key in keys for output in self._step(key, [Refold(concerned.since_at)])]

    def take(self, message: Message) -> list[Output]:
        """One message in; what it and the ticks before it derive comes out. A refused message stands in `rejected`."""
        try:
            decoded = self.job.decode(message)
        except InvalidEvent as error:
            self.rejected.append(Rejected(message, error.reason, error.detail))
            return []
        outputs = self._step(decoded.key, [decoded.value])
        if self.stream_time is None or decoded.at > self.stream_time:
            self.stream_time = decoded.at
        outputs += self.advance(self.stream_time)
        return outputs

    def advance(self, stream_time: int) -> list[Output]:
        """Stream time has come this far (µs): everything due fires."""
        outputs: list[Output] = []
        while self._heap and self._heap[0][0] <= stream_time:
            due_at, key = heappop(self._heap)
            if self._due.get(key) == due_at:
                del self._due[key]
                self.stream_time = max(due_at, self.stream_time or due_at)
                outputs += self._step(key, [Tick(due_at)])
        return outputs

    def next_due(self) -> int | None:
        """When something is due next (µs)."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def keys(self) -> Iterator[bytes]:
        """Keys that have a state."""
        return iter(self.states)

    def _step(self, key: bytes, inputs: list[object]) -> list[Output]:
        step = self.job.step(key, self.states.get(key), inputs, self.controls)
        if step.state is None:
            self.states.pop(key, None)
        else:
            self.states[key] = step.state
        self.rejected += step.rejected
        self._due.pop(key, None)
        if step.next_due_at is not None:
            self._due[key] = step.next_due_at
            heappush(self._heap, (step.next_due_at, key))
        return list(step.outputs)
