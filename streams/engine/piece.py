"""What a task does at a time: a piece of work, and the refolding of all its keys, part by part."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple


class Piece(NamedTuple):
    """Work that is tried until it succeeds: steps by key, then what else belongs to it.

    `arrived_at`: wall clock at which the newest of its messages arrived, 0 if it has none.
    """

    steps: list[tuple[bytes, Sequence[object]]]
    finish: Callable[[], None]
    arrived_at: int = 0


class Refolding:
    """All keys there are, or those that are concerned, part by part; the part stays until it is done."""

    def __init__(self, since_at: int, parts: Iterator[list[bytes]], keys: list[bytes] | None = None) -> None:
        self.since_at = since_at
        self.part: list[bytes] = []
        self._parts = parts
        self._keys, self._done = keys, 0
        self.next()

    @classmethod
    def of(cls, since_at: int, keys: list[bytes], size: int) -> "Refolding":
        """Of these keys alone."""
        return cls(since_at, (keys[start : start + size] for start in range(0, len(keys), size)), keys)

    @property
    def left(self) -> list[bytes] | None:
        """Keys that are not done, those of the part at hand included; None: of all keys it is not known."""
        return None if self._keys is None else self._keys[self._done :]

    def next(self) -> bool:
        """Is there another part?"""
        self._done += len(self.part)
        following = next(self._parts, None)
        self.part = following or []
        return following is not None
