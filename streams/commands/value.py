"""`touchstone value`: what orders and cases gave customers and took from them, and what customers are worth."""

from pathlib import Path
from typing import Annotated

import typer

from streams.commands import start
from streams.commands.event_files import MappingOption, needs_file
from streams.errors import ExitCode, UserError


def mount(root: typer.Typer) -> None:
    root.command("value")(value)


def value(
    file: Annotated[
        Path | None,
        typer.Argument(help="Events (JSON lines, CSV, xlsx, Avro); - is standard input. Default: those in ClickHouse."),
    ] = None,
    pack: Annotated[str, typer.Option(help="A pack's name, or its file: how to value.")] = "automotive",
    since: Annotated[str | None, typer.Option(help="With ClickHouse: events from this time on.")] = None,
    most: Annotated[int, typer.Option(min=1, help="So many matters and customers on the terminal.")] = 20,
    mapping: MappingOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document, with all of them.")] = False,
) -> None:
    """Show the delivered value of each order or case, the least first, and the value and tier of each customer.

    Delivered value is what a matter gives the customer (product, service, personnel, image) minus what it takes (money, time,
    effort, worry); below zero the customer may end the relation. A customer's value is revenue minus cost over the expected life,
    plus referral, capability and potential. How both are counted stands in the pack: `delivered_value`, `relation_value`.

    Exit code 1 when rows of events were refused.

    Example: touchstone value streams/packs/automotive.scenario.jsonl --pack automotive
    """
    settings = start()
    needs_file(mapping, file)
    from schemas.events import Customer, Touchpoint
    from streams.commands.material import of_clickhouse, of_file
    from streams.commands.promises import instant
    from streams.experience.values import customers, matters
    from streams.packs_folder import find
    from streams.replay.value_report import report
    from streams.terminal import err, write_json

    judge = find(pack, settings)
    if judge.file.delivered_value is None and judge.file.relation_value is None:
        raise UserError(
            f"pack {judge.name} does not say how to value anything",
            "give it `delivered_value` or `relation_value`: docs/value.md",
        )
    found = (
        of_clickhouse(settings, instant("--since", since, None), None)
        if file is None
        else of_file(file, settings, pack, mapping)
    )
    events: list[Touchpoint | Customer] = [*found.of(Customer), *found.of(Touchpoint)]
    given, worth = matters(events, judge), customers(events, judge)
    if as_json:
        write_json({"currency": judge.file.currency, "matters": given, "customers": worth})
    else:
        report(given, worth, judge.file.currency, most)
    for line in found.refused:
        err().print(line, markup=False)
    if found.refused:
        raise typer.Exit(ExitCode.NO)
