"""What a person sees of `touchstone send`: progress while it runs, a table of what was refused, and the refused lines in a file."""

import base64
import json
import time
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from rich.table import Table
from rich.text import Text

from streams.connect.outgoing import Refusal
from streams.connect.rows import Row
from streams.connect.sending import Report
from streams.errors import DeadLetterReason, UserError
from streams.terminal import out, progress_bar, say_error, write_json

_REFRESH_SECONDS = 0.1


def shown(source: Path) -> str:
    """The file's name in messages."""
    return "standard input" if str(source) == "-" else str(source)


class _First(NamedTuple):
    line: int
    detail: str


class Refusals(AbstractContextManager["Refusals"]):
    """Counts refusals and keeps the first of each reason; writes all of them to `path`, if given, as JSON lines."""

    def __init__(self, source: Path, path: Path | None) -> None:
        self.source = shown(source)
        self.path = path
        self.counts: Counter[DeadLetterReason] = Counter()
        self.firsts: dict[DeadLetterReason, _First] = {}
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        if self.path is not None:
            try:
                self._file = self.path.open("w", encoding="utf-8")
            except OSError as error:
                raise UserError(f"--refused {self.path}: {error.strerror}", "name a file that can be written") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, refusal: Refusal) -> None:
        """One more."""
        self.counts[refusal.reason] += 1
        self.firsts.setdefault(refusal.reason, _First(refusal.line, refusal.detail))
        if self._file is not None:
            document: dict[str, Any] = {"line": refusal.line, "reason": refusal.reason, "error": refusal.detail}
            try:
                document["raw"] = refusal.raw.decode("utf-8")
            except UnicodeDecodeError:
                document["raw_base64"] = base64.b64encode(refusal.raw).decode()
            self._file.write(json.dumps(document, ensure_ascii=False) + "\n")


class SendProgress(AbstractContextManager["SendProgress"]):
    """A bar over the file's bytes, where its size tells how far it is; counts in any case. Only on a terminal."""

    def __init__(self, source: Path, *, quiet: bool) -> None:
        text = source.suffix.lower() in (".json", ".jsonl", ".ndjson", ".csv", ".tsv") and source.is_file()
        self._bar = progress_bar(quiet=quiet)
        self._task = self._bar.add_task(source.name, total=source.stat().st_size if text else None, counts="")
        self._bytes = 0
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, report: Report, row: Row | None) -> None:
        """After each row, and while waiting."""
        self._bytes += len(row.raw) + 1 if row is not None else 0
        now = time.monotonic()
        if now - self._shown_at >= _REFRESH_SECONDS:
            self._shown_at = now
            counts = f"{report.rows:,} read · {report.refused.total():,} refused"
            self._bar.update(self._task, completed=self._bytes, counts=counts)


def print_report(report: Report, refusals: Refusals, source: Path, *, dry_run: bool, as_json: bool) -> None:
    """The result on stdout; on stderr what went wrong and what to do."""
    if as_json:
        firsts = {reason: first._asdict() for reason, first in refusals.firsts.items()}
        write_json({**_document(report), "first_refused": firsts, "dry_run": dry_run})
    else:
        counts = report.prepared if dry_run else report.acknowledged
        topics = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
        verb = "would be sent" if dry_run else "acknowledged"
        parts = [f"{report.rows:,} rows read", f"{counts.total():,} {verb}{f' ({topics})' if topics else ''}"]
        out().print(", ".join([*parts, f"{report.refused.total():,} refused"]), markup=False)
        if refusals.counts:
            out().print(_table(refusals))
    if report.interrupted:
        left = report.prepared.total() - report.acknowledged.total()
        what = f"interrupted after {report.acknowledged.total():,} acknowledged messages, {left:,} not acknowledged"
        say_error(what, "send the file again: events that arrive twice count once")
    elif report.failure:
        what = f"{shown(source)}:{report.unacknowledged}: not acknowledged: {report.failure}"
        say_error(what, "put Kafka right (`touchstone doctor`) and send the file again: what arrives twice counts once")


def _document(report: Report) -> dict[str, Any]:
    counts = {name: dict(getattr(report, name)) for name in ("prepared", "acknowledged", "refused")}
    rest = ("rows", "interrupted", "failure", "unacknowledged")
    return {**counts, **{name: getattr(report, name) for name in rest}}


def _table(refusals: Refusals) -> Table:
    table = Table("reason", "rows", "first", box=None, pad_edge=False)
    for reason, count in refusals.counts.most_common():
        first = refusals.firsts[reason]
        table.add_row(reason, f"{count:,}", Text(f"{refusals.source}:{first.line}: {first.detail}"))
    return table
