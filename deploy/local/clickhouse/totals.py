"""WITH TOTALS and extremes: the engine's `Native` format leaves them out, so the result is taken as JSON and typed again.

The whole result is held in memory, unlike that of other queries.
"""

import tempfile
from pathlib import Path

import msgspec

from .blocks import Columns, retyped, split_bodies
from .engine import Connection, Engine
from .errors import UNSUPPORTED, error
from .execute import Result
from .packets import FromServer
from .quoting import identifier, quote
from .statements import Statement


class _Extremes(msgspec.Struct):
    min: msgspec.Raw
    max: msgspec.Raw


class _Document(msgspec.Struct):
    """What the format JSONCompact writes; rows stay text, so that no number loses a digit."""

    meta: list[dict[str, str]]
    data: list[msgspec.Raw]
    totals: msgspec.Raw = msgspec.Raw()
    extremes: _Extremes | None = None


def run_with_totals(engine: Engine, connection: Connection, result: Result, statement: Statement) -> None:
    try:
        document = msgspec.json.decode(connection.text(statement.text, "JSONCompact"), type=_Document)
    except msgspec.DecodeError:
        raise error(UNSUPPORTED, "Totals and extremes of values that are no UTF-8 text are not supported") from None
    columns = [(column["name"], column["type"]) for column in document.meta]
    converter = engine.connect()  # a read-only session may not read files
    try:
        result.send_header(columns)
        for rows, body in _typed(converter, engine.spool, columns, document.data):
            result.send(rows, body)
        if document.totals:
            for _, body in _typed(converter, engine.spool, columns, [document.totals]):
                result.answer.send_block(body, FromServer.TOTALS)
        if document.extremes:
            extremes = [document.extremes.min, document.extremes.max]
            for _, body in _typed(converter, engine.spool, columns, extremes):
                result.answer.send_block(body, FromServer.EXTREMES)
    finally:
        converter.close()
    result.finish()


def _typed(converter: Connection, spool: Path, columns: Columns, rows: list[msgspec.Raw]) -> list[tuple[int, bytes]]:
    """Rows of JSON as blocks of the columns' types."""
    if not rows:
        return []
    structure = ", ".join(f"{identifier(f'c{number}')} {type_name}" for number, (_, type_name) in enumerate(columns))
    with tempfile.TemporaryFile(dir=spool) as file:
        for row in rows:
            file.write(bytes(row).replace(b"\n", b" ") + b"\n")
        file.flush()
        source = f"file('/dev/fd/{file.fileno()}', 'JSONCompactEachRow', {quote(structure)}, 'none')"
        blocks = split_bodies(converter.native(f"SELECT * FROM {source} SETTINGS max_threads = 1"))  # noqa: S608 - ours alone
    return [(block.rows, retyped(block.body, columns)) for block in blocks]
