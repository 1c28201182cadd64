"""Files of events as commands take them: the option --mapping, and their records for commands that cannot do with a part of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec

MappingOption = Annotated[
    Path | None,
    typer.Option("--mapping", help="A YAML file that makes events of rows with names of their own: docs/mapping.md."),
]


def needs_file(mapping: Path | None, files: object) -> None:
    """Raises UserError for a mapping without a file that is read through it."""
    if mapping is not None and not files:
        raise UserError(f"--mapping {mapping}: there is no file of events to read through it", "name the FILE, too")


def whole(file: Path, mapping: Path | None) -> "Iterator[msgspec.Struct]":
    """The records of a file. Raises UserError at the first row that is none: half of a sample is another sample."""
    from streams.connect.files import read_records

    for row in read_records(file, mapping=mapping):
        if row.record is None:
            fix = "put the row right, take it out, or pass it over in the mapping"
            raise UserError(f"{file}:{row.line}: {row.error}", fix, exit_code=ExitCode.NO)
        yield row.record
