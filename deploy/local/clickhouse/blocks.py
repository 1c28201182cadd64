"""Blocks: rows by columns, in the native format. The engine's `Native` output is a block without its block info."""

from dataclasses import dataclass, field

from .columns import skip_column
from .errors import INCORRECT_DATA, ClickHouseError, protocol_error
from .wire import Reader, int32, string, varint

BLOCK_INFO = b"\x01\x00\x02" + int32(-1) + b"\x00"  # is_overflows = 0, bucket_num = -1
_MAX_COLUMNS = 10_000
Columns = list[tuple[str, str]]  # (name, type)


@dataclass(slots=True)
class Block:
    """A block as bytes; `body` is what the engine's Native format reads and writes."""

    rows: int
    columns: Columns = field(default_factory=list)
    body: bytes = b""

    @property
    def is_end(self) -> bool:
        """Clients end their data with a block of no columns (clickhouse-driver) or no rows."""
        return not self.rows


def read_block(reader: Reader) -> Block:
    """The next block of a client, with its block info."""
    _skip_block_info(reader)
    return read_body(reader)


def _skip_block_info(reader: Reader) -> None:
    while True:
        number = reader.varint()
        if number == 0:
            return
        if number not in (1, 2):
            raise protocol_error(INCORRECT_DATA, f"Unknown field {number} in block info")
        reader.take(1 if number == 1 else 4)


def read_body(reader: Reader) -> Block:
    """One block without block info. Raises ProtocolError for bytes that are no block."""
    reader.discard_used()
    column_count, rows = reader.varint(), reader.varint()
    if column_count > _MAX_COLUMNS:
        raise protocol_error(INCORRECT_DATA, f"A block of {column_count} columns; at most {_MAX_COLUMNS} are accepted")
    columns = []
    for _ in range(column_count):
        name, type_name = reader.string(), reader.string()
        columns.append((name, type_name))
        if rows:
            skip_column(reader, type_name, rows)
    return Block(rows, columns, bytes(memoryview(reader.buffer)[: reader.position]))


def split_bodies(data: bytes) -> list[Block]:
    """The blocks of a whole `Native` result."""
    reader = Reader(None, data)
    blocks = []
    while reader.position < len(reader.buffer):
        blocks.append(read_body(reader))
    return blocks


def header_body(columns: Columns) -> bytes:
    """A block of no rows: only names and types."""
    names_and_types = b"".join(string(name) + string(type_name) for name, type_name in columns)
    return varint(len(columns)) + b"\x00" + names_and_types


def retyped(body: bytes, columns: Columns) -> bytes:
    """The same block under other names and types of the same layout. A column whose end cannot be found ends the attempt."""
    reader = Reader(None, body)
    count, rows = reader.varint(), reader.varint()
    out, copied = bytearray(), 0
    try:
        for wanted in columns[:count]:
            start = reader.position
            written = reader.string(), reader.string()
            if written != wanted:
                out += body[copied:start] + string(wanted[0]) + string(wanted[1])
                copied = reader.position
            skip_column(reader, written[1], rows)
    except ClickHouseError:
        return body
    return bytes(out) + body[copied:]
