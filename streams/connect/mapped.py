"""Rows that are no records of ours, JSON lines, CSV or xlsx, through a mapping (mapping.py): the events that they give, or what is wrong."""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from schemas.codec import STRUCTS
from schemas.json_form import BadRecord, from_json
from streams.connect.csv_file import header_of, read_cells
from streams.connect.lines import read_lines
from streams.connect.mapping import RowMapping
from streams.connect.mapping_file import read_mapping
from streams.connect.rows import Row
from streams.connect.source import Source
from streams.errors import UserError

_log = logging.getLogger(__name__)
_Read = tuple[int, bytes, Mapping[str, object] | None, str | None]


def read_mapped(source: Source, path: Path, encoding: str | None) -> Iterator[Row]:
    """A row for each event; a row of the file that gives none is passed over."""
    mapping = read_mapping(path)
    names: set[str] = set()
    given = read = 0
    for line, raw, document, error in _rows(source, encoding or mapping.encoding):
        read += 1
        if document is None:
            yield Row(line, None, error, raw)
            continue
        kind = document.get("record")
        if isinstance(kind, str) and kind in STRUCTS:  # it says itself what it is
            given += 1
            yield _own(line, raw, document)
            continue
        names.update(document)
        for row in _events(mapping, line, raw, document):
            given += 1
            yield row
    if names and (strange := mapping.strange(names)):
        known = ", ".join(sorted(names)[:40])
        _log.warning("%s names columns that no row of %s has: %s; there are %s", path, source.name, strange, known)
    if read and not given:
        _log.warning("%s makes no event of any of the %d rows of %s: look at its `when:`", path, read, source.name)


def _events(mapping: RowMapping, line: int, raw: bytes, document: Mapping[str, object]) -> Iterator[Row]:
    try:
        for record in mapping.records(document, line):
            yield Row(line, record, None, raw)
    except BadRecord as error:
        yield Row(line, None, str(error), raw)


def _own(line: int, raw: bytes, document: Mapping[str, object]) -> Row:
    try:
        return Row(line, from_json(dict(document)), None, raw)
    except BadRecord as error:
        return Row(line, None, str(error), raw)


def _rows(source: Source, encoding: str | None) -> Iterator[_Read]:
    head = source.head(4096)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"Obj\x01"):
        raise UserError(f"{source.name}: a mapping reads JSON lines, CSV and xlsx", "save it as one of these")
    if head.startswith(b"PK\x03\x04"):
        from streams.connect.xlsx_file import read_sheets

        return ((line, raw, row, None) for line, raw, row in read_sheets(source))
    if start.startswith(b"["):
        raise UserError(f"{source.name} is a JSON array", "write one object a line: jq -c '.[]' FILE")
    return _json_rows(source, encoding) if start.startswith(b"{") else _csv_rows(source, encoding)


def _json_rows(source: Source, encoding: str | None) -> Iterator[_Read]:
    for line in read_lines(source, encoding):
        if line.text is None:
            yield line.number, line.raw, None, line.error
        elif line.text.strip():
            try:
                yield line.number, line.raw, _object(line.text), None
            except (msgspec.DecodeError, RecursionError) as error:
                yield line.number, line.raw, None, f"not a whole JSON object: {error}"


def _object(text: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError:
        if "NaN" not in text and "Infinity" not in text:  # some programs write these, which are no JSON
            raise
        try:
            found = json.loads(text, parse_constant=lambda _: None)
        except ValueError as error:
            raise msgspec.DecodeError(str(error)) from None
        if not isinstance(found, dict):
            raise
        return found


def _csv_rows(source: Source, encoding: str | None) -> Iterator[_Read]:
    rows = read_cells(source, encoding)
    header = header_of(rows, source)
    if header is None:
        return
    names = [name.strip() for name in header.cells]
    for line, raw, cells, error in rows:
        if error is None and any(cells[len(names) :]):
            error = f"{len(cells)} cells, the header has {len(names)}: quote a cell that holds the separator"
        if error is not None or any(cells):
            yield line, raw, None if error else dict(zip(names, cells, strict=False)), error
