"""Wake-ups of a task: which key asked to be stepped again at which stream time. In: (key, due). Out: what is due, earliest first."""

import heapq


class WakeUps:
    """A heap with lazy deletion: a heap entry counts only while it is what the key asked for last."""

    __slots__ = ("_heap", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[bytes, int] = {}  # what each key asked for last
        self._heap: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self.waiting)

    def due_of(self, key: bytes) -> int | None:
        """What the key asks for."""
        return self.waiting.get(key)

    def set(self, key: bytes, due_at: int | None) -> None:
        """The key asks for a wake-up at `due_at` instead of what it asked for before; None: for none."""
        if due_at is None:
            self.waiting.pop(key, None)
        elif self.waiting.get(key) != due_at:
            self.waiting[key] = due_at
            heapq.heappush(self._heap, (due_at, key))
            if len(self._heap) > 2 * len(self.waiting) + 1000:
                self._rebuild()

    def _rebuild(self) -> None:
        self._heap = [(due_at, key) for key, due_at in self.waiting.items()]
        heapq.heapify(self._heap)

    def next_due_at(self) -> int | None:
        """The earliest wake-up."""
        heap = self._heap
        while heap and self.waiting.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def due(self, time: int, limit: int) -> list[tuple[int, bytes]]:
        """Take up to `limit` (due, key) that are due at `time`, earliest first.

        `due_of` keeps answering until the key has been stepped and `set` again: a state that is written meanwhile must not
        lose its wake-up.
        """
        taken: dict[bytes, int] = {}
        while len(taken) < limit:
            due_at = self.next_due_at()
            if due_at is None or due_at > time:
                break
            _, key = heapq.heappop(self._heap)
            taken.setdefault(key, due_at)  # the heap may hold the same wish twice
        return [(due_at, key) for key, due_at in taken.items()]
