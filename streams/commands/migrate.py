"""`touchstone migrate`: brings the tables and views in ClickHouse up to this version."""

from typing import Annotated

import typer

from streams.commands import start


def mount(root: typer.Typer) -> None:
    root.command()(migrate)


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be applied.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Create or change the tables and views in ClickHouse. Safe to run again, and by two at once.

    Example: touchstone migrate --dry-run
    """
    from sinks.migrations import migrate as apply
    from streams.terminal import err, out, write_json

    done = apply(start(), dry_run=dry_run, say=lambda line: err().print(line, markup=False))
    if as_json:
        write_json(done)
        return
    if dry_run:
        for name in done.applied:
            out().print(f"would apply {name}", markup=False)
    out().print(
        f"{done.database}: {len(done.applied)} {'to apply' if dry_run else 'applied'}, {len(done.already)} there already",
        markup=False,
    )
