"""What was read and is not yet stored: rows by table, refused messages, and the offsets to commit once all that is safe.

Offsets belong to the batch that they were taken with: they are committed after everything in it, never before.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiokafka import TopicPartition

from sinks.columns import Row
from sinks.tables import Table
from streams.engine.job import Message
from streams.errors import DeadLetterReason

_ROW_BYTES: Final = 500  # what a row holds besides the bytes of its message


class Refusal(msgspec.Struct, frozen=True):
    """A message that goes to the dead letters instead of its table."""

    table: Table
    message: Message
    reason: DeadLetterReason
    detail: str


class Batch(msgspec.Struct):
    """A flush. `since` is when its first message was read, on the monotonic clock."""

    since: float = 0.0
    size_bytes: int = 0
    rows: dict[str, list[Row]] = {}
    refused: list[Refusal] = []
    positions: dict[TopicPartition, int] = {}

    def count(self) -> int:
        """Rows and refused messages."""
        return sum(map(len, self.rows.values())) + len(self.refused)

    def add(self, table: Table, row: Row) -> None:
        self.rows.setdefault(table.name, []).append(row)
        self.size_bytes += len(row.message.value or b"") + _ROW_BYTES

    def refuse(self, refusal: Refusal) -> None:
        self.refused.append(refusal)
        self.size_bytes += len(refusal.message.value or b"") + _ROW_BYTES


class Buffer:
    """Collects until a flush is due: enough rows, enough bytes, or old enough."""

    def __init__(self, flush_rows: int, flush_bytes: int, flush_seconds: float) -> None:
        self._rows, self._bytes, self._seconds = flush_rows, flush_bytes, flush_seconds
        self.batch = Batch()

    def empty(self) -> bool:
        """Is there nothing to store and nothing to commit?"""
        return not self.batch.positions

    def touch(self, at: TopicPartition, position: int, now: float) -> None:
        """`position` is the next offset to read; everything below it is in the buffer or stored."""
        if not self.batch.positions:
            self.batch.since = now
        self.batch.positions[at] = position

    def due(self, now: float) -> bool:
        """Is it time for a flush?"""
        return not self.empty() and (self.full() or now - self.batch.since >= self._seconds)

    def full(self) -> bool:
        """Is there enough for a flush, whatever its age? Then no more is read while the flush before it lasts."""
        return self.batch.count() >= self._rows or self.batch.size_bytes >= self._bytes

    def take(self) -> Batch:
        """The batch to flush; the buffer is empty afterwards."""
        batch, self.batch = self.batch, Batch()
        return batch


def by_month(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows cut by the UTC month of arrival: an INSERT into one partition is written as a whole or not at all."""
    months: dict[tuple[int, int], list[Row]] = {}
    first, last = min(row.message.timestamp_ms for row in rows), max(row.message.timestamp_ms for row in rows)
    if _month(first) == _month(last):
        yield list(rows)
        return
    for row in rows:
        months.setdefault(_month(row.message.timestamp_ms), []).append(row)
    yield from months.values()


def _month(timestamp_ms: int) -> tuple[int, int]:
    at = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    return at.year, at.month
