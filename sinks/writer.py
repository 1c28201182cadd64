"""Rows → ClickHouse: one INSERT a table and month of arrival, columnar, from threads with a client each.

A row that the database will never take is found by halving and handed back; whatever may pass raises `Unavailable`.
Halves and repeats are harmless: the position ends the sorting key, so a row counts once however often it is sent.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sinks.buffer import Batch, Refusal, by_month
from sinks.clients import Clients
from sinks.columns import Row, block, insert_statement
from sinks.database import INSERT_SETTINGS, Database, Rejected, connect, judge
from sinks.identity import check
from sinks.tables import BY_NAME, Table
from streams import metrics
from streams.errors import DeadLetterReason, ExitCode, Unavailable, UserError
from streams.settings import Settings

THREADS: Final = 4
REJECTED_ROWS_MAX: Final = 100  # more in one INSERT is a fault of the table or of this program, not of the rows
SAMPLES: Final = 100  # rows of an INSERT whose latency is observed

log = logging.getLogger(__name__)


class Writer:
    """Stores batches. `connected` makes a client; a test gives its own."""

    def __init__(self, settings: Settings, connected: Callable[[Settings], Database] = connect) -> None:
        self._settings = settings
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="clickhouse")
        self._clients = Clients(lambda: connected(settings))
        self._unchecked: dict[str, str] = {}

    def expect(self, identities: Mapping[str, str]) -> None:
        """Topics and their ids: before the first INSERT the ids are compared with those of the rows that are there."""
        self._unchecked = dict(identities)

    async def store(self, batch: Batch) -> None:
        """Stores the batch's rows and takes them out of it; rejected ones move to its refused messages.

        Raises Unavailable when a part could not be stored: what is left in the batch is to be tried again.
        """
        pieces = [(BY_NAME[name], piece) for name, rows in batch.rows.items() for piece in by_month(rows)]
        loop = asyncio.get_running_loop()
        if pieces and self._unchecked:
            await loop.run_in_executor(self._pool, self._check_identities)
        results = await asyncio.gather(
            *(loop.run_in_executor(self._pool, self.insert, table, rows) for table, rows in pieces),
            return_exceptions=True,
        )
        batch.rows = {}
        errors: list[BaseException] = []
        for (table, rows), result in zip(pieces, results, strict=True):
            if isinstance(result, BaseException):
                errors.append(result)
                batch.rows.setdefault(table.name, []).extend(rows)
            else:
                batch.refused += result
        for error in sorted(errors, key=lambda error: isinstance(error, Unavailable)):  # what will not pass comes first
            raise error

    def insert(self, table: Table, rows: list[Row]) -> list[Refusal]:
        """Stores rows of one table and month; the refusals. Raises Unavailable, or UserError when too many are rejected."""
        refused: list[Refusal] = []
        started = time.monotonic()
        self._insert(table, rows, refused)
        metrics.sink_flush_seconds.labels(table.name).observe(time.monotonic() - started)
        metrics.sink_rows_total.labels(table.name).inc(len(rows) - len(refused))
        now_ms = time.time() * 1000
        for row in rows[:: max(1, len(rows) // SAMPLES)]:
            metrics.sink_visible_seconds.observe(max(0.0, (now_ms - row.message.timestamp_ms) / 1000))
            if table.at and (table.is_input or getattr(row.record, "revision", 1) == 1):
                at_ms: float = getattr(row.record, table.at) / 1000
                metrics.sink_event_to_visible_seconds.labels(table.name).observe(max(0.0, (now_ms - at_ms) / 1000))
        return refused

    def _insert(self, table: Table, rows: list[Row], refused: list[Refusal]) -> None:
        try:
            self._send(table, rows)
        except Rejected as error:
            if len(rows) > 1:
                middle = len(rows) // 2
                self._insert(table, rows[:middle], refused)
                self._insert(table, rows[middle:], refused)
                return
            refused.append(Refusal(table, rows[0].message, DeadLetterReason.REJECTED_BY_SINK, str(error)))
            if len(refused) > REJECTED_ROWS_MAX:
                raise _too_many(table, str(error)) from error

    def _send(self, table: Table, rows: list[Row]) -> None:
        topic = self._settings.topic(table.topic)
        try:
            with self._clients.own() as client:
                client.execute(
                    insert_statement(table), block(table, topic, rows), settings=INSERT_SETTINGS, columnar=True
                )
        except Exception as error:
            judged = judge(error, inserting=True)
            if judged is error:
                raise
            raise judged from error

    async def ask(self) -> None:
        """A question, to see whether there is an answer. Raises Unavailable, UserError for a topic made anew."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self._check_identities)

    def _check_identities(self) -> None:
        with self._clients.own() as client:
            check(client, self._unchecked)
        self._unchecked = {}

    def close(self) -> None:
        """Cuts an INSERT that is still under way (an unknown outcome is harmless) and waits for it to end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._clients.close()


def _too_many(table: Table, detail: str) -> UserError:
    return UserError(
        f"ClickHouse rejects more than {REJECTED_ROWS_MAX} rows of one INSERT into {table.name}: {detail}",
        "that is no fault of single rows: compare the table with sinks/sql (`touchstone migrate --dry-run`), then start again; "
        "nothing was committed",
        exit_code=ExitCode.NO,
    )
