"""`touchstone decide`: events from a file through the core, actions out; no Kafka, nothing is sent."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.commands.event_files import MappingOption
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from streams.connect.rows import Row
    from streams.replay.decide import Decider
    from streams.settings import Settings


def mount(root: typer.Typer) -> None:
    root.command("decide")(decide)


def decide(
    file: Annotated[Path, typer.Argument(help="JSON lines, CSV, xlsx or Avro; - is standard input.")],
    pack: Annotated[str, typer.Option(help="A pack's name, or its file (./mine.yaml).")] = "retail",
    record: Annotated[
        str | None,
        typer.Option(help="What rows are that do not say it: touchpoint, feedback, customer, action_update."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Default: UTF-8 or GB18030, whichever fits.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="Zone of instants in CSV and xlsx that name none: Asia/Shanghai.")
    ] = None,
    mapping: MappingOption = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="Let time go on after the last event, so that what is due fires: an instant, or +48h, +30m, +90s."
        ),
    ] = None,
    as_is: Annotated[
        bool, typer.Option(help="Keep the file's order as the order of arrival, instead of sorting by event time.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON line each: actions, episodes, experiences, as they are emitted.")
    ] = False,
    actions_only: Annotated[bool, typer.Option(help="With --json: only actions.")] = False,
) -> None:
    """Run events through the decisions and show what follows: who is dissatisfied, why, and which actions go to whom.

    The code is the worker's own, so the answer is the live one. Exit code 1 when rows were refused.

    Example: touchstone decide examples/retail-morning.jsonl --pack retail --until +24h
    """
    settings = start()
    from streams.connect.files import read_records
    from streams.replay.decide_report import json_lines, report

    rows = read_records(file, record=record, encoding=encoding, time_zone=time_zone, mapping=mapping)
    decider, refused = run_file(rows, file, settings, pack, as_is=as_is)
    waiting = advance(decider, until)
    if as_json:
        json_lines(decider.decided, actions_only=actions_only)
    else:
        report(decider, waiting, len(refused))
    for line in refused:
        from streams.terminal import err

        err().print(line, markup=False)
    if refused:
        raise typer.Exit(ExitCode.NO)


def run_file(
    rows: Iterable["Row"], file: Path, settings: "Settings", pack: str, *, as_is: bool = False
) -> tuple["Decider", list[str]]:
    """The decider that took a file's rows, and what was refused, with its place."""
    from schemas.controls import Control
    from schemas.refusals import InvalidEvent
    from streams.analysers import analyser
    from streams.app import limits
    from streams.experience.controls import first_pack
    from streams.packs_folder import find
    from streams.replay.decide import Decider, event, in_order

    found = find(pack, settings)
    decider = Decider(found, limits(settings), analyser=analyser(settings))
    decider.control(first_pack(found))
    events, refused = [], []
    for row in rows:
        if row.record is None:
            refused.append(f"{file}:{row.line}: {row.error}")
            continue
        one = event(row.record, f"{file}:{row.line}")
        if isinstance(one, Control):
            try:
                decider.control(one)
            except InvalidEvent as error:
                refused.append(f"{file}:{row.line}: {error.detail}")
        else:
            events.append((row.line, one))
    if not as_is:
        events.sort(key=lambda item: in_order(item[1]))
    for line, one in events:
        before = len(decider.rejected)
        decider.take(one)
        refused += [f"{file}:{line}: {rejected.reason}: {rejected.detail}" for rejected in decider.rejected[before:]]
    return decider, refused


def advance(decider: "Decider", until: str | None) -> str | None:
    """Lets time go on; what would be due after that, in words."""
    from schemas.json_form import BadRecord, instant, instant_text

    if until is not None and decider.newest_at is not None:
        units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
        try:
            if until.startswith("+"):
                decider.advance(decider.newest_at + int(float(until[1:-1]) * units[until[-1]] * 1_000_000))
            else:
                decider.advance(instant(until))
        except (BadRecord, KeyError, ValueError) as error:
            raise UserError(f"--until {until}: {error}", "write 2026-03-01T12:00:00Z, +48h, +30m or +90s") from None
    due = decider.resumes_at()
    return None if due is None else instant_text(due)
