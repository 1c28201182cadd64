"""`touchstone gap`: where experience falls short of what is expected and of what would be ideal, and what to do first."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from streams.experience.gap_answers import Answers
    from streams.settings import Settings


def mount(root: typer.Typer) -> None:
    root.command("gap")(gap)


def gap(
    file: Annotated[
        Path,
        typer.Argument(help="Events (JSON lines, CSV, xlsx, Avro), or with --levels a table; - is standard input."),
    ],
    levels: Annotated[
        bool, typer.Option(help="FILE is a CSV or JSON table: name, experience, expectation, importance, ideal.")
    ] = False,
    by: Annotated[str, typer.Option(help="What the rows are: dimension, touchpoint, unit, journey.")] = "dimension",
    respondent: Annotated[str, typer.Option(help="Whose answers: customer, staff, management.")] = "customer",
    pack: Annotated[str, typer.Option(help="A pack's name, or its file: what events are judged by.")] = "retail",
    what_if: Annotated[
        list[str] | None, typer.Option(help="name=level, also several: what would come first if experience were so.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show experience, expectation, satisfaction, importance, ideal and gap, and what disappoints most.

    Cells that nobody stated stay empty. Derived cells bear a *. The ideal differs from the actual level only at the key
    experience: what disappoints most, weighted by its importance.

    Exit code 1 when rows of events were refused.

    Example: touchstone gap examples/gap-levels.csv --levels --what-if convenience=10
    """
    settings = start()
    from streams.connect.level_table import read_levels
    from streams.experience import gap as core
    from streams.replay.gap_report import json_document, report
    from streams.terminal import err

    counts: dict[str, int] = {}
    refused: list[str] = []
    if levels:
        rows = read_levels(file)
    else:
        (rows, counts), refused = _of_events(file, settings, pack, by, respondent)
    changes = _changes(what_if or [])
    try:
        found = core.table(rows)
        changed = core.what_if(rows, changes) if changes else None
    except ValueError as error:
        raise UserError(f"{file}: {error}", "levels and importance are 0 to 10, each row has one name") from None
    if as_json:
        json_document(found, changed, counts)
    else:
        report(found, changed, counts, changes)
    for line in refused:
        err().print(line, markup=False)
    if refused:
        raise typer.Exit(ExitCode.NO)


def _of_events(file: Path, settings: "Settings", pack: str, by: str, respondent: str) -> "tuple[Answers, list[str]]":
    from schemas.records import Experience
    from streams.commands.decide import run_file
    from streams.connect.files import read_records
    from streams.experience.gap_answers import BY, answers

    if by not in BY:
        raise UserError(f"--by {by}: no such rows", f"use one of {', '.join(BY)}")
    if respondent not in ("customer", "staff", "management"):
        raise UserError(f"--respondent {respondent}: nobody answers as that", "use customer, staff or management")
    decider, refused = run_file(read_records(file), file, settings, pack)
    return answers((each for each in decider.decided if isinstance(each, Experience)), by, respondent), refused


def _changes(asked: list[str]) -> dict[str, float]:
    changes: dict[str, float] = {}
    for each in asked:
        name, _, level = each.partition("=")
        try:
            changes[name] = float(level)
        except ValueError:
            raise UserError(f"--what-if {each}: not name=level", "write --what-if convenience=10") from None
    return changes
