"""What commands that look back take: files of events, decided first where they hold no decisions; times and instants as typed."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from streams.commands.event_files import whole
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    import msgspec

    from streams.settings import Settings

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0}


def decided(
    files: Sequence[Path], settings: "Settings", pack: str, mapping: Path | None = None
) -> "list[msgspec.Struct]":
    """All records of the files. Where none of them is a decision, those that the pack makes of the events, besides. Raises UserError."""
    from schemas.decisions import Action, Holdout

    records = list(chain.from_iterable(whole(file, mapping) for file in files))
    if not any(isinstance(one, Action | Holdout) for one in records):
        records += _decide(records, files, settings, pack)
    return records


def _decide(
    records: "list[msgspec.Struct]", files: Sequence[Path], settings: "Settings", pack: str
) -> "list[msgspec.Struct]":
    from streams.commands.decide import run_file
    from streams.connect.rows import Row

    rows = (Row(number, one, None, b"") for number, one in enumerate(records, 1))
    decider, refused = run_file(rows, Path(", ".join(map(str, files))), settings, pack)
    if refused:
        raise UserError(refused[0], "`touchstone decide` shows what is refused", exit_code=ExitCode.NO)
    return list(decider.decided)


def seconds(option: str, text: str) -> float:
    """Of 14d, 36h, 90m. Raises UserError."""
    try:
        found = float(text[:-1]) * _UNITS[text[-1:]]
    except (ValueError, KeyError):
        found = 0.0
    if not 0 < found < 1e10:
        raise UserError(f"{option} {text}: no time", "write 14d, 36h or 90m")
    return found


def moment(option: str, text: str | None) -> int | None:
    """An instant (µs). Raises UserError."""
    from schemas.json_form import BadRecord, instant

    try:
        return None if text is None else instant(text)
    except BadRecord as error:
        raise UserError(f"{option}: {error}", "write 2026-03-01T00:00:00Z") from None
