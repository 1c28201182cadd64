"""`touchstone promises`: which promises were kept, and whether the brand promises too much or too little."""

from pathlib import Path
from typing import Annotated

import typer

from streams.commands import start
from streams.commands.event_files import MappingOption, needs_file
from streams.errors import ExitCode, UserError


def mount(root: typer.Typer) -> None:
    root.command("promises")(promises)


def promises(
    file: Annotated[
        Path | None,
        typer.Argument(help="Events (JSON lines, CSV, xlsx, Avro); - is standard input. Default: those in ClickHouse."),
    ] = None,
    pack: Annotated[str, typer.Option(help="A pack's name, or its file: whose promises.")] = "retail",
    since: Annotated[str | None, typer.Option(help="With ClickHouse: events from this time on.")] = None,
    at: Annotated[
        str | None,
        typer.Option(help="As things stand at this instant; +24h: so long after the last event. Default: then."),
    ] = None,
    late: Annotated[bool, typer.Option(help="Each promise that is late, broken or at risk, the latest first.")] = False,
    mapping: MappingOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document, with each promise.")] = False,
) -> None:
    """Show what became of each promise of the pack: kept, late and by how much, broken, still waiting, or at risk.

    A promise is the pack's (`promises`, and `waiting_promised_seconds` of a touchpoint), and events keep it. At risk: its time has
    not come, but the pack's timer (`at_risk_seconds`) has run out. Then by touchpoint the triangle: what customers experience,
    what they expect and what the brand promises, as levels of 10. Over-promised: less is experienced than was promised;
    under-promised: more, so say so.

    Exit code 1 when rows of events were refused.

    Example: touchstone promises examples/retail-morning.jsonl --at +48h --late
    """
    settings = start()
    needs_file(mapping, file)
    from schemas.events import Customer, Touchpoint
    from streams.analysers import analyser
    from streams.commands.material import of_clickhouse, of_file
    from streams.experience.gap_answers import rows
    from streams.experience.measures import promised_levels
    from streams.experience.promises import outcomes, summary
    from streams.experience.triangle import triangles
    from streams.packs_folder import find
    from streams.replay.gap_events import answers, how, segments
    from streams.replay.promises_report import report
    from streams.terminal import err, write_json

    judge = find(pack, settings)
    found = (
        of_clickhouse(settings, instant("--since", since, None), None, said=True)
        if file is None
        else of_file(file, settings, pack, mapping)
    )
    newest = max((one.occurred_at for one in found.events), default=None)
    became = outcomes(found.events, judge, analyser(settings), instant("--at", at, newest))
    told = answers(found.experiences, found.of(Touchpoint), judge, segments(found.of(Customer), "tier"))
    corners = triangles(rows(told, ["touchpoint"], how(judge, {"customer": 1.0})).levels, promised_levels(judge))
    if as_json:
        write_json({"promises": summary(became), "triangles": corners, "each": became})
    else:
        report(summary(became), corners, became if late else [])
    for line in found.refused:
        err().print(line, markup=False)
    if found.refused:
        raise typer.Exit(ExitCode.NO)


def instant(option: str, text: str | None, newest: int | None) -> int | None:
    """An instant, or with `newest` a time after it. Raises UserError."""
    from schemas.json_form import BadRecord
    from schemas.json_form import instant as read

    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    if text is None:
        return None
    try:
        if text.startswith("+"):
            return (newest or 0) + int(float(text[1:-1]) * units[text[-1]] * 1_000_000)
        return read(text)
    except (BadRecord, KeyError, ValueError) as error:
        raise UserError(f"{option} {text}: {error}", "write 2026-03-01T12:00:00Z, or +48h, +30m, +90s") from None
