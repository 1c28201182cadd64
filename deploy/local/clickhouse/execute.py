"""One statement on the engine and its result to the client: streamed for a SELECT, at once for everything else."""

import json
from contextlib import closing
from dataclasses import dataclass

from .answer import Answer
from .blocks import Columns, header_body, read_body, retyped, split_bodies
from .engine import NO_LIMITS, Chunks, Connection
from .errors import ClickHouseError
from .packets import profile_info
from .statements import Statement
from .wire import Reader

_ANSWERED_EMPTY = {"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"}  # statements whose empty result has columns


@dataclass(slots=True)
class Result:
    """Sends the blocks of one result and counts them. Clients learn names and types from a first block without rows."""

    answer: Answer
    columns: Columns | None = None
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
        if self.retype and self.columns:
            body = retyped(body, self.columns)
        self.rows, self.blocks, self.size_bytes = self.rows + rows, self.blocks + 1, self.size_bytes + len(body)
        self.answer.send_block(body)

    def finish(self) -> None:
        self.answer.send(profile_info(self.rows, self.blocks, self.size_bytes))
        self.answer.send_progress()
        self.answer.send_block(b"\x00\x00")  # no columns: the end of the data


def run_statement(connection: Connection, answer: Answer, statement: Statement, readonly: int) -> None:
    """Everything but an INSERT with blocks; sends all packets before the end of the stream."""
    connection.on_progress(answer.on_progress)
    try:
        columns = _described(connection, statement, readonly)
        chunks = connection.stream(statement.text)
        result = Result(answer, columns)
        if chunks is None:
            _run_at_once(connection, result, statement)
        else:
            _run_streaming(result, chunks)
    finally:
        connection.on_progress(None)


def _described(connection: Connection, statement: Statement, readonly: int) -> Columns | None:
    """Names and types of a SELECT. An error in it is reported by the run, which knows the right words for it."""
    if not statement.is_select:
        return None
    limits = "" if readonly == 1 else NO_LIMITS
    try:
        return [(name, type_name) for name, type_name, _ in connection.describe(f"(\n{statement.text}\n)", limits)]
    except ClickHouseError:
        return None


def _run_streaming(result: Result, chunks: Chunks) -> None:
    with closing(chunks):
        for rows, data in chunks:
            if not result.blocks:
                result.send_header(result.columns or read_body(Reader(None, data)).columns)
            head = Reader(None, data[:20])
            head.varint()
            if head.varint() == rows:
                result.send(rows, data)
                continue
            for block in split_bodies(data):
                result.send(block.rows, block.body)
    if not result.blocks:
        result.send_header(result.columns or [])
    result.finish()


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
