"""Offsets of a task: the next message to take of each input. In: what has been processed. Out: what to commit."""


class Ledger:
    """Topic → next offset. The only bookkeeping of offsets: Faust's own is switched off."""

    __slots__ = ("_changed", "_next")

    def __init__(self, start: dict[str, int]) -> None:
        self._next = dict(start)
        # The first transaction writes every input's offset, so that a task record never exists without offsets.
        self._changed = set(start)

    def next_offset(self, topic: str) -> int:
        """First offset that is not processed."""
        return self._next[topic]

    def processed(self, topic: str, offset: int) -> None:
        """The message at `offset` and all before it are processed. Going back is a defect."""
        if offset < self._next[topic]:
            raise ValueError(f"{topic}: offset {offset} processed twice, {self._next[topic]} is next")
        self._next[topic] = offset + 1
        self._changed.add(topic)

    def passed(self, topic: str, position: int) -> None:
        """There is no message before `position` that is not processed."""
        if position > self._next[topic]:
            self._next[topic] = position
            self._changed.add(topic)

    @property
    def changed(self) -> bool:
        """Is there an offset that the next transaction must write?"""
        return bool(self._changed)

    def take_changes(self) -> dict[str, int]:
        """Offsets to commit; from now on they count as committed."""
        changes = {topic: self._next[topic] for topic in sorted(self._changed)}
        self._changed.clear()
        return changes
