"""CSV → rows: comma, semicolon or tab, told from the header; quotes as RFC 4180 has them, also around line breaks."""

import csv
from collections.abc import Iterator
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from schemas.json_form import BadRecord
from streams.connect.lines import LINE_BYTES_MAX, Line, read_lines
from streams.connect.rows import Row
from streams.connect.source import Source
from streams.connect.tables import Table
from streams.errors import UserError

_SEPARATORS: Final = (",", ";", "\t")


class _Unreadable(Exception):
    """A line inside a row that does not decode, or a row that does not end."""


class _Feed:
    """Gives the csv module its lines and remembers those of the row at hand."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._taken: list[Line] = []
        self._bytes = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken.append(line)
        self._bytes += len(line.raw) + 1
        if line.text is None:
            raise _Unreadable(line.error)
        if self._bytes > LINE_BYTES_MAX:
            raise _Unreadable(f"longer than {LINE_BYTES_MAX} bytes; is a quote not closed?")
        return line.text + "\n"

    def begin(self) -> None:
        """A new row begins."""
        self._taken, self._bytes = [], 0

    @property
    def first(self) -> int:
        """Number of the row's first line."""
        return self._taken[0].number if self._taken else 0

    @property
    def last(self) -> int:
        """Number of the row's last line."""
        return self._taken[-1].number if self._taken else 0

    @property
    def raw(self) -> bytes:
        """The row's bytes."""
        return b"\n".join(line.raw for line in self._taken)


class Cells(NamedTuple):
    """A row as it stands: `line` is its first, `raw` its bytes. Either `error` is there, or the cells are right."""

    line: int
    raw: bytes
    cells: list[str]
    error: str | None = None


def read_cells(source: Source, encoding: str | None) -> Iterator[Cells]:
    """The header and the rows after it; an empty file has none."""
    lines = read_lines(source, encoding)
    header = next((line for line in lines if line.raw.strip()), None)
    if header is None:
        return
    if header.text is None:
        yield Cells(header.number, header.raw, [], header.error)
        return
    separator = max(_SEPARATORS, key=header.text.count)
    names = next(csv.reader([header.text], delimiter=separator), [])
    yield Cells(header.number, header.raw, names)
    feed = _Feed(lines)
    reader = csv.reader(feed, delimiter=separator, strict=True)
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _Unreadable) as error:
            yield Cells(feed.first, feed.raw, [], _located(str(error), feed))
            continue
        short = cells and len(cells) < len(names) and any(cells)
        wrong = f"{len(cells)} cells, the header has {len(names)}: write empty cells, too" if short else None
        yield Cells(feed.first, feed.raw, cells, wrong)


def header_of(rows: Iterator[Cells], source: Source) -> Cells | None:
    """The first of the rows; None of an empty file. Raises UserError when it cannot be read."""
    header = next(rows, None)
    if header is not None and header.error is not None:
        raise UserError(f"{source.name}:{header.line}: {header.error}", "the first line holds the fields' names")
    return header


def read_csv(source: Source, record: str | None, encoding: str | None, zone: ZoneInfo | None) -> Iterator[Row]:
    """Rows after the header. Raises UserError for a header that cannot be read; an empty file has no rows."""
    rows = read_cells(source, encoding)
    header = header_of(rows, source)
    if header is None:
        return
    table = Table(header.cells, record, f"{source.name}:{header.line}", zone)
    for line, raw, cells, error in rows:
        if error is not None:
            yield Row(line, None, error, raw)
            continue
        try:
            found = table.record(cells)
        except BadRecord as refused:
            yield Row(line, None, str(refused), raw)
            continue
        if found is not None:
            yield Row(line, found, None, raw)


def _located(error: str, feed: _Feed) -> str:
    if feed.last > feed.first:
        return f"{error} (the row's quotes span lines {feed.first} to {feed.last}; double a quote inside a cell)"
    return f"{error}; put quotes around the whole cell and double those inside it"
