"""One statement on the engine and its result to the client: streamed for a SELECT, at once for everything else."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from .answer import Answer
from .blocks import Columns, header_body, read_body, retyped, split_bodies
from .engine import Chunks, Connection
from .errors import ClickHouseError
from .packets import profile_info
from .statements import Statement
from .wire import Reader

_ANSWERED_EMPTY = {"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"}  # statements whose empty result has columns


@dataclass(slots=True)
class Result:
    """Sends the blocks of one result and counts them. Clients learn names and types from a first block without rows."""

    answer: Answer
    columns: Columns = field(default_factory=list)
    retype: bool = False  # blocks come with other names or types than the client is to see
    rows: int = 0
    blocks: int = 0
    size_bytes: int = 0

    def send_header(self, columns: Columns) -> None:
        self.columns = columns
        # The engine's format drops the time zone of DateTime columns.
        self.retype = self.retype or any(type_name.startswith("DateTime(") for _, type_name in columns)
        self.answer.send_block(header_body(columns))

    def send(self, rows: int, body: bytes) -> None:
        if self.retype:
            body = retyped(body, self.columns)
        self.rows, self.blocks, self.size_bytes = self.rows + rows, self.blocks + 1, self.size_bytes + len(body)
        self.answer.send_block(body)

    def send_chunk(self, rows: int, data: bytes) -> None:
        """What the engine gives at a time: one block, as far as was ever seen."""
        head = Reader(None, data[:20])
        head.varint()
        if head.varint() == rows:
            self.send(rows, data)
            return
        for block in split_bodies(data):
            self.send(block.rows, block.body)

    def finish(self) -> None:
        self.answer.send(profile_info(self.rows, self.blocks, self.size_bytes))
        self.answer.send_progress()
        self.answer.send_block(b"\x00\x00")  # no columns: the end of the data


def run_statement(connection: Connection, result: Result, statement: Statement, describer: "Describer") -> None:
    """Everything but an INSERT with blocks; sends all packets before the end of the stream."""
    connection.on_progress(result.answer.on_progress)
    try:
        chunks = connection.stream(statement.text)
        if chunks is None:
            _run_at_once(connection, result, statement)
        else:
            _run_streaming(connection, result, statement, chunks, describer)
    finally:
        connection.on_progress(None)


@dataclass(frozen=True, slots=True)
class Describer:
    """Finds the names and types of a query where its blocks do not say them."""

    aside: Callable[[], Connection]  # a new session in the same database: this one is busy with the query
    limits: str  # what lifts the client's limits; nothing in a read-only session

    def here(self, connection: Connection, statement: Statement) -> Columns | None:
        try:
            described = connection.describe(f"(\n{statement.text}\n)", self.limits)
        except ClickHouseError:
            return None
        return [(name, type_name) for name, type_name, _ in described]

    def elsewhere(self, statement: Statement) -> Columns | None:
        """None also where the query reads temporary tables."""
        connection = self.aside()
        try:
            return self.here(connection, statement)
        finally:
            connection.close()


def _run_streaming(
    connection: Connection, result: Result, statement: Statement, chunks: Chunks, describer: Describer
) -> None:
    with closing(chunks):
        first = next(chunks, None)
        columns = first and (_columns_in(first[1]) or describer.elsewhere(statement))
        if first and columns:
            result.send_header(columns)
            result.send_chunk(*first)
            for chunk in chunks:
                result.send_chunk(*chunk)
            result.finish()
            return
    columns = describer.here(connection, statement) or (read_body(Reader(None, first[1])).columns if first else [])
    result.send_header(columns)
    with closing((connection.stream(statement.text) if first else None) or chunks) as again:
        for chunk in again:
            result.send_chunk(*chunk)
    result.finish()


def _columns_in(chunk: bytes) -> Columns | None:
    """None where the block leaves something open: a type of unknown length, or whether a DateTime has a time zone."""
    try:
        columns = read_body(Reader(None, chunk)).columns
    except ClickHouseError:
        return None
    return None if any(type_name == "DateTime" for _, type_name in columns) else columns


def _run_at_once(connection: Connection, result: Result, statement: Statement) -> None:
    blocks = split_bodies(connection.native(statement.text))
    if not blocks and statement.first_word not in _ANSWERED_EMPTY:
        return
    result.send_header(blocks[0].columns if blocks else _meta(connection, statement.text))
    for block in blocks:
        result.send(block.rows, block.body)
    result.finish()


def _meta(connection: Connection, statement: str) -> Columns:
    described = json.loads(connection.text(statement, "JSONCompact"))
    return [(column["name"], column["type"]) for column in described["meta"]]
