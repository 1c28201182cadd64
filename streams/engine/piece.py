"""What a task does at a time: a piece of work, and the refolding of its keys, part by part."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple


class Piece(NamedTuple):
    """Work that is tried until it succeeds: steps by key, then what else belongs to it.

    `arrived_at`: wall clock at which the newest of its messages arrived, 0 if it has none.
    """

    steps: list[tuple[bytes, Sequence[object]]]
    finish: Callable[[], None]
    arrived_at: int = 0


class Refolding:
    """Keys to judge again from `since_at` on: all that there are, then those that are named. A part stays until it is done."""

    def __init__(self, since_at: int, everybody: Iterator[list[bytes]], named: Iterable[bytes], size: int) -> None:
        self.since_at = since_at
        self.part: list[bytes] = []
        self._everybody = everybody
        self._named = dict.fromkeys(named)
        self._size = size
        self.next()

    def add(self, since_at: int, named: Iterable[bytes]) -> None:
        """One more control concerns these keys. What is left of the others goes on, from the earlier instant."""
        self.since_at = min(self.since_at, since_at)
        self._named.update(dict.fromkeys(named))

    def next(self) -> bool:
        """Is there another part?"""
        following = next(self._everybody, None)
        if following is not None:
            self.part = following
            return True
        self.part = list(islice(self._named, self._size))
        for key in self.part:
            del self._named[key]
        return bool(self.part)
