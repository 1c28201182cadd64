"""Rows of a file → Kafka, to the end or to the first sign that nobody answers; what became of each is counted and told."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from streams.connect.outgoing import CONTROLS, Outgoing, Preparation, Refusal
from streams.connect.publisher import Publisher
from streams.connect.rows import Row
from streams.errors import DeadLetterReason, Unavailable

STOP_SECONDS: Final = 5.0  # after Ctrl-C: time for what is under way
_STEP_SECONDS: Final = 0.2


class Report(msgspec.Struct):
    """`prepared` and `acknowledged` count by topic; `unacknowledged` is the first line that failed, None for none."""

    rows: int = 0
    prepared: Counter[str] = msgspec.field(default_factory=Counter)
    acknowledged: Counter[str] = msgspec.field(default_factory=Counter)
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    interrupted: bool = False
    unacknowledged: int | None = None
    failure: str = ""


class Pace:
    """Lets at most `rate` rows a second pass; None: all."""

    def __init__(
        self,
        rate: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._clock, self._sleep = clock, sleep
        self._next = clock()

    def wait(self) -> None:
        """Until the next row may pass."""
        if self._interval:
            now = self._clock()
            if now < self._next:
                self._sleep(self._next - now)
            self._next = max(self._next, now - 1) + self._interval  # after a pause no more than a second is made up


class Sending:
    """One file on its way. `publisher` None: a dry run.

    `refused` gets each refusal; `partitions` are those of cx-controls; `repair` writes a control of which a copy is missing.
    """

    def __init__(
        self,
        preparation: Preparation,
        publisher: Publisher | None,
        pace: Pace,
        *,
        refused: Callable[[Refusal], None],
        partitions: int = 0,
        repair: Callable[[Outgoing], object] = lambda _: None,
    ) -> None:
        self._preparation = preparation
        self._publisher = publisher
        self._pace = pace
        self._refused = refused
        self._partitions = partitions
        self._repair = repair
        self._controls: dict[int, Outgoing] = {}
        self._incomplete: set[int] = set()
        self._looked_at = 0
        self.report = Report()

    def run(self, rows: Iterable[Row], progress: Callable[[Row | None], None] = lambda _: None) -> Report:
        """Sends all rows, and waits for their acknowledgements. `progress` is called after each row, and while waiting."""
        report = self.report
        try:
            for row in rows:
                report.rows += 1
                self._take(row)
                self._look_at_failures()
                progress(row)
                if report.failure:
                    break
        except KeyboardInterrupt:
            report.interrupted = True
        if self._publisher is not None:
            self._finish(self._publisher, lambda: progress(None))
        return report

    def _take(self, row: Row) -> None:
        message = self._preparation.message(row)
        if isinstance(message, Refusal):
            self._refuse(message)
            return
        self._pace.wait()
        self.report.prepared[message.topic] += 1
        if self._publisher is None:
            return
        if not message.everywhere:
            self._publisher.send(message.topic, message.key, message.value, message.line)
            return
        self._controls[message.line] = message
        for partition in range(self._partitions):
            self._publisher.send(message.topic, message.key, message.value, message.line, partition)

    def _refuse(self, refusal: Refusal) -> None:
        self.report.refused[refusal.reason] += 1
        self._refused(refusal)

    def _fail(self, line: int, why: str) -> None:
        first = self.report.unacknowledged
        self.report.unacknowledged = line if first is None else min(first, line)
        self.report.failure = self.report.failure or why

    def _look_at_failures(self) -> None:
        """A control is completed at the end; a message that the broker itself refuses is refused; any other failure ends the file."""
        if self._publisher is None:
            return
        failures = self._publisher.failures
        while self._looked_at < len(failures):
            failure = failures[self._looked_at]
            self._looked_at += 1
            if failure.line in self._controls:
                self._incomplete.add(failure.line)
            elif _too_large(failure.error):
                detail = f"the broker's limit is lower than ours: {failure.error}"
                self._refuse(Refusal(failure.line, DeadLetterReason.TOO_LARGE, detail, b""))
            else:
                self._fail(failure.line, str(failure.error) or type(failure.error).__name__)

    def _finish(self, publisher: Publisher, waiting: Callable[[], None]) -> None:
        patience = STOP_SECONDS
        if not self.report.interrupted and not self.report.failure:
            patience += publisher.delivery_seconds
        deadline = time.monotonic() + patience
        try:
            while not publisher.wait(_STEP_SECONDS) and time.monotonic() < deadline:
                waiting()
        except KeyboardInterrupt:
            self.report.interrupted = True
        publisher.close()
        self._look_at_failures()
        self._repair_controls()
        self.report.acknowledged = Counter(publisher.acknowledged)
        if self._controls:
            self.report.acknowledged[CONTROLS] = len(self._controls) - len(self._incomplete)

    def _repair_controls(self) -> None:
        """Controls of which not every partition has acknowledged its copy are written again, unless nobody answers."""
        for line in sorted(self._incomplete):
            why = "interrupted before every partition had its copy"
            try:
                if not self.report.interrupted and not self.report.failure:
                    self._repair(self._controls[line])
                    self._incomplete.discard(line)
                    continue
            except Unavailable as error:
                why = error.detail
            self._fail(line, why)


def _too_large(error: Exception) -> bool:
    from kafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

    return isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError)
