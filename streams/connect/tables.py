"""Rows of a table → records: the header's names are field names, an empty cell is an absent field.

What a row is: its `record` column, else what the caller says, else told by the columns. A header that cannot be read
stops the file before its first row; a wrong cell stops only its row.
"""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from schemas.codec import STRUCTS
from schemas.json_form import BadRecord, from_json, kind_of
from streams.connect.columns import Cell, Column, column, required
from streams.errors import UserError

KIND_COLUMN = "record"


class Table:
    """A header, read. `where` names file and sheet for messages."""

    def __init__(self, header: Sequence[Cell], record: str | None, where: str, zone: ZoneInfo | None) -> None:
        self._names = ["" if cell is None else str(cell).strip() for cell in header]
        while self._names and not self._names[-1]:
            self._names.pop()
        self._where = where
        self._zone = zone
        self._columns: dict[str, list[Column | None]] = {}
        self._kind: str | None
        self._refuse_doubles()
        self._kind_at = self._names.index(KIND_COLUMN) if KIND_COLUMN in self._names else None
        if self._kind_at is not None:
            self._kind = record
            self._check_mixed_header()
        else:
            self._kind = self._told_kind(record)
            self._check_header(self._kind)

    def record(self, cells: Sequence[Cell]) -> msgspec.Struct | None:
        """The record of a row, None for a row of empty cells. Raises BadRecord, which names the column."""
        if all(_empty(cell) for cell in cells):
            return None
        for index in range(len(self._names), len(cells)):
            if not _empty(cells[index]):
                fix = f"the header has {len(self._names)} columns; quote a cell that holds the separator"
                raise BadRecord(f"{len(cells)} cells: {fix}")
        kind = self._row_kind(cells)
        document: dict[str, Any] = {}
        for index, (cell, field) in enumerate(zip(cells, self._fields(kind), strict=False)):
            if not _empty(cell) and index != self._kind_at:
                if field is None:
                    raise BadRecord(f"{self._label(index)}: a {kind} has no such field; leave the cell empty")
                try:
                    _put(document, field.path, field.convert(cell))
                except BadRecord as error:
                    raise BadRecord(f"{self._label(index)}: {error}") from None
        missing = [name for name in required(kind) if name not in document]
        if missing:
            raise BadRecord(f"{missing[0]} is empty; a {kind} cannot do without it")
        return from_json(document, kind)

    def _refuse_doubles(self) -> None:
        seen: set[str] = set()
        for index, name in enumerate(self._names):
            whole = name.partition(".")[0]
            if name and (name in seen or (whole != name and whole in self._names)):
                raise UserError(f"{self._where}: {self._label(index)} is there twice", "rename or remove one of them")
            seen.add(name)

    def _told_kind(self, record: str | None) -> str:
        try:
            return kind_of(dict.fromkeys(self._names), record)
        except BadRecord:
            kinds = ", ".join(STRUCTS)
            fix = f"say --record, or add a column `record`, with one of {kinds}"
            if not any(self._names):
                raise UserError(f"{self._where}: the first row is empty", "put the fields' names there") from None
            raise UserError(f"{self._where}: cannot tell from the columns what the rows are", fix) from None

    def _check_header(self, kind: str) -> None:
        fields = self._fields(kind)
        for index, field in enumerate(fields):
            if field is None and self._names[index]:
                self._refuse(index, kind)
        filled = {field.path[0] for field in fields if field is not None}
        missing = [name for name in required(kind) if name not in filled]
        if missing:
            fix = f"add it; a {kind} cannot do without {', '.join(required(kind))}"
            raise UserError(f"{self._where}: no column {missing[0]}", fix)

    def _check_mixed_header(self) -> None:
        for index, name in enumerate(self._names):
            if name and index != self._kind_at and all(self._fields(kind)[index] is None for kind in STRUCTS):
                self._refuse(index, next(iter(STRUCTS)))

    def _refuse(self, index: int, kind: str) -> None:
        try:
            column(kind, self._names[index], self._zone)
        except BadRecord as error:
            fix = f"rename or remove the column; schemas/{kind}.v1.avsc lists the fields"
            raise UserError(f"{self._where}: {self._label(index)}: {error}", fix) from None

    def _row_kind(self, cells: Sequence[Cell]) -> str:
        if self._kind_at is None or self._kind_at >= len(cells) or _empty(cells[self._kind_at]):
            if self._kind is None:
                raise BadRecord(f"the column {KIND_COLUMN} is empty; write one of {', '.join(STRUCTS)}")
            return self._kind
        kind = str(cells[self._kind_at]).strip()
        if kind not in STRUCTS:
            raise BadRecord(f"{self._label(self._kind_at)}: {kind!r} is none of {', '.join(STRUCTS)}")
        return kind

    def _fields(self, kind: str) -> list[Column | None]:
        fields = self._columns.get(kind)
        if fields is None:
            fields = self._columns[kind] = [self._field(kind, name) for name in self._names]
        return fields

    def _field(self, kind: str, name: str) -> Column | None:
        try:
            return column(kind, name, self._zone) if name else None
        except BadRecord:
            return None

    def _label(self, index: int) -> str:
        return f"column {self._names[index] or '(no name)'} ({letter(index)})"


def letter(index: int) -> str:
    """A column's letter in a spreadsheet: 0 → A, 26 → AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def _empty(cell: Cell) -> bool:
    return cell is None or cell == ""


def _put(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for part in path[:-1]:
        document = document.setdefault(part, {})
    document[path[-1]] = value
