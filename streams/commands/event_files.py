"""The option --mapping of commands that look back over files of events."""

from pathlib import Path
from typing import Annotated

import typer

from streams.errors import UserError

Mapping = Annotated[
    Path | None,
    typer.Option(help="A YAML file that makes events of rows with names of their own: docs/mapping.md."),
]


def needs_file(mapping: Path | None, files: object) -> None:
    """Raises UserError for a mapping without a file that is read through it."""
    if mapping is not None and not files:
        raise UserError(f"--mapping {mapping}: there is no file of events to read through it", "name the FILE, too")
