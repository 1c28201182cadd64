"""The inputs since the base, in order of event time. Nearly all come in order: they are appended to the bytes as they rest.

Decoded only when something is late, seems to be a duplicate, or goes into the base.
"""

from bisect import bisect_left
from operator import attrgetter

import msgspec

from streams.experience.state import Order, Piece, Subject, as_array, dump

_decoder = msgspec.msgpack.Decoder(list[Piece])
_at = attrgetter("at")


class Window:
    """A subject's window at work; `rest` writes it back."""

    def __init__(self, subject: Subject) -> None:
        self.count = subject.window_count
        self.last: Order = subject.window_last
        self._subject = subject
        self._bytes = subject.window
        self._pieces: list[Piece] | None = None  # None: as in the bytes

    def pieces(self) -> list[Piece]:
        """All of them."""
        if self._pieces is None:
            self._pieces = _decoder.decode(as_array(self._bytes, self.count))
        return self._pieces

    @property
    def size_bytes(self) -> int:
        """What it takes as it rests, nearly."""
        return len(self._bytes) if self._pieces is None else sum(len(piece.value) for piece in self._pieces)

    def append(self, piece: Piece) -> None:
        """One more, which comes after all others."""
        if self._pieces is None:
            self._bytes += dump(piece)
        else:
            self._pieces.append(piece)
        self.count += 1
        self.last = (piece.at, piece.rank, piece.id)

    def insert(self, piece: Piece) -> None:
        """One more, wherever it belongs."""
        pieces = self.pieces()
        pieces.insert(bisect_left(pieces, piece.order(), key=Piece.order), piece)
        self.count += 1
        self.last = max(self.last, piece.order()) if self.count > 1 else piece.order()

    def holds(self, event_id: str, rank: int, at: int, near: int) -> bool:
        """Is there an input of this id and topic within `near` µs of an instant?"""
        if self._pieces is None and event_id.encode() not in self._bytes:
            return False
        return any(
            piece.id == event_id and piece.rank == rank and abs(piece.at - at) <= near for piece in self.pieces()
        )

    def before(self, at: int) -> int:
        """How many come before an instant."""
        return bisect_left(self.pieces(), at, key=_at)

    def drop(self, count: int) -> list[Piece]:
        """Takes the first ones out."""
        pieces = self.pieces()
        self._pieces = pieces[count:]
        self.count -= count
        return pieces[:count]

    def rest(self) -> None:
        """Writes what has changed into the subject."""
        if self._pieces is not None:
            self._bytes = b"".join(map(dump, self._pieces))
        subject = self._subject
        subject.window, subject.window_count, subject.window_last = self._bytes, self.count, self.last
