"""`touchstone send FILE`: records from a file to their topics, checked as the worker will check them."""

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.commands.event_files import MappingOption
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streams.connect.outgoing import Outgoing, Refusal
    from streams.connect.rows import Row
    from streams.connect.sending import Pace, Report
    from streams.settings import Settings

INTERRUPTED = 130


def mount(root: typer.Typer) -> None:
    root.command()(send)


def send(
    file: Annotated[Path, typer.Argument(help="JSON lines, CSV, xlsx or Avro, also gzipped; - is standard input.")],
    record: Annotated[
        str | None, typer.Option(help="What rows are that do not say it: touchpoint, feedback, customer, …")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Send only what belongs on this topic; refuse the rest.")] = None,
    rate: Annotated[str | None, typer.Option(help="At most so many a second: 500 or 500/s.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of text; by default UTF-8 or GB18030, whichever fits.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="Zone of instants in CSV and xlsx that name none: Asia/Shanghai.")
    ] = None,
    mapping: MappingOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, send nothing.")] = False,
    refused: Annotated[
        Path | None, typer.Option(help="Write each refused line with its number and reason here, as JSON lines.")
    ] = None,
    patience: Annotated[float, typer.Option(min=1, help="Seconds to wait for a broker that has gone.")] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one line of JSON.")] = False,
) -> None:
    """Send a file's records to their topics. What the worker would refuse is not sent, and told with its reason.

    Sending a file again is safe: events that arrive twice (same event_id) count once.

    Exit codes: 0 all sent, 1 some were refused, 2 the file or the settings are wrong, 3 Kafka does not answer, 130 interrupted.

    Example: touchstone send survey.xlsx --record feedback --time-zone Asia/Shanghai --dry-run
    """
    from streams.connect.files import read_records
    from streams.connect.outgoing import topics
    from streams.connect.send_report import Refusals, SendProgress, print_report
    from streams.connect.sending import Pace

    settings = start()
    if refused is not None and refused.absolute() == file.absolute():
        raise UserError(f"--refused {refused} is the file that is read", "name another file")
    topic = _known_topic(topic, settings)
    if topic is not None and record is None:
        record = next(kind for kind, name in topics().items() if name == topic)
    pace = Pace(_per_second(rate))
    rows = read_records(file, record=record, encoding=encoding, time_zone=time_zone, mapping=mapping)
    first = next(rows, None)  # a file that cannot be read at all is told before anything is sent
    if first is not None:
        rows = chain((first,), rows)
    with Refusals(file, refused) as refusals, SendProgress(file, quiet=as_json) as progress:
        report = _run(settings, rows, topic, pace, refusals.add, progress, patience, dry_run=dry_run)
    print_report(report, refusals, file, dry_run=dry_run, as_json=as_json)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.failure:
        raise typer.Exit(ExitCode.UNAVAILABLE)
    if report.refused:
        raise typer.Exit(ExitCode.NO)


def _run(
    settings: "Settings",
    rows: "Iterable[Row]",
    topic: str | None,
    pace: "Pace",
    refused: "Callable[[Refusal], None]",
    progress: "Callable[[Report, Row | None], None]",
    patience: float,
    *,
    dry_run: bool,
) -> "Report":
    from streams.codec import codec
    from streams.connect.controls import write_copies
    from streams.connect.input_topics import input_partitions
    from streams.connect.outgoing import CONTROLS, Preparation, topics
    from streams.connect.publisher import Publisher
    from streams.connect.sending import Sending

    def repair(control: "Outgoing") -> None:
        write_copies(control.key, control.value, settings, patience_seconds=patience)

    partitions = {} if dry_run else input_partitions(settings, topic)
    sending = Sending(
        Preparation(codec(settings, writes=topics()), settings.worker_future_limit_seconds, topic),
        None if dry_run else Publisher(settings, patience),
        pace,
        refused=refused,
        partitions=partitions.get(CONTROLS, 0),
        repair=repair,
    )
    return sending.run(rows, lambda row: progress(sending.report, row))


def _known_topic(name: str | None, settings: "Settings") -> str | None:
    from streams.connect.outgoing import topics

    if name is None:
        return None
    short = name.removeprefix(settings.kafka_prefix)
    if short not in topics().values():
        raise UserError(f"--topic {name}: nothing can be sent there", f"use one of {', '.join(topics().values())}")
    return short


def _per_second(rate: str | None) -> float | None:
    if rate is None:
        return None
    try:
        value = float(rate.strip().removesuffix("/s"))
        if not 0 < value < float("inf"):
            raise ValueError
    except ValueError:
        raise UserError(f"--rate {rate} is no rate", "write 500 or 500/s") from None
    return value
