"""INSERT with rows as blocks: the table's columns to the client, its blocks byte for byte into a file, the file to the engine.

The whole INSERT is one statement for the engine, so its errors are known before the client hears that it succeeded.
"""

import re
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from .answer import Answer
from .blocks import header_body
from .columns import check_readable
from .data import DataPackets
from .engine import NO_LIMITS, Connection
from .errors import (
    NO_SUCH_COLUMN,
    NOT_ENOUGH_SPACE,
    UNEXPECTED_PACKET,
    error,
    protocol_error,
)
from .statements import Insert, tokens_of

_NOT_INSERTED = {"MATERIALIZED", "ALIAS", "EPHEMERAL"}
_EXCEPT = re.compile(r"\*\s*EXCEPT\s*\(?(?P<names>.*?)\)?", re.IGNORECASE | re.DOTALL)


def run_insert(
    connection: Connection,
    answer: Answer,
    data: DataPackets,
    insert: Insert,
    readonly: int,
    spool: Path,
    watching: Callable[[], AbstractContextManager[None]],
) -> None:
    """All packets but the end of the stream. The file has no name, so nothing is left of it whatever happens."""
    table = re.sub(r"^FUNCTION\s+", "", insert.table, flags=re.IGNORECASE)
    columns = connection.describe(table, "" if readonly == 1 else NO_LIMITS)
    connection.check_insert(insert.head)
    chosen = chosen_columns(columns, insert.columns)
    for _, type_name in chosen:
        check_readable(type_name)
    answer.send_block(header_body(chosen))
    with tempfile.TemporaryFile(dir=spool) as file:
        rows = _receive(data, file)
        if not rows:
            return
        file.seek(0)
        source = f"FROM INFILE '/dev/fd/{file.fileno()}' COMPRESSION 'none'"
        with watching():
            connection.native(f"{insert.head} {source} {insert.settings} FORMAT Native")
        answer.progress.written_rows, answer.progress.written_bytes = rows, file.tell()
    answer.send_progress()


def _receive(data: DataPackets, file: IO[bytes]) -> int:
    """How many rows. After an error the rest of the client's blocks is still read: the connection stays usable."""
    rows, failed = 0, None
    while True:
        table, block = data.next()
        if table:
            raise protocol_error(UNEXPECTED_PACKET, "A block for another table in the data of an INSERT")
        if block.is_end:
            break
        rows += block.rows
        try:
            if failed is None:
                file.write(block.body)
        except OSError as problem:
            failed = problem
    try:
        file.flush()
    except OSError as problem:
        failed = failed or problem
    if failed:
        raise error(NOT_ENOUGH_SPACE, f"Cannot keep the rows of this INSERT: {failed.strerror}")
    return rows


def chosen_columns(columns: list[tuple[str, str, str]], listed: str) -> list[tuple[str, str]]:
    """(name, type) of the columns that a client is to send: `columns` as described, `listed` as written in the INSERT."""
    if not listed or listed == "*":
        return [(name, type_name) for name, type_name, kind in columns if kind not in _NOT_INSERTED]
    excepted = _EXCEPT.fullmatch(listed)
    names = _names(excepted["names"] if excepted else listed)
    if excepted:
        return [
            (name, type_name) for name, type_name, kind in columns if kind not in _NOT_INSERTED and name not in names
        ]
    types = {name: type_name for name, type_name, _ in columns}
    missing = [name for name in names if name not in types]
    if missing:
        raise error(NO_SUCH_COLUMN, f"Cannot tell which column {missing[0][:200]!r} is: list the columns by name")
    return [(name, types[name]) for name in names]


def _names(listed: str) -> list[str]:
    names, current = [], ""
    for token in tokens_of(listed):
        if token.text == "," and token.depth == 0:
            names.append(current)
            current = ""
        else:
            current += _unquoted(token.text) if token.kind == "quoted" else token.text
    return [*names, current] if current else names


def _unquoted(text: str) -> str:
    quote = text[0]
    return re.sub(r"\\(.)", r"\1", text[1:-1].replace(quote * 2, quote), flags=re.DOTALL)
