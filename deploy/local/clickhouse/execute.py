"""One statement on the engine and its result to the client: streamed for a SELECT, at once for everything else."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from .answer import Answer
from .blocks import header_body, split_bodies
from .engine import NO_LIMITS, Connection
from .errors import QUERY_WAS_CANCELLED, ClickHouseError
from .packets import EMPTY_BLOCK, profile_info
from .statements import Statement
from .wire import Reader

_ANSWERED_EMPTY = {"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"}  # statements whose empty result has columns


@dataclass(slots=True)
class _Counts:
    rows: int = 0
    blocks: int = 0
    size_bytes: int = 0


def run_statement(connection: Connection, answer: Answer, statement: Statement, readonly: int) -> None:
    """Everything but an INSERT with blocks; sends all packets before the end of the stream."""
    connection.on_progress(answer.on_progress)
    try:
        chunks = connection.stream(statement.text)
        if chunks is None:
            _run_at_once(connection, answer, statement)
        else:
            _run_streaming(connection, answer, statement, chunks, readonly)
    finally:
        connection.on_progress(None)


def _run_streaming(
    connection: Connection, answer: Answer, statement: Statement, chunks: Iterator[tuple[int, bytes]], readonly: int
) -> None:
    counts = _Counts()
    try:
        for rows, data in chunks:
            _send_chunk(answer, rows, data, counts)
    finally:
        chunks.close()  # type: ignore[attr-defined]  # a generator: stops the query when sending failed
    if not counts.blocks:
        answer.send_block(header_body(_columns_of(connection, statement.text, readonly)))
    _finish(answer, counts)


def _run_at_once(connection: Connection, answer: Answer, statement: Statement) -> None:
    data = connection.native(statement.text)
    counts = _Counts()
    for block in split_bodies(data):
        _send_body(answer, block.rows, block.body, counts)
    if not counts.blocks and statement.first_word in _ANSWERED_EMPTY:
        described = json.loads(connection.text(statement.text, "JSONCompact"))
        columns = [(column["name"], column["type"]) for column in described["meta"]]
        answer.send_block(header_body(columns))
    if counts.blocks or statement.first_word in _ANSWERED_EMPTY:
        _finish(answer, counts)


def _send_chunk(answer: Answer, rows: int, data: bytes, counts: _Counts) -> None:
    head = Reader(None, data[:20])
    head.varint()
    if head.varint() == rows:
        _send_body(answer, rows, data, counts)
        return
    for block in split_bodies(data):
        _send_body(answer, block.rows, block.body, counts)


def _send_body(answer: Answer, rows: int, body: bytes, counts: _Counts) -> None:
    counts.rows, counts.blocks, counts.size_bytes = counts.rows + rows, counts.blocks + 1, counts.size_bytes + len(body)
    answer.send_block(body)


def _finish(answer: Answer, counts: _Counts) -> None:
    answer.send(profile_info(counts.rows, counts.blocks, counts.size_bytes))
    answer.send_progress()
    answer.send(EMPTY_BLOCK)


def _columns_of(connection: Connection, query: str, readonly: int) -> list[tuple[str, str]]:
    """Names and types of a SELECT without rows: the engine writes nothing for it."""
    limits = "" if readonly == 1 else NO_LIMITS
    return [(row[0], row[1]) for row in connection.rows(f"DESCRIBE TABLE (\n{query}\n){limits}")]


def is_cancellation(problem: ClickHouseError) -> bool:
    return problem.code == QUERY_WAS_CANCELLED[0]
