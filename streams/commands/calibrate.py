"""`touchstone calibrate`: what the dissatisfaction score means, from customers who were asked."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.commands.event_files import MappingOption, needs_file, whole
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from schemas.events import CustomerEvent
    from streams.replay.calibration import Method
    from streams.settings import Settings


class MethodOption(StrEnum):
    auto = "auto"
    isotonic = "isotonic"
    logistic = "logistic"


def mount(root: typer.Typer) -> None:
    root.command()(calibrate)


def calibrate(
    file: Annotated[
        Path | None, typer.Argument(help="Events: JSON lines, CSV, xlsx or Avro. Default: those in ClickHouse.")
    ] = None,
    pack: Annotated[str, typer.Option(help="A pack's name, or its file (./mine.yaml).")] = "retail",
    since: Annotated[str | None, typer.Option(help="From this event time on: 2026-03-01T00:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to this event time, excluded.")] = None,
    unhappy_at_most: Annotated[
        float,
        typer.Option(min=0, max=10, help="Level of an answer, on 0–10 whatever its scale, up to which it is unhappy."),
    ] = 4.0,
    method: Annotated[
        MethodOption, typer.Option(help="auto: isotonic from 200 answers of a curve on, else logistic.")
    ] = MethodOption.auto,
    mapping: MappingOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Curve, tables and coverage as one JSON document.")] = False,
) -> None:
    """Calibrate the inferred score on answers to surveys, so that 0.7 means: 70 % of such customers say so when asked.

    Two curves where there are enough answers: of contacts that gave evidence themselves, and of those before which only
    earlier ones did. The fragment of a pack goes to stdout, tables to stderr: what was predicted and what was said, by bins,
    and how many customers with such scores have answered at all. What is said stays out of the score that is calibrated; in decisions it
    is added to it as it is. Exit code 1 when there are too few answers.

    Example: touchstone calibrate examples/retail-morning.jsonl --pack retail > calibration.yaml
    """
    import sys

    from streams.app import limits
    from streams.packs_folder import find
    from streams.replay.answers import collect
    from streams.replay.calibration import ANSWERS_MIN, EACH_MIN, enough
    from streams.replay.calibration_report import fragment, result, tables
    from streams.terminal import write_json

    settings = start()
    needs_file(mapping, file)
    found_pack = find(pack, settings)
    first, last = _instant("--since", since), _instant("--until", until)
    events = _of_clickhouse(settings, first, last) if file is None else _of_file(file, mapping, first, last)
    found = collect(events, found_pack, limits(settings), unhappy_at_most)
    if not enough(found.asked):
        unhappy = sum(one.unhappy for one in found.asked)
        raise UserError(
            f"too few answers: {len(found.asked)} before which something was inferred, {unhappy} of them unhappy",
            f"{ANSWERS_MIN} are needed, {EACH_MIN} unhappy ones and {EACH_MIN} others; take a longer time",
            exit_code=ExitCode.NO,
        )
    told = result(found, found_pack, _method(method))
    if as_json:
        write_json(told)
        return
    tables(told)
    sys.stdout.write(fragment(told, unhappy_at_most))


def _method(option: MethodOption) -> "Method | None":
    if option == MethodOption.auto:
        return None
    return "isotonic" if option == MethodOption.isotonic else "logistic"


def _instant(option: str, text: str | None) -> int | None:
    from schemas.json_form import BadRecord, instant

    try:
        return None if text is None else instant(text)
    except BadRecord as error:
        raise UserError(f"{option}: {error}", "write 2026-03-01T00:00:00Z") from None


def _of_file(file: Path, mapping: Path | None, since: int | None, until: int | None) -> "list[CustomerEvent]":
    """Its events in order of event time; other rows are passed over. Raises UserError for one that cannot be read."""
    from schemas.events import Customer, CustomerEvent

    events: list[CustomerEvent] = []
    for one in whole(file, mapping):
        if isinstance(one, CustomerEvent):
            inside = (since is None or one.occurred_at >= since) and (until is None or one.occurred_at < until)
            if inside or isinstance(one, Customer):
                events.append(one)
    return sorted(events, key=lambda one: one.occurred_at)


def _of_clickhouse(settings: "Settings", since: int | None, until: int | None) -> "Iterator[CustomerEvent]":
    from sinks.database import connect
    from sinks.events import read_events, span

    database = connect(settings)
    try:
        there = span(database)
        if there is not None:
            begin = there[0] if since is None else since
            yield from read_events(database, begin, there[1] + 1 if until is None else until)
    finally:
        database.disconnect()
