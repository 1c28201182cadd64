"""External tables: blocks that a client sends with a query become temporary tables for that query."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .blocks import Block
from .engine import Connection
from .errors import ClickHouseError
from .quoting import identifier


@contextmanager
def external_tables(connection: Connection, spool: Path, blocks: list[tuple[str, Block]]) -> Iterator[None]:
    """`blocks`: (table, block). Not for read-only users: the engine does not let them make tables."""
    made: list[str] = []
    try:
        for name, block in blocks:
            if name not in made:
                columns = ", ".join(f"{identifier(column)} {type_name}" for column, type_name in block.columns)
                connection.native(f"CREATE TEMPORARY TABLE {identifier(name)} ({columns}) ENGINE = Memory")
                made.append(name)
            if block.rows:
                _fill(connection, spool, name, block)
        yield
    finally:
        for name in made:
            with suppress(ClickHouseError):
                connection.native(f"DROP TEMPORARY TABLE {identifier(name)}")


def _fill(connection: Connection, spool: Path, name: str, block: Block) -> None:
    with tempfile.TemporaryFile(dir=spool) as file:
        file.write(block.body)
        file.flush()
        source = f"FROM INFILE '/dev/fd/{file.fileno()}' COMPRESSION 'none'"
        connection.native(f"INSERT INTO {identifier(name)} {source} FORMAT Native")
