"""`touchstone reconcile`: is everything that the topics hold in ClickHouse?"""

from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.errors import ExitCode

if TYPE_CHECKING:
    from sinks.comparison import Difference
    from sinks.reconcile import Reconciliation, Report


def mount(root: typer.Typer) -> None:
    root.command()(reconcile)


def reconcile(
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, help="Let worker and sink catch up for that long.")
    ] = 0.0,
    show_all: Annotated[bool, typer.Option("--all", help="Show every difference, not only the first.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON on stdout; with --all a line for each difference, too.")
    ] = False,
) -> None:
    """Compare what the topics hold now with ClickHouse: by count, by position, by id and revision.

    An input is accounted for when it is stored or dead-lettered; an action, experience or episode when it is stored.
    Exit code 0 only if all agree, 1 if not.

    Example: touchstone reconcile --wait 30
    """
    from rich.progress import Progress

    from sinks.reconcile import Reconciliation
    from streams.terminal import err

    settings = start()
    with Progress(console=err(), transient=True, disable=not err().is_terminal) as bar:
        task = bar.add_task("comparing", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        with Reconciliation(settings, show) as reconciliation:
            report = reconciliation.run(wait)
            bar.stop()
            _print(report, reconciliation, show_all=show_all, as_json=as_json)
    if not report.agree:
        raise typer.Exit(ExitCode.NO)


def _print(report: "Report", reconciliation: "Reconciliation", *, show_all: bool, as_json: bool) -> None:
    from streams.terminal import out, write_json

    if as_json:
        write_json(report)
    else:
        _print_table(report)
    if show_all and not report.agree:
        for difference in reconciliation.differences(report):
            write_json(difference) if as_json else out().print(sentence(difference), markup=False)
    elif not as_json:
        for found in report.topics:
            for difference in found.first:
                out().print(sentence(difference), markup=False)
            more = found.counts.missing + found.counts.different + found.counts.unexpected - len(found.first)
            if more > 0:
                out().print(f"{found.topic}: {more:,} more, shown by --all", markup=False)


def sentence(difference: "Difference") -> str:
    """Which message, and what is wrong with it."""
    where = f"{difference.topic}/{difference.partition}@{difference.offset}"
    name = f"{difference.id or '(no record)'}" + (f" revision {difference.revision}" if difference.revision else "")
    return f"{difference.what}: {where} {name}: {difference.detail}"


def _print_table(report: "Report") -> None:
    from rich.table import Table

    from streams.terminal import out

    columns = ("messages", "stored", "dead_lettered", "both", "missing", "different", "unexpected")
    table = Table("topic", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", "-"), justify="right")
    for found in report.topics:
        table.add_row(found.topic, *(f"{getattr(found.counts, column):,}" for column in columns))
    out().print(table)
    out().print("topics and ClickHouse agree" if report.agree else "topics and ClickHouse differ", markup=False)
    if report.worker_behind:
        out().print(
            f"the worker has {report.worker_behind:,} inputs to go: what will follow from them is not compared; --wait gives it time",
            markup=False,
        )
