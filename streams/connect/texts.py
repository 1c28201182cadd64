"""Texts out of a file: one a line, or JSON lines with a `text`; empty lines are none."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from streams.connect.lines import read_lines
from streams.connect.source import open_source
from streams.errors import UserError


class _Row(msgspec.Struct):
    text: str


def read_texts(file: Path, encoding: str | None = None) -> Iterator[tuple[int, str]]:
    """(line, text) of each. Raises UserError for a line that cannot be read."""
    with open_source(file) as source:
        for line in read_lines(source, encoding):
            if line.text is None:
                raise UserError(f"{file}:{line.number}: {line.error}", "save the file as UTF-8")
            if not line.text.strip():
                continue
            if not line.text.startswith("{"):
                yield line.number, line.text
                continue
            try:
                yield line.number, msgspec.json.decode(line.text, type=_Row).text
            except msgspec.DecodeError as error:
                raise UserError(f"{file}:{line.number}: {error}", 'write {"text": "…"}, or the bare text') from None
