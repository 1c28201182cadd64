"""INSERT with rows as blocks: the table's columns to the client, then its blocks to the engine byte for byte."""

import re

from .answer import Answer
from .blocks import header_body, read_block
from .engine import NO_LIMITS, Connection
from .errors import UNEXPECTED_PACKET, UNSUPPORTED, ClickHouseError, error, protocol_error
from .packets import FromClient
from .statements import Insert, tokens_of
from .wire import Reader

_NOT_INSERTED = {"MATERIALIZED", "ALIAS", "EPHEMERAL"}
_EXCEPT = re.compile(r"\*\s*EXCEPT\s*\(?(?P<names>.*?)\)?", re.IGNORECASE | re.DOTALL)


def run_insert(connection: Connection, answer: Answer, reader: Reader, insert: Insert, readonly: int) -> None:
    """All packets but the end of the stream. After an error the rest of the client's blocks is read and dropped."""
    columns = _columns_of_table(connection, insert.table, "" if readonly == 1 else NO_LIMITS)
    with connection.insert(insert.text) as stream:
        answer.send_block(header_body(_chosen(columns, insert.columns)))
        try:
            while (body := read_data(reader)) is not None:
                stream.append(body)
        except ClickHouseError as problem:
            answer.send_exception(problem)
            while read_data(reader) is not None:
                pass
            raise AlreadyAnswered from None
        rows, size_bytes = stream.finish()
    answer.progress.written_rows, answer.progress.written_bytes = rows, size_bytes
    answer.send_progress()


class AlreadyAnswered(Exception):
    """The client has been told of the error."""


def read_data(reader: Reader) -> bytes | None:
    """The next Data packet's block; None at the end of the data."""
    packet = reader.varint()
    if packet != FromClient.DATA:
        raise protocol_error(UNEXPECTED_PACKET, f"Unexpected packet {packet} from client (expected Data)")
    if reader.string():
        raise protocol_error(UNEXPECTED_PACKET, "A block for another table in the data of an INSERT")
    block = read_block(reader)
    return None if block.is_end else block.body


def _columns_of_table(connection: Connection, table: str, limits: str) -> list[tuple[str, str, str]]:
    """(name, type, kind of default) of each column."""
    source = re.sub(r"^FUNCTION\s+", "", table, flags=re.IGNORECASE)
    described = connection.rows(f"DESCRIBE TABLE {source}{limits}")
    return [(row[0], row[1], row[2]) for row in described]


def _chosen(columns: list[tuple[str, str, str]], listed: str) -> list[tuple[str, str]]:
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
        raise error(UNSUPPORTED, f"Cannot tell which columns {', '.join(missing)[:200]} stands for: list them by name")
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
