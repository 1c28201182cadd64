"""What every reader of files gives: a row each, with its record or with what is wrong with it."""

from typing import NamedTuple

import msgspec


class Row(NamedTuple):
    """`line` counts from 1: the line where the row begins, the row of a sheet, the record of an Avro file.

    Either `record` or `error` is there. `raw` is the row as it stood in the file; of a sheet or an Avro file, JSON of it.
    """

    line: int
    record: msgspec.Struct | None
    error: str | None
    raw: bytes
