"""JSON lines → rows: one object a line; `"record": "touchpoint"` in it says what it is, where that is not plain."""

from collections.abc import Iterator

import msgspec

from schemas.json_form import BadRecord, from_json
from streams.connect.lines import Line, read_lines
from streams.connect.rows import Row
from streams.connect.source import Source
from streams.errors import UserError


def read_json_lines(source: Source, record: str | None, encoding: str | None) -> Iterator[Row]:
    """Rows; empty lines are passed over. Raises UserError for a file that is one JSON array."""
    for line in read_lines(source, encoding):
        if line.text is not None and not line.text.strip():
            continue
        if line.number == 1 and line.text is not None and line.text.lstrip().startswith("["):
            raise UserError(f"{source.name} is a JSON array", "write one object a line: jq -c '.[]' FILE")
        yield _row(line, record)


def _row(line: Line, record: str | None) -> Row:
    if line.text is None:
        return Row(line.number, None, line.error, line.raw)
    try:
        return Row(line.number, from_json(msgspec.json.decode(line.text), record), None, line.raw)
    except BadRecord as error:
        return Row(line.number, None, str(error), line.raw)
    except msgspec.DecodeError as error:
        return Row(line.number, None, f"not a whole JSON object: {error}", line.raw)
    except RecursionError:
        return Row(line.number, None, "nested too deeply: no record has more than three levels", line.raw)
