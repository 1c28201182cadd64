"""Records out of files: JSON lines, CSV, xlsx or Avro, also gzipped, also from standard input. Memory stays bounded.

A bad row is a row with an error and the next one follows; a file that cannot be read at all is a UserError.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.codec import STRUCTS
from streams.connect.columns import ZONES_HINT
from streams.connect.csv_file import read_csv
from streams.connect.json_lines import read_json_lines
from streams.connect.rows import Row
from streams.connect.source import Source, open_source
from streams.errors import UserError

__all__ = ["Row", "read_records"]

_HEAD_BYTES = 4096


def read_records(
    path: Path,
    *,
    record: str | None = None,
    encoding: str | None = None,
    time_zone: str | None = None,
    mapping: Path | None = None,
) -> Iterator[Row]:
    """Rows of a file in its order; `-` is standard input. `record`: what rows are that do not say it themselves.

    `encoding` None: UTF-8 or GB18030, whichever fits. `time_zone`: of the instants in CSV and xlsx that name none.
    `mapping`: what makes events of rows that are no records of ours.
    """
    if record is not None and record not in STRUCTS:
        raise UserError(f"--record {record}: no such record", f"use one of {', '.join(STRUCTS)}")
    zone = _zone(time_zone)
    line = 0
    try:
        with open_source(path) as source:
            rows = _reader(source, record, encoding, zone) if mapping is None else _mapped(source, mapping, encoding)
            for row in rows:
                line = row.line
                yield row
    except (EOFError, zlib.error, OSError) as error:
        problem = f"the file is damaged or ends early: {error}; nothing from here on was read"
        yield Row(line + 1, None, problem, b"")


def _mapped(source: Source, mapping: Path, encoding: str | None) -> Iterator[Row]:
    from streams.connect.mapped import read_mapped

    return read_mapped(source, mapping, encoding)


def _reader(source: Source, record: str | None, encoding: str | None, zone: ZoneInfo | None) -> Iterator[Row]:
    """What the first bytes say, then the name, then the first character."""
    head = source.head(_HEAD_BYTES)
    if head.startswith(b"Obj\x01"):
        from streams.connect.avro_file import read_avro

        return read_avro(source, record)
    if head.startswith(b"PK\x03\x04"):
        from streams.connect.xlsx_file import read_xlsx

        return read_xlsx(source, record, zone)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise UserError(f"{source.name} is an old Excel file (.xls)", "save it as .xlsx or as CSV UTF-8")
    if source.suffix in (".json", ".jsonl", ".ndjson"):
        return read_json_lines(source, record, encoding)
    if source.suffix in (".csv", ".tsv"):
        return read_csv(source, record, encoding, zone)
    if source.suffix in (".xlsx", ".avro"):
        raise UserError(f"{source.name} is no {source.suffix[1:]} file", "its first bytes are not those of one")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return read_json_lines(source, record, encoding)
    return read_csv(source, record, encoding, zone)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name is not None else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UserError(f"--time-zone {name}: no such time zone", ZONES_HINT) from None
