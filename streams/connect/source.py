"""A file, or `-` for standard input, as a stream of bytes: unpacked when it is gzip, never held in memory as a whole.

What a file is, is told by its first bytes; its name decides only between kinds of text.
"""

import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, cast

from streams.errors import UserError

BUFFER_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"


class Source(NamedTuple):
    """`name` as messages show it; `suffix` of the name without .gz, lower case; `plain`: an unpacked file on disk."""

    stream: io.BufferedReader
    name: str
    suffix: str
    plain: bool

    def head(self, size: int) -> bytes:
        """The first bytes, which stay unread."""
        return self.stream.peek(size)[:size]


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Opens `path`; `-` is standard input. Raises UserError when it cannot be read."""
    if str(path) == "-":
        standard = sys.stdin.buffer
        raw = standard.raw if isinstance(standard, io.BufferedReader) else standard
        yield _unpacked(_buffered(raw), "standard input", "", plain=False)
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
    return Source(_buffered(gzip.GzipFile(fileobj=stream, mode="rb")), name, suffix, plain=False)


def _buffered(stream: object) -> io.BufferedReader:
    return io.BufferedReader(cast("io.RawIOBase", stream), BUFFER_BYTES)
