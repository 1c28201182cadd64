"""A file, or `-` for standard input, as a stream of bytes: unpacked when it is gzip, never held in memory as a whole.

What a file is, is told by its first bytes; its name decides only between kinds of text.
"""

import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from streams.errors import UserError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"


class _Given(io.RawIOBase):
    """A pipe or terminal that counts what it has given: a reader may then look ahead without waiting for more."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        count = self._raw.readinto(buffer)
        self.bytes += count or 0
        return count


class Source(NamedTuple):
    """`name` as messages show it; `suffix` of the name without .gz, lower case; `plain`: an unpacked file on disk."""

    stream: io.BufferedReader
    name: str
    suffix: str
    plain: bool
    given: _Given | None = None
    unpacked: bool = False

    def head(self, size: int) -> bytes:
        """The first bytes, which stay unread."""
        return self.stream.peek(size)[:size]

    def ahead(self, taken: int) -> bytes:
        """What is buffered behind the first `taken` bytes. Never waits for somebody who has not written it yet."""
        return b"" if self.given is not None and self.given.bytes <= taken else self.stream.peek()


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Opens `path`; `-` is standard input. Raises UserError when it cannot be read."""
    if str(path) == "-":
        standard = sys.stdin.buffer
        given = _Given(cast("io.RawIOBase", standard.raw if isinstance(standard, io.BufferedReader) else standard))
        source = _unpacked(_buffered(given), "standard input", "", plain=False)
        yield source if source.unpacked else source._replace(given=given)
        return
    try:
        stream = path.open("rb", buffering=0)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", "name a file that can be read, or - for standard input") from None
    with stream:
        suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
        yield _unpacked(_buffered(stream), str(path), suffix, plain=True)


def _unpacked(stream: io.BufferedReader, name: str, suffix: str, *, plain: bool) -> Source:
    if not stream.peek(2).startswith(_GZIP):
        return Source(stream, name, suffix, plain)
    return Source(_buffered(gzip.GzipFile(fileobj=stream, mode="rb")), name, suffix, plain=False, unpacked=True)


def _buffered(stream: object) -> io.BufferedReader:
    return io.BufferedReader(cast("io.RawIOBase", stream), BUFFER_BYTES)
