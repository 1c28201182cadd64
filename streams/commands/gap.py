"""`touchstone gap`: where experience falls short of what is expected and of what would be ideal, and what to do first."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.commands.event_files import MappingOption, needs_file
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from streams.replay.gap_tables import Asked, Group
    from streams.settings import Settings


def mount(root: typer.Typer) -> None:
    root.command("gap")(gap)


def gap(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Events (JSON lines, CSV, xlsx, Avro), or with --levels a table; - is standard input. Default: ClickHouse, as it is now."
        ),
    ] = None,
    levels: Annotated[
        bool, typer.Option(help="FILE is a CSV or JSON table: name, experience, expectation, importance, ideal.")
    ] = False,
    by: Annotated[
        str,
        typer.Option(
            help="What the rows are: dimension, reason, touchpoint, unit, journey, customer, segment; several: touchpoint,dimension."
        ),
    ] = "dimension",
    each: Annotated[
        str | None, typer.Option(help="A table for each unit, segment, customer (or touchpoint, journey, dimension).")
    ] = None,
    segment: Annotated[
        str, typer.Option(help="What makes segments: tier, or a customer's attribute by its name.")
    ] = "tier",
    respondent: Annotated[
        str, typer.Option(help="Whose word counts: customer, staff, management, or measured (from what happened).")
    ] = "customer",
    weigh: Annotated[
        str | None, typer.Option(help="Several together, by weight, instead: customer=3,staff=1,measured=1.")
    ] = None,
    importance: Annotated[
        str,
        typer.Option(
            help="stated; or derived: what goes with the overall answer (Spearman over customers, 30 at least)."
        ),
    ] = "stated",
    overall: Annotated[str, typer.Option(help="With --importance derived: kind of the overall answer.")] = "nps",
    pack: Annotated[str, typer.Option(help="A pack's name, or its file: what events are judged by.")] = "retail",
    since: Annotated[str | None, typer.Option(help="About this time on: 2026-03-01T00:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to this time, excluded.")] = None,
    what_if: Annotated[
        list[str] | None, typer.Option(help="name=level, also several: what would come first if experience were so.")
    ] = None,
    rounds: Annotated[
        Path | None,
        typer.Option(
            help="Needs and initiatives with their results (YAML, JSON): steps 5 to 7. Default: PACK.rounds.yaml beside --pack FILE."
        ),
    ] = None,
    mapping: MappingOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show experience, expectation, satisfaction, importance, ideal and gap, and what disappoints most.

    Cells that nobody stated stay empty. Derived cells bear a *. The ideal differs from the actual level only at the key
    experience: what disappoints most, weighted by its importance. Where nobody has said anything, what the pack's measures
    make of waiting, failures and so on stands in; below the table it says where a cell comes from.

    Exit code 1 when rows of events were refused.

    Example: touchstone gap examples/gap-levels.csv --levels --rounds examples/gap-rounds.yaml

    Example: touchstone gap examples/retail-morning.jsonl --by touchpoint,dimension --each unit

    Example: touchstone gap --weigh customer=3,staff=1 --importance derived --since 2026-03-01T00:00:00Z
    """
    settings = start()
    needs_file(mapping, None if levels else file)
    from streams.replay import gap_tables
    from streams.replay.gap_report import json_document, report
    from streams.terminal import err

    asked = gap_tables.asked(by, each, respondent, weigh, importance, overall, since, until, changes(what_if or []))
    groups, refused = (
        (gap_tables.of_levels(file, asked), []) if levels else _of_events(file, settings, pack, segment, asked, mapping)
    )
    played = gap_tables.play_rounds(rounds, pack, groups, settings)
    if as_json:
        json_document(groups, asked.each, played)
    else:
        report(groups, asked, played)
    for line in refused:
        err().print(line, markup=False)
    if refused:
        raise typer.Exit(ExitCode.NO)


def _of_events(
    file: Path | None, settings: "Settings", pack: str, segment: str, asked: "Asked", mapping: Path | None
) -> "tuple[list[Group], list[str]]":
    """Of what was said and what happened, in a file or in ClickHouse; and the rows that were refused."""
    from schemas.events import Customer, Touchpoint
    from streams.commands.material import of_clickhouse, of_file
    from streams.packs_folder import find
    from streams.replay.gap_events import TIER, answers, segments
    from streams.replay.gap_tables import of_answers

    judge = find(pack, settings)
    if file is not None:
        found = of_file(file, settings, pack, mapping)
    else:
        wanted = segment if {"segment", "customer"} & {asked.each, *asked.by} else None
        found = of_clickhouse(settings, asked.since, asked.until, events=bool(judge.file.measures), segment=wanted)
        if wanted not in (None, TIER) and not found.of(Customer):
            raise UserError(
                f"nothing in ClickHouse says which {wanted} a customer belongs to",
                f"name {wanted} in TOUCHSTONE_SINK_SEGMENTS of the sink (docs/gap.md#segments), or give a FILE with the records of cx-customers",
            )
    told = answers(found.experiences, found.of(Touchpoint), judge, segments(found.of(Customer), segment))
    return of_answers(told, judge, asked, str(file or "ClickHouse")), found.refused


def changes(asked: list[str]) -> dict[str, float]:
    """`name=level` as a map. Raises UserError."""
    found: dict[str, float] = {}
    for each in asked:
        name, _, level = each.rpartition("=")
        try:
            found[name] = float(level)
        except ValueError:
            raise UserError(f"--what-if {each}: not name=level", "write --what-if convenience=10") from None
    return found
