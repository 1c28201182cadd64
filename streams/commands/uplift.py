"""`touchstone uplift`: what actions do, from customers who were held out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.commands.event_files import MappingOption, needs_file
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.uplift.rows import Rows


def mount(root: typer.Typer) -> None:
    root.command("uplift")(uplift)


def uplift(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Events, and what was decided of them (`touchstone decide --json`); without decisions they are made first, by the pack. Default: ClickHouse, as it is now."
        ),
    ] = None,
    pack: Annotated[
        str, typer.Option(help="A pack's name, or its file: which rules hold out, what is looked for afterwards.")
    ] = "retail",
    since: Annotated[str | None, typer.Option(help="Decided from this event time on: 2026-03-01T00:00:00Z.")] = None,
    until: Annotated[
        str | None, typer.Option(help="Known up to this event time: what one would have seen then.")
    ] = None,
    score_within: Annotated[str, typer.Option(help="How long an answer still counts: 14d, 36h.")] = "14d",
    smallest_score: Annotated[
        float, typer.Option(min=0.01, max=10, help="The smallest effect on the score that matters, in levels of ten.")
    ] = 0.5,
    smallest_share: Annotated[
        float, typer.Option(min=0.001, max=1, help="The smallest effect on a share that matters: 0.05 are 5 points.")
    ] = 0.05,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="Of each interval, on all days together.")
    ] = 0.95,
    cost: Annotated[
        list[str] | None,
        typer.Option(help="RULE=AMOUNT, also several: what carrying it out costs, besides what it gives away."),
    ] = None,
    mapping: MappingOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show what actions do: customers who got them beside customers who were held out, from the same instant on.

    A pack says who is held out (`holdout`, `hold_out`) and what is looked for afterwards (`outcomes`: back again, contact,
    gone); what customers say afterwards is always looked at. An effect is treated minus held out. Its interval may be looked
    at on any day, and acted on when it looks good: that is reckoned with. Verdicts: better, worse; no difference (that
    matters); open (go on, "needed" says how long); too few to say anything.

    Exit code 1 when nobody was held out.

    Example: touchstone uplift examples/uplift.jsonl --pack examples/uplift.yaml --cost offer_compensation=1.5

    Example: touchstone uplift events.jsonl decided.jsonl --pack ./mine.yaml --until 2026-04-01T00:00:00Z

    Example: touchstone uplift --pack retail --since 2026-03-01T00:00:00Z
    """
    settings = start()
    needs_file(mapping, files)
    from streams.commands.decided import decided, moment, seconds
    from streams.packs_folder import find
    from streams.uplift.arms import experiments
    from streams.uplift.effects import Choices, compare
    from streams.uplift.report import json_document, report
    from streams.uplift.rows import of_records

    judge = find(pack, settings)
    choices = Choices(
        score_within_seconds=seconds("--score-within", score_within),
        alpha=1.0 - confidence,
        smallest_score=smallest_score,
        smallest_share=smallest_share,
        costs=_costs(cost or [], set(judge.file.actions)),
    )
    begin, end = moment("--since", since), moment("--until", until)
    outcomes = judge.file.outcomes
    if files:
        rows = of_records(decided(files, settings, pack, mapping))
    else:
        rows = _of_clickhouse(settings, sorted({name for one in outcomes.values() for name in one.touchpoints}))
    rows = rows.known_at(end)
    found = experiments(rows.deeds, judge, begin)
    if not found:
        raise UserError(
            f"nobody was held out of an action of {judge.name}",
            "a share in the pack (holdout, hold_out: docs/uplift.md), decisions since then, and that pack as --pack",
            exit_code=ExitCode.NO,
        )
    compared = [compare(one, rows, outcomes, choices) for one in found]
    (json_document if as_json else report)(compared, rows.ends_at, choices, judge.file.currency)


def _of_clickhouse(settings: "Settings", touchpoints: list[str]) -> "Rows":
    from sinks.compared import read_rows
    from sinks.database import connect

    database = connect(settings)
    try:
        return read_rows(database, touchpoints)
    finally:
        database.disconnect()


def _costs(asked: list[str], rules: set[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for each in asked:
        name, _, amount = each.rpartition("=")
        try:
            found[name] = float(amount)
        except ValueError:
            raise UserError(f"--cost {each}: not RULE=AMOUNT", "write --cost call_back=4") from None
        if name not in rules:
            raise UserError(f"--cost {each}: the pack has no action {name!r}", f"use one of {', '.join(sorted(rules))}")
    return found
