"""`touchstone moments`: what comes back of messages to customers, by the moment at which they went out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.commands.event_files import MappingOption, needs_file
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from streams.settings import Settings
    from streams.uplift.moments import Message, Reply


def mount(root: typer.Typer) -> None:
    root.command("moments")(moments)


def moments(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Events, and what was decided of them (`touchstone decide --json`); without decisions they are made first, by the pack. Default: ClickHouse, as it is now."
        ),
    ] = None,
    pack: Annotated[str, typer.Option(help="A pack's name, or its file: which audiences reach customers.")] = "retail",
    by: Annotated[
        str, typer.Option(help="What makes a moment, several: rule, kind, channel, touchpoint, journey, weekday, hour.")
    ] = "rule,channel",
    within: Annotated[str, typer.Option(help="How long a reply still counts: 14d, 36h.")] = "14d",
    time_zone: Annotated[str, typer.Option(help="For weekday and hour: Asia/Shanghai.")] = "UTC",
    mapping: MappingOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show which messages to customers are answered, and which offers are taken up, by the moment at which they went out.

    A feedback that carries a message's id (invitation_id or action_id) answers it; an event that succeeds with it redeems it. Shares
    are of messages whose time is over. They say where messages are read, not what they do: for that, touchstone uplift.

    Exit code 1 when no message went out.

    Example: touchstone moments events.jsonl decided.jsonl --by kind,channel,hour --time-zone Asia/Shanghai
    """
    settings = start()
    needs_file(mapping, files)
    from streams.commands.decided import decided, seconds
    from streams.packs_folder import find
    from streams.terminal import write_json
    from streams.uplift import moments as core
    from streams.uplift.moments_report import report

    judge = find(pack, settings)
    audiences = {name for name, audience in judge.file.audiences.items() if audience.reaches == "customer"}
    name_of = core.grouping(_by(by), _zone(time_zone))
    limit = seconds("--within", within)
    if files:
        records = decided(files, settings, pack, mapping)
        sent, came, ends_at = core.messages(records, audiences), core.replies(records), core.last(records)
    else:
        sent, came, ends_at = _of_clickhouse(settings, audiences)
    if not sent:
        raise UserError(
            f"no message to customers ({', '.join(sorted(audiences)) or 'no audience reaches them'}) went out",
            "name the pack that decided as --pack",
            exit_code=ExitCode.NO,
        )
    found = core.moments(sent, came, name_of, int(limit * core.SECOND), ends_at)
    if as_json:
        write_json({"by": by.split(","), "within_seconds": limit, "moments": found})
    else:
        report(found, by)


def _by(text: str) -> list[str]:
    from streams.uplift.moments import BY

    names = text.split(",")
    for name in names:
        if name not in BY:
            raise UserError(f"--by {name}: no such part of a moment", f"use some of {', '.join(BY)}")
    return names


def _zone(name: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo

    from schemas.validate import known_time_zone

    if not known_time_zone(name):
        raise UserError(f"--time-zone {name}: no such zone", "write an IANA name, e.g. Europe/Berlin")
    return ZoneInfo(name)


def _of_clickhouse(settings: "Settings", audiences: set[str]) -> "tuple[list[Message], list[Reply], int]":
    from sinks.compared import read_messages, read_replies
    from sinks.database import connect

    database = connect(settings)
    try:
        came, ends_at = read_replies(database)
        return read_messages(database, sorted(audiences)), came, ends_at
    finally:
        database.disconnect()
