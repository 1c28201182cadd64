"""`touchstone topics`: creates the topics of schemas/topics.yaml, and shows how they stand on the cluster."""

from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from streams.topics import Row

Audiences = Annotated[
    list[str] | None,
    typer.Option(
        "--audience", "-a", help="An audience with a notification topic. Repeatable. Default: those of the packs."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

app = typer.Typer(no_args_is_help=True, help="The topics of schemas/topics.yaml: create them, list them.")


def mount(root: typer.Typer) -> None:
    root.add_typer(app, name="topics")


@app.command()
def create(
    audience: Audiences = None,
    update_config: Annotated[
        bool, typer.Option(help="Set retention and the like of existing topics to what topics.yaml says.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create every topic that is missing. Safe to run again; existing topics are only compared.

    Exit code 1 when an existing topic is not as topics.yaml says. While co-partitioned topics disagree nothing is created.

    Example: touchstone topics create --audience care --audience managers
    """
    from streams import topics
    from streams.admin import Admin
    from streams.packs_folder import audiences
    from streams.terminal import err, out, write_json

    settings = start()
    chosen = audience if audience is not None else audiences(settings)
    with Admin(settings) as admin:
        report = topics.create(admin, settings, chosen, update_config=update_config)
    if as_json:
        write_json(report)
    else:
        for name in report.created:
            out().print(f"created {name}", markup=False)
        for name, keys in report.updated.items():
            out().print(f"updated {name}: {', '.join(keys)}", markup=False)
        out().print(f"{report.unchanged} topics were there already", markup=False)
        for problem in report.problems:
            err().print(f"{problem.topic}: {problem.what}\n  {problem.fix}", markup=False)
    if report.problems:
        raise typer.Exit(ExitCode.NO)


@app.command("list")
def list_topics(audience: Audiences = None, as_json: AsJson = False) -> None:
    """Show each topic: purpose, partitions, what it holds. Without a broker: what topics.yaml says.

    Example: touchstone topics list --json
    """
    from streams import topics
    from streams.admin import Admin
    from streams.packs_folder import audiences
    from streams.terminal import err, write_json

    settings = start()
    chosen = audience if audience is not None else audiences(settings)
    notice = ""
    try:
        with Admin(settings, connect_seconds=3) as admin:
            rows = topics.rows(settings, chosen, admin)
    except UserError as error:
        if error.exit_code != ExitCode.UNAVAILABLE:
            raise
        notice, rows = error.what, topics.rows(settings, chosen, None)
    if as_json:
        write_json(rows)
    else:
        _print_table(rows)
    if notice:
        err().print(f"{notice}; only the declarations are shown", markup=False)


def _print_table(rows: "list[Row]") -> None:
    from rich.table import Table

    from streams.terminal import out

    table = Table("topic", "partitions", "messages", "kept", "purpose", box=None, pad_edge=False)
    for row in rows:
        messages = "-" if row.messages is None else f"{row.messages:,}"
        there = f"{row.partitions}" if row.exists in (True, None) else "missing"
        table.add_row(row.topic, there, messages, row.retention, row.purpose)
    out().print(table)
