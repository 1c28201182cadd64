"""Lines of text out of bytes: numbered, of limited length, decoded as UTF-8 or GB18030.

The encoding is decided at the first line that is not ASCII, by the lines that stand in the buffer after it: the one in
which most of them decode, UTF-8 first. A line that then does not decode is an error of that line alone.
"""

import codecs
from collections.abc import Iterator
from typing import Final, NamedTuple

from streams.connect.source import Source
from streams.errors import UserError

LINE_BYTES_MAX: Final = 4 << 20  # four times the largest message: JSON is longer than Avro
KEPT_BYTES: Final = 4096  # of a line beyond the limit
UTF8: Final = "utf-8"
GB18030: Final = "gb18030"

_BOMS = ((b"\xef\xbb\xbf", UTF8), (b"\x84\x31\x95\x33", GB18030))
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ASCII = bytes(range(128))


class Line(NamedTuple):
    """`raw` without its line end; `text` None when it does not decode or is too long: then `error` says why."""

    number: int
    raw: bytes
    text: str | None
    error: str | None


def read_lines(source: Source, encoding: str | None) -> Iterator[Line]:
    """Lines from 1. Raises UserError for an encoding that is unknown or whose bytes cannot be split into lines."""
    known = _checked(source, encoding)
    for number, raw, taken in _byte_lines(source):
        if number == 1:
            for bom, of in _BOMS:
                if raw.startswith(bom):
                    raw, known = raw.removeprefix(bom), known or of
        if len(raw) > LINE_BYTES_MAX:
            problem = f"longer than {LINE_BYTES_MAX} bytes: a record is at most 1 MiB"
            yield Line(number, raw[:KEPT_BYTES], None, problem)
            continue
        if known is None and not raw.isascii():
            known = detect(raw + b"\n" + source.ahead(taken))
        yield _decoded(number, raw, known or UTF8)


def detect(sample: bytes) -> str:
    """The encoding of a sample that begins at a line's start: that of most lines which are not ASCII."""
    lines = sample.split(b"\n")
    whole = lines[:-1] if len(lines) > 1 else lines  # the last one may be cut in the middle of a character
    marked = [line for line in whole if not line.isascii()]
    if 2 * sum(_decodes(line, UTF8) for line in marked) >= len(marked):
        return UTF8
    return GB18030 if 2 * sum(_decodes(line, GB18030) for line in marked) >= len(marked) else UTF8


def _checked(source: Source, encoding: str | None) -> str | None:
    if encoding is None:
        if source.head(2) in _UTF16:
            raise UserError(f"{source.name} is UTF-16", "save it as UTF-8 (Excel: CSV UTF-8)")
        return None
    try:
        info = codecs.lookup(encoding)
        if _ASCII.decode(info.name) != _ASCII.decode("ascii"):
            raise LookupError
    except (LookupError, UnicodeError):
        fix = "use utf-8, gb18030 or another encoding in which ASCII stays as it is; convert others with iconv first"
        raise UserError(f"--encoding {encoding} cannot be read line by line", fix) from None
    return UTF8 if info.name == "utf-8-sig" else info.name


def _byte_lines(source: Source) -> Iterator[tuple[int, bytes, int]]:
    """Number, line without \\n or \\r\\n, bytes taken so far. A line beyond the limit comes cut; its rest is skipped."""
    number = taken = 0
    while raw := source.stream.readline(LINE_BYTES_MAX + 2):
        number, taken = number + 1, taken + len(raw)
        if len(raw) >= LINE_BYTES_MAX + 2 and not raw.endswith(b"\n"):
            rest = raw
            while rest and not rest.endswith(b"\n"):
                rest = source.stream.readline(LINE_BYTES_MAX)
                taken += len(rest)
        yield number, raw.removesuffix(b"\n").removesuffix(b"\r"), taken


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(number: int, raw: bytes, encoding: str) -> Line:
    try:
        return Line(number, raw, raw.decode(encoding), None)
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} (0x{raw[error.start]:02X}) is not {encoding.upper()}"
        return Line(number, raw, None, f"{where}; name the file's encoding with --encoding")
