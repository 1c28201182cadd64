"""Are the topics in ClickHouse? Reads both up to one moment and compares them by position, id and revision.

Memory is bounded: partition by partition, in slices of at most 50,000 messages, each against the rows of the same offsets.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from schemas.refusals import InvalidEvent
from sinks.comparison import Counts, Difference, Name, Sent, compare
from sinks.database import Database, ask, connect
from sinks.source import GROUP
from sinks.tables import TABLES, Table, decode
from streams.admin import Admin, Partition
from streams.codec import codec
from streams.connect.log import read_log
from streams.engine.job import Message
from streams.engine.topology import WORKER_GROUP
from streams.errors import ExitCode, UserError
from streams.settings import Settings

SLICE_MESSAGES: Final = 50_000
SHOWN: Final = 20
PAUSE_SECONDS: Final = 1.0

Progress = Callable[[int, int], None]  # offsets done, offsets in all


class Compared(msgspec.Struct):
    """A topic against its table. `first`: some of the differences."""

    topic: str
    table: str
    counts: Counts
    first: list[Difference] = []


class Report(msgspec.Struct):
    """The verdict. `worker_behind`: inputs that the workers had not taken; what will follow from them is not part of it."""

    agree: bool
    topics: list[Compared]
    worker_behind: int = 0


class Reconciliation:
    """Compares what was in the topics at one moment. `with Reconciliation(settings) as it: it.run()`."""

    def __init__(self, settings: Settings, progress: Progress = lambda done, total: None) -> None:
        self._settings = settings
        self._progress = progress
        self._codec = codec(settings, writes=())
        self._names = [settings.topic(table.topic) for table in TABLES]
        self._admin = Admin(settings)
        try:
            missing = sorted(set(self._names) - set(self._admin.topics()))
            if missing:
                raise UserError(
                    f"topics are missing: {', '.join(missing)}",
                    "`touchstone topics create`",
                    exit_code=ExitCode.UNAVAILABLE,
                )
            self._look()
        except BaseException:
            self._admin.close()
            raise
        self._database: Database = connect(settings)

    def __enter__(self) -> "Reconciliation":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.disconnect()
        self._admin.close()

    def run(self, wait_seconds: float = 0.0) -> Report:
        """Judges; topics that differ again and again until `wait_seconds` are over. Raises Unavailable, UserError.

        With time to wait, the moment that is judged is the one at which the workers have taken every input.
        """
        deadline = time.monotonic() + wait_seconds
        while (behind := self._worker_behind()) and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
        if wait_seconds:
            self._look()
        while time.monotonic() < deadline and not self._caught_up():
            time.sleep(PAUSE_SECONDS)
        judged = {table.name: self._judge(table) for table in TABLES}
        while time.monotonic() < deadline and not all(found.counts.agree() for found in judged.values()):
            time.sleep(PAUSE_SECONDS)
            for table in TABLES:
                if not judged[table.name].counts.agree():
                    judged[table.name] = self._judge(table)
        return Report(all(found.counts.agree() for found in judged.values()), list(judged.values()), behind)

    def differences(self, report: Report) -> Iterator[Difference]:
        """All of them, by reading the topics that differ once more."""
        differing = {found.table for found in report.topics if not found.counts.agree()}
        for table in TABLES:
            if table.name in differing:
                yield from self._compare(table, Counts())

    def _look(self) -> None:
        """From here on, what stands in the topics now is judged."""
        self._begins, self._ends = self._admin.begin_offsets(self._names), self._admin.end_offsets(self._names)

    def _worker_behind(self) -> int:
        """Inputs that the workers have not taken; none where no worker ever was."""
        group = self._settings.topic(WORKER_GROUP)
        inputs = [self._settings.topic(table.topic) for table in TABLES if table.is_input]
        return sum(self._admin.lag(group, inputs).values()) if self._admin.group_offsets(group) else 0

    def _caught_up(self) -> bool:
        """Has the sink's group committed all that was there? Positions pass the markers of transactions, too."""
        done = self._admin.group_offsets(self._settings.topic(GROUP))
        return all(done.get(at, self._begins[at]) >= end for at, end in self._ends.items())

    def _judge(self, table: Table) -> Compared:
        found = Compared(self._settings.topic(table.topic), table.name, Counts())
        for difference in self._compare(table, found.counts):
            if len(found.first) < SHOWN:
                found.first.append(difference)
        return found

    def _compare(self, table: Table, counts: Counts) -> Iterator[Difference]:
        topic = self._settings.topic(table.topic)
        places = sorted(at for at in self._ends if at[0] == topic)
        total = sum(self._ends[at] - self._begins[at] for at in places)
        done = 0
        for at in places:
            start = self._begins[at]
            for sent, stop in self._slices(table, at):
                rows = self._rows(table, at, start, stop)
                letters = self._letters(at, start, stop)
                yield from compare(at, sent, rows, letters, counts, is_input=table.is_input)
                done += stop - start
                self._progress(done, total)
                start = stop

    def _rows(self, table: Table, at: Partition, start: int, stop: int) -> dict[int, set[Name]]:
        revision = "revision" if table.has_revisions else "0"
        query = (
            f"SELECT DISTINCT _offset, {table.id}, {revision} FROM {table.name} "  # noqa: S608 - our own names; values are parameters
            "WHERE _topic = %(topic)s AND _partition = %(partition)s AND _offset >= %(start)s AND _offset < %(stop)s"
        )
        found: dict[int, set[Name]] = {}
        for offset, name, number in self._ask(query, at, start, stop):
            found.setdefault(offset, set()).add((name, number))
        return found

    def _letters(self, at: Partition, start: int, stop: int) -> dict[int, str]:
        query = (
            "SELECT source_offset, arrayStringConcat(arraySort(groupUniqArray(toString(reason))), ', ') FROM dead_letters "
            "WHERE source_topic = %(topic)s AND source_partition = %(partition)s "
            "AND source_offset >= %(start)s AND source_offset < %(stop)s GROUP BY source_offset"
        )
        return dict(self._ask(query, at, start, stop))

    def _ask(self, query: str, at: Partition, start: int, stop: int) -> list[Any]:
        return ask(self._database, query, {"topic": at[0], "partition": at[1], "start": start, "stop": stop})

    def _slices(self, table: Table, at: Partition) -> Iterator[tuple[list[Sent], int]]:
        """The partition's messages in slices, with the offset that ends each. The last one ends where the partition ended."""
        end = self._ends[at]
        if self._begins[at] == end:
            return
        part: list[Sent] = []
        for message in read_log(self._settings, [table.topic], begin={at: self._begins[at]}, end={at: end}):
            part.append(Sent(message.offset, self._name(table, message, at[0])))
            if len(part) == SLICE_MESSAGES:
                yield part, message.offset + 1
                part = []
        yield part, end

    def _name(self, table: Table, message: Message, topic: str) -> Name | None:
        try:
            record = decode(table, self._codec, message, topic)
        except InvalidEvent:
            return None
        return getattr(record, table.id), getattr(record, "revision") if table.has_revisions else 0  # noqa: B009 - of each such record
