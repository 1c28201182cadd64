"""xlsx → rows: every sheet that is not empty; a sheet named for a record (`feedback`) holds such records.

A date in a sheet has no time zone: the caller names one. Formulas count by the value that was saved with them.
"""

import json
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import IO, Any, Final, cast
from zoneinfo import ZoneInfo

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from schemas.codec import STRUCTS
from schemas.json_form import BadRecord
from streams.connect.rows import Row
from streams.connect.source import BUFFER_BYTES, Source
from streams.connect.tables import Table
from streams.errors import UserError

# All texts of a workbook stand in one part of it, which openpyxl holds in memory: more than this goes as CSV.
TEXTS_BYTES_MAX: Final = 256 << 20
_TEXTS = "xl/sharedStrings.xml"


def read_xlsx(source: Source, record: str | None, zone: ZoneInfo | None) -> Iterator[Row]:
    """Rows of all sheets. Raises UserError when it is no workbook or a header cannot be read, before the first row."""
    with _seekable(source) as file:
        workbook = _workbook(file, source.name)
        try:
            tables = [_header(sheet, record, source.name, zone) for sheet in workbook.worksheets]
            several = sum(table is not None for table in tables) > 1
            for sheet, table in zip(workbook.worksheets, tables, strict=True):
                if table is not None:
                    yield from _rows(sheet, table, f"sheet {sheet.title}: " if several else "")
        finally:
            workbook.close()


def read_sheets(source: Source) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """The rows of all sheets under their headers' names: number, JSON, cells; an instant as ISO text, a duration in seconds."""
    with _seekable(source) as file:
        workbook = _workbook(file, source.name)
        try:
            for sheet in workbook.worksheets:
                sheet.reset_dimensions()
                rows = enumerate(sheet.iter_rows(values_only=True), start=1)
                names = next((cells for _, cells in rows if any(cell is not None for cell in cells)), ())
                for number, cells in rows:
                    if any(cell is not None for cell in cells):
                        pairs = zip(names, cells, strict=False)
                        row = {str(name).strip(): _plain(cell) for name, cell in pairs if name is not None}
                        yield number, json.dumps(row, ensure_ascii=False).encode(), row
        finally:
            workbook.close()


def _plain(cell: Any) -> Any:
    if isinstance(cell, timedelta):
        return cell.total_seconds()
    return cell.isoformat() if isinstance(cell, datetime | date | time) else cell


@contextmanager
def _seekable(source: Source) -> Iterator[IO[bytes]]:
    """A workbook's table of contents stands at its end: a pipe is copied to a temporary file first."""
    if source.plain:
        yield cast("IO[bytes]", source.stream)
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(source.stream, copy, BUFFER_BYTES)
        copy.seek(0)
        yield copy


def _workbook(file: IO[bytes], name: str) -> Any:
    try:
        with zipfile.ZipFile(file) as parts:
            if any(part.filename == _TEXTS and part.file_size > TEXTS_BYTES_MAX for part in parts.infolist()):
                fix = "save it as CSV UTF-8"
                raise UserError(f"{name} holds more than {TEXTS_BYTES_MAX >> 20} MiB of texts", fix)
        file.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that do not touch the cells
            return load_workbook(file, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        fix = "open and save it again as .xlsx, or save it as CSV UTF-8"
        raise UserError(f"{name} is no workbook that can be read: {error}", fix) from None


def _header(sheet: Any, record: str | None, name: str, zone: ZoneInfo | None) -> Table | None:
    sheet.reset_dimensions()  # some programs write wrong ones, and rows would be missing
    header = next(sheet.iter_rows(max_row=1, values_only=True), ())
    if all(cell is None for cell in header):
        if any(cell is not None for row in sheet.iter_rows(max_row=20, values_only=True) for cell in row):
            fix = "put the fields' names there, or delete the sheet"
            raise UserError(f"{name}: the first row of sheet {sheet.title} is empty", fix)
        return None
    kind = sheet.title if sheet.title in STRUCTS else record
    return Table(header, kind, f"{name}: sheet {sheet.title}", zone)


def _rows(sheet: Any, table: Table, prefix: str) -> Iterator[Row]:
    for number, cells in enumerate(chain(sheet.iter_rows(min_row=2, values_only=True)), start=2):
        raw = json.dumps(cells, ensure_ascii=False, default=str).encode()
        try:
            record = table.record(cells)
        except BadRecord as error:
            yield Row(number, None, f"{prefix}{error}", raw)
        else:
            if record is not None:
                yield Row(number, record, None, raw)
