"""`touchstone replay`: what would have been decided, and how it differs from what was."""

from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from streams.replay.replay import Range, Report


def mount(root: typer.Typer) -> None:
    root.command("replay")(replay)


def replay(
    pack: Annotated[
        str | None,
        typer.Option(help="Judge by this pack (a name, or ./mine.yaml). Default: the packs that were in force."),
    ] = None,
    since: Annotated[str | None, typer.Option(help="From this time of arrival on, e.g. 2026-03-01T00:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to this time of arrival.")] = None,
    offsets: Annotated[
        list[str] | None,
        typer.Option(
            help="TOPIC/PARTITION:BEGIN-END, e.g. cx-touchpoints/0:1000-2000. Repeatable; the rest is left out."
        ),
    ] = None,
    show: Annotated[int, typer.Option(help="Differences shown.", min=0)] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="The whole report as one JSON document.")] = False,
) -> None:
    """Run a range of the log through the decisions again and tell how the actions differ from those that were emitted.

    Nothing is sent. It starts without memory: begin well before the time that matters (the longest half-life of the pack).
    Classes of differences: pack; analyser (of texts, another version than in live); edge (memory from before the range, timers after it); late (came too late in live); other.
    Exit code 1 when actions differ, but for the edges of the range.

    Example: touchstone replay --pack ./mine.yaml --since 2026-03-01T00:00:00Z
    """
    settings = start()
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from streams.app import limits
    from streams.packs_folder import find, shelf
    from streams.replay.replay import Replay
    from streams.terminal import err, write_json

    chosen = find(pack, settings) if pack is not None else None
    columns = SpinnerColumn(), TextColumn("{task.completed} inputs decided")
    with Progress(*columns, console=err(), transient=True, disable=not err().is_terminal) as bar:
        task = bar.add_task("")
        run = Replay(settings, shelf(settings), limits(settings), chosen, lambda count: bar.advance(task, count))
        report = run.run(_range(since, until, offsets or [], settings.kafka_prefix))
    if as_json:
        write_json(report)
    else:
        _print(report, show)
    if set(report.by_class()) - {"edge"}:
        raise typer.Exit(ExitCode.NO)


def _range(since: str | None, until: str | None, offsets: list[str], prefix: str) -> "Range":
    from schemas.json_form import BadRecord, instant
    from streams.replay.replay import Range

    try:
        begin_ms = instant(since) // 1000 if since is not None else None
        end_ms = instant(until) // 1000 if until is not None else None
    except BadRecord as error:
        raise UserError(str(error), "write 2026-03-01T00:00:00Z") from None
    if not offsets:
        return Range(begin_ms, end_ms)
    begin, end = {}, {}
    for text in offsets:
        try:
            place, _, span = text.partition(":")
            topic, _, partition = place.rpartition("/")
            first, _, last = span.partition("-")
            at = (prefix + topic, int(partition))
            begin[at], end[at] = int(first), int(last)
        except ValueError:
            raise UserError(f"--offsets {text}: not understood", "write TOPIC/PARTITION:BEGIN-END") from None
    return Range(begin_ms, end_ms, begin, end)


def _print(report: "Report", show: int) -> None:
    from rich.markup import escape
    from rich.table import Table

    from schemas.json_form import instant_text
    from streams.terminal import out

    out().print(
        f"{report.inputs} inputs, {report.refused} refused, {report.late} subjects too late in live; actions in force: {report.live} live, "
        f"{report.replayed} in the replay, {report.same} the same, {len(report.differences)} different "
        f"({', '.join(f'{name} {count}' for name, count in sorted(report.by_class().items())) or 'none'})",
        markup=False,
    )
    if not report.differences or not show:
        return
    table = Table("when", "subject", "for", "action", "rule", "on which side", "class", "what")
    for one in report.differences[:show]:
        row = (
            instant_text(one.decided_at),
            one.subject_id,
            one.audience,
            one.kind,
            one.rule,
            one.side,
            one.why,
            ", ".join(one.fields),
        )
        table.add_row(*(escape(cell) for cell in row))
    out().print(table)
    if len(report.differences) > show:
        out().print(f"and {len(report.differences) - show} more: --show, or --json for all", markup=False)
