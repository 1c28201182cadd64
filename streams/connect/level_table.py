"""A table of levels out of a CSV or JSON file: name, experience, expectation, importance, ideal; empty cells are not known."""

import csv
import io
import sys
from pathlib import Path
from typing import Final

import msgspec

from streams.errors import UserError
from streams.experience.gap import Levels

COLUMNS: Final = ("name", "experience", "expectation", "importance", "ideal")
EMPTY: Final = ("", "-", "–", "—", "null")
MOST_BYTES: Final = 1 << 20


def read_levels(file: Path) -> list[Levels]:
    """`-` is standard input. Raises UserError that names the row and the column."""
    try:
        found = sys.stdin.buffer.read(MOST_BYTES + 1) if str(file) == "-" else file.read_bytes()
        text = found.decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}", "name a CSV or JSON file") from None
    except UnicodeDecodeError:
        raise UserError(f"{file} is not UTF-8", "save it as UTF-8") from None
    if len(found) > MOST_BYTES:
        raise UserError(f"{file} is larger than {MOST_BYTES} bytes", "a table of levels has some dozen rows")
    if text.lstrip().startswith("["):
        try:
            return msgspec.json.decode(text, type=list[Levels])
        except msgspec.DecodeError as error:
            raise UserError(f"{file}: {error}", f"a list of objects with {', '.join(COLUMNS)}") from None
    return _of_csv(str(file), text)


def _of_csv(file: str, text: str) -> list[Levels]:
    rows = csv.DictReader(io.StringIO(text))
    columns = [name.strip() for name in rows.fieldnames or ()]
    unknown = sorted(set(columns) - set(COLUMNS))
    if "name" not in columns or unknown:
        said = f"unknown columns {', '.join(unknown)}" if unknown else "no column name"
        raise UserError(f"{file}: {said}", f"the columns are {', '.join(COLUMNS)}")
    found = []
    for number, row in enumerate(rows, 2):
        cells = {(key or "").strip(): (value or "").strip() for key, value in row.items() if isinstance(value, str)}
        found.append(Levels(cells.pop("name"), **{key: _level(file, number, key, cells[key]) for key in cells}))
    return found


def _level(file: str, line: int, column: str, cell: str) -> float | None:
    if cell in EMPTY:
        return None
    try:
        return float(cell)
    except ValueError:
        raise UserError(
            f"{file}:{line}: {column} {cell!r} is not a number", "leave it empty where it is not known"
        ) from None
