"""The inputs since the base, in order of event time. Nearly all come in order: they are appended to the bytes as they rest.

Decoded only when something is late, seems to be a duplicate, or goes into the base.
"""

from bisect import bisect_left
from operator import attrgetter

import msgspec

from streams.experience.state import TRACE_BYTES, Piece, Subject, as_array, dump

_decoder = msgspec.msgpack.Decoder(list[Piece])
_at = attrgetter("at")


class Window(msgspec.Struct):
    """A subject's window at work; `rest` writes back what was decoded."""

    subject: Subject
    decoded: list[Piece] | None = None  # None: as in subject.window

    def pieces(self) -> list[Piece]:
        """All of them."""
        if self.decoded is None:
            self.decoded = _decoder.decode(as_array(self.subject.window, self.subject.window_count))
        return self.decoded

    @property
    def size_bytes(self) -> int:
        """What it takes as it rests, nearly."""
        if self.decoded is None:
            return len(self.subject.window)
        return sum(len(piece.value) for piece in self.decoded)

    def append(self, piece: Piece, trace: bytes) -> None:
        """One more, which comes after all others."""
        subject = self.subject
        if self.decoded is None:
            subject.window += dump(piece)
        else:
            self.decoded.append(piece)
        subject.ids += trace
        subject.window_count += 1
        subject.window_last = (piece.at, piece.rank, piece.id)

    def insert(self, piece: Piece, trace: bytes) -> None:
        """One more, wherever it belongs."""
        pieces, subject = self.pieces(), self.subject
        index = bisect_left(pieces, piece.order(), key=Piece.order)
        pieces.insert(index, piece)
        place = len(subject.ids) - (subject.window_count - index) * TRACE_BYTES
        subject.ids = subject.ids[:place] + trace + subject.ids[place:]
        subject.window_last = max(subject.window_last, piece.order()) if subject.window_count else piece.order()
        subject.window_count += 1

    def before(self, at: int) -> int:
        """How many come before an instant."""
        return bisect_left(self.pieces(), at, key=_at)

    def drop(self, count: int) -> list[Piece]:
        """Takes the first ones out."""
        pieces = self.pieces()
        self.decoded = pieces[count:]
        self.subject.window_count -= count
        return pieces[:count]

    def rest(self) -> None:
        """Writes what has changed into the subject."""
        if self.decoded is not None:
            self.subject.window = b"".join(map(dump, self.decoded))
