"""A table of levels out of a CSV or JSON file: name, experience, expectation, importance, ideal; empty cells are not known."""

from pathlib import Path
from typing import Final

import msgspec

from streams.connect.csv_file import Cells, read_cells
from streams.connect.source import Source, open_source
from streams.errors import UserError
from streams.experience.gap import Levels

COLUMNS: Final = ("name", "experience", "expectation", "importance", "ideal")
EMPTY: Final = ("", "-", "–", "—")
JSON_BYTES_MAX: Final = 1 << 20


def read_levels(file: Path) -> list[Levels]:
    """`-` is standard input. Raises UserError that names the row and the column."""
    with open_source(file) as source:
        if source.head(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            return _of_json(source)
        rows = read_cells(source, None)
        header = next(rows, Cells(1, b"", []))
        where = f"{source.name}:{header.line}"
        names = [name.strip() for name in header.cells]
        unknown = sorted(set(names) - set(COLUMNS))
        if header.error or unknown or "name" not in names or len(set(names)) < len(names):
            wrong = header.error or (
                f"unknown columns {', '.join(unknown)}" if unknown else f"it says {', '.join(names)}"
            )
            raise UserError(f"{where}: {wrong}", f"the first line names the columns, each once: {', '.join(COLUMNS)}")
        return [_levels(source.name, names, row) for row in rows if row.error or any(row.cells)]


def _of_json(source: Source) -> list[Levels]:
    text = source.stream.read(JSON_BYTES_MAX + 1)
    if len(text) > JSON_BYTES_MAX:
        raise UserError(f"{source.name} is larger than {JSON_BYTES_MAX} bytes", "a table of levels has some dozen rows")
    try:
        return msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"), type=list[Levels])
    except msgspec.DecodeError as error:
        raise UserError(f"{source.name}: {error}", f"a list of objects with {', '.join(COLUMNS)}") from None


def _levels(file: str, names: list[str], row: Cells) -> Levels:
    where = f"{file}:{row.line}"
    if row.error is not None or len(row.cells) > len(names):
        wrong = row.error or f"{len(row.cells)} cells, the header has {len(names)}"
        raise UserError(f"{where}: {wrong}", "leave a cell empty where it is not known; write decimals with a point")
    cells = dict(zip(names, (cell.strip() for cell in row.cells), strict=True))
    name = cells.pop("name")
    if not name:
        raise UserError(f"{where}: the name is empty", "every row is of something")
    known = {column: _level(where, column, cell) for column, cell in cells.items()}
    return Levels(
        name,
        experience=known.get("experience"),
        expectation=known.get("expectation"),
        importance=known.get("importance"),
        ideal=known.get("ideal"),
    )


def _level(where: str, column: str, cell: str) -> float | None:
    if cell in EMPTY:
        return None
    try:
        return float(cell)
    except ValueError:
        raise UserError(f"{where}: {column} {cell!r} is not a number", "leave it empty where it is not known") from None
