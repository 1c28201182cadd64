"""`touchstone schemas`: checks the contracts, and puts them into a schema registry."""

from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from schemas.registering import Row

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

app = typer.Typer(no_args_is_help=True, help="The Avro schemas of all topics: check them, register them.")


def mount(root: typer.Typer) -> None:
    root.add_typer(app, name="schemas")


@app.command()
def check(as_json: AsJson = False) -> None:
    """Check schema files, ids and topics: shapes, docs, and that each version can follow all earlier ones.

    Exit code 1 when anything is wrong; every problem is told with its place.

    Example: touchstone schemas check
    """
    from schemas.check import problems
    from schemas.registry import read
    from streams.terminal import err, out, write_json

    found = problems()
    files, _ = read()
    if as_json:
        write_json({"schemas": len(files), "problems": found})
    else:
        for problem in found:
            err().print(problem, markup=False)
        if not found:
            out().print(f"{len(files)} schema files, no problems", markup=False)
    if found:
        raise typer.Exit(ExitCode.NO)


@app.command()
def register(
    audience: Annotated[
        list[str] | None,
        typer.Option(
            "--audience", "-a", help="An audience with a notification topic, besides those of the packs. Repeatable."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what is there and what is missing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register every schema under the subject of each topic that carries it, compatibility BACKWARD_TRANSITIVE.

    The registry is that of TOUCHSTONE_REGISTRY_URL. Safe to run again. Exit code 1 when the registry refuses a schema, or
    with --dry-run when one is missing.

    Example: TOUCHSTONE_REGISTRY_URL=https://registry.example:8081 touchstone schemas register
    """
    from schemas.check import problems
    from schemas.confluent import RegistryError
    from schemas.registering import register as rows_of
    from schemas.registry import subjects
    from streams.codec import registry, user_error
    from streams.packs_folder import audiences

    settings = start()
    client = registry(settings)
    if client is None:
        raise UserError(
            "no registry is configured", "set TOUCHSTONE_REGISTRY_URL; without one ids come from schemas/ids.yaml"
        )
    if problems():
        raise UserError("the schemas have problems, nothing was registered", "`touchstone schemas check` tells them")
    wanted = subjects(settings.kafka_prefix, sorted({*audiences(settings), *(audience or ())}))
    rows: list[Row] = []
    try:
        rows.extend(rows_of(client, wanted, dry_run=dry_run))
    except RegistryError as error:
        raise user_error(error) from None
    _print(rows, as_json=as_json)
    if any(row.outcome in ("missing", "refused") for row in rows):
        raise typer.Exit(ExitCode.NO)


def _print(rows: "list[Row]", *, as_json: bool) -> None:
    from rich.table import Table

    from streams.terminal import err, out, write_json

    if as_json:
        write_json([row._asdict() for row in rows])
        return
    table = Table("subject", "schema", "version", "id", "")
    for row in rows:
        table.add_row(row.subject, row.schema, _number(row.version), _number(row.id), row.outcome)
    out().print(table)
    for row in rows:
        if row.detail:
            err().print(f"{row.subject}: {row.detail}", markup=False)


def _number(number: int | None) -> str:
    return "–" if number is None else str(number)
