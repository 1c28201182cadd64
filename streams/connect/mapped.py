"""Rows that are no records of ours, JSON lines or CSV, through a mapping (mapping.py): the events that they give, or what is wrong."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from schemas.json_form import BadRecord
from streams.connect.csv_file import read_cells
from streams.connect.lines import read_lines
from streams.connect.mapping import RowMapping, read_mapping
from streams.connect.rows import Row
from streams.connect.source import Source
from streams.errors import UserError


def read_mapped(source: Source, path: Path, encoding: str | None) -> Iterator[Row]:
    """A row for each event; a row of the file that gives none is passed over."""
    mapping = read_mapping(path)
    head = source.head(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith((b"Obj\x01", b"PK\x03\x04")):
        raise UserError(f"{source.name}: a mapping reads JSON lines and CSV", "save it as one of these")
    rows = _json_rows(source, encoding) if head.startswith(b"{") else _csv_rows(source, encoding)
    for line, raw, document, error in rows:
        if document is None:
            yield Row(line, None, error, raw)
        else:
            yield from _events(mapping, line, raw, document)


def _events(mapping: RowMapping, line: int, raw: bytes, document: Mapping[str, object]) -> Iterator[Row]:
    try:
        for record in mapping.records(document):
            yield Row(line, record, None, raw)
    except BadRecord as error:
        yield Row(line, None, str(error), raw)


_Read = tuple[int, bytes, Mapping[str, object] | None, str | None]


def _json_rows(source: Source, encoding: str | None) -> Iterator[_Read]:
    for line in read_lines(source, encoding):
        if line.text is None:
            yield line.number, line.raw, None, line.error
        elif line.text.strip():
            try:
                yield line.number, line.raw, msgspec.json.decode(line.text, type=dict[str, object]), None
            except (msgspec.DecodeError, RecursionError) as error:
                yield line.number, line.raw, None, f"not a whole JSON object: {error}"


def _csv_rows(source: Source, encoding: str | None) -> Iterator[_Read]:
    rows = read_cells(source, encoding)
    header = next(rows, None)
    if header is None:
        return
    if header.error is not None:
        raise UserError(f"{source.name}:{header.line}: {header.error}", "the first line holds the fields' names")
    names = [name.strip() for name in header.cells]
    for line, raw, cells, error in rows:
        if error is not None or any(cells):
            yield line, raw, None if error else dict(zip(names, cells, strict=False)), error
