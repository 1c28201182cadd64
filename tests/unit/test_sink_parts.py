"""Parts of the sink without Kafka and ClickHouse: columns, batches, dead letters of anybody, what an error means."""

import asyncio
import datetime as dt
import struct
import time
from collections.abc import Callable
from decimal import InvalidOperation
from typing import Any

import pytest
from aiokafka import TopicPartition
from clickhouse_driver.columns.exceptions import StructPackException
from clickhouse_driver.errors import NetworkError, ServerException, SocketTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from schemas.topics import all_topics
from sinks import writer
from sinks.buffer import Batch, Buffer, by_month
from sinks.columns import Row, block, columns
from sinks.database import Rejected, database_name, judge
from sinks.dead_letters import dead_letter, letter_headers
from sinks.letters import REFUSED_MAX
from sinks.tables import BY_NAME, TABLES
from sinks.writer import Writer
from streams.engine.dead_letter import letter
from streams.engine.job import Message
from streams.errors import DeadLetterReason, Unavailable, UserError
from streams.settings import Settings
from tests import sink_records as make

AT = TopicPartition("cx-actions", 0)


def test_every_topic_that_the_sink_reads_says_so_and_no_other() -> None:
    declared = {name for name, topic in all_topics().items() if "sinks.clickhouse" in topic.readers}
    assert declared == {table.topic for table in TABLES}


def test_columns_of_nested_records() -> None:
    names = [column.name for column in columns(BY_NAME["experiences"].record)]
    assert "context_score" in names
    assert "evidence.event_id" in names
    assert "evidence" not in names
    record = make.experience()
    values = {column.name: column.values([record, record]) for column in columns(type(record))}
    assert values["evidence.weight"] == [[0.75, 0.5], [0.75, 0.5]]
    assert values["evidence.detail"] == [["score 1 of 1 to 5", ""]] * 2
    assert values["evidence.text_end"] == [[4, None]] * 2
    assert values["context_outcome"] == ["unknown", "unknown"]
    assert values["brand"] == ["", ""]
    assert values["gap"] == [None, None]


@given(st.lists(st.integers(0, 3)))
def test_items_stay_with_their_row(counts: list[int]) -> None:
    records = [make.episode(n, evidence=[make.EVIDENCE] * count) for n, count in enumerate(counts)]
    values = {column.name: column.values(records) for column in columns(BY_NAME["episodes"].record)}
    assert values["evidence.signal"] == [["low_score"] * count for count in counts]


def test_a_block_ends_with_the_position() -> None:
    rows = [make.row("touchpoints", make.touchpoint(n), n, partition=3) for n in (5, 9)]
    assert block(BY_NAME["touchpoints"], "x-cx-touchpoints", rows)[-4:] == [
        ["x-cx-touchpoints"] * 2,
        [3, 3],
        [5, 9],
        [make.ARRIVED_MS] * 2,
    ]


@given(
    st.lists(st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 12, 31), timezones=st.just(dt.UTC)), min_size=1)
)
def test_cutting_by_month_keeps_every_row_once(moments: list[dt.datetime]) -> None:
    sent = make.touchpoint()
    rows = [
        Row(Message("cx-touchpoints", 0, n, int(at.timestamp() * 1000), b"k", b"", ()), sent)
        for n, at in enumerate(moments)
    ]
    pieces = list(by_month(rows))
    assert sorted(row.message.offset for piece in pieces for row in piece) == list(range(len(rows)))
    months = [
        {(moments[row.message.offset].year, moments[row.message.offset].month) for row in piece} for piece in pieces
    ]
    assert all(len(month) == 1 for month in months)
    assert len({next(iter(month)) for month in months}) == len(pieces)


def test_when_a_flush_is_due() -> None:
    buffer = Buffer(flush_rows=2, flush_bytes=10_000, flush_seconds=1.0)
    assert not buffer.due(100.0)
    buffer.touch(AT, 7, now=5.0)  # nothing to store, but a position to commit
    assert not buffer.due(5.9)
    assert buffer.due(6.0)
    for offset in (1, 2):
        assert not buffer.full()
        buffer.batch.add(BY_NAME["actions"], make.row("actions", make.action(), offset))
    assert buffer.full()
    assert buffer.due(5.0)
    taken = buffer.take()
    assert (taken.count(), taken.positions, taken.since) == (2, {AT: 7}, 5.0)
    assert buffer.empty()
    assert buffer.batch.count() == 0
    buffer.touch(AT, 8, now=9.0)
    buffer.batch.add(BY_NAME["actions"], make.row("actions", make.action(text="x" * 10_000), 3))
    assert buffer.due(9.0)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("__connect.errors.topic", b"t"), ("__connect.errors.partition", b"x"), ("__connect.errors.offset", b"1")],
        [("__connect.errors.topic", b"t"), ("__connect.errors.partition", b"1"), ("__connect.errors.offset", b"-1")],
        [
            ("__connect.errors.topic", b"t"),
            ("__connect.errors.partition", b"1"),
            ("__connect.errors.offset", b"9" * 30),
        ],
        [
            ("__connect.errors.topic", b"t"),
            ("__connect.errors.partition", b"4294967296"),
            ("__connect.errors.offset", b"1"),
        ],
        [("__connect.errors.topic", b""), ("__connect.errors.partition", b"1"), ("__connect.errors.offset", b"1")],
        [("__connect.errors.topic", b"\xff\xfe"), ("x", b"\xff")],
        [("touchstone.arrived_at_ms", "٣".encode()), ("touchstone.reason", b"")],
    ],
)
def test_a_dead_letter_whose_place_is_not_told_stands_for_itself(headers: list[tuple[str, bytes]]) -> None:
    row = dead_letter(Message("cx-dead-letters", 2, 77, 1, None, None, headers), "p-cx-dead-letters")
    assert (row.source_topic, row.source_partition, row.source_offset) == ("p-cx-dead-letters", 2, 77)
    assert (row.reason, row.key, row.value, row.arrived_at) == ("unknown", b"", b"", None)


def test_dead_letters_of_worker_and_sink_are_read_alike() -> None:
    message = Message("cx-actions", 3, 9, 1234, b"k", b"v", [("own", b"kept"), ("__connect.errors.topic", b"forged")])
    by_worker = letter(message, "p-cx-actions", "subjects", DeadLetterReason.MALFORMED, "why")
    by_sink = letter_headers(message, "p-cx-actions", "sink-clickhouse", DeadLetterReason.MALFORMED, "why")
    for headers, who in ((by_worker.headers, "subjects"), (by_sink, "sink-clickhouse")):
        row = dead_letter(Message("cx-dead-letters", 0, 1, 99, b"k", b"v", headers), "p-cx-dead-letters")
        assert (row.source_topic, row.source_partition, row.source_offset) == ("p-cx-actions", 3, 9)
        assert (row.reason, row.detail, row.refused_by, row.arrived_at) == ("malformed", "why", who, 1234)
        assert row.headers["own"] == "kept"
    assert {name for name, _ in by_sink} == {name for name, _ in by_worker.headers}


def server_error(code: int, text: str = "DB::Exception: no") -> ServerException:
    return ServerException(text, code)


@pytest.mark.parametrize(
    "error",
    [
        server_error(469),
        server_error(53),
        StructPackException("'i' format requires"),
        struct.error("x"),
        OverflowError(),
        TypeError("x"),
        InvalidOperation(),
        ValueError("x"),
    ],
)
def test_errors_of_the_data(error: Exception) -> None:
    assert isinstance(judge(error, inserting=True), Rejected)
    assert not isinstance(judge(error), Rejected)


@pytest.mark.parametrize(
    "error",
    [
        server_error(60),
        server_error(241),
        server_error(252),
        server_error(159),
        server_error(987654),
        EOFError(),
        NetworkError("refused"),
        SocketTimeoutError("slow"),
        ConnectionResetError(),
        TimeoutError(),
        OSError(113, "No route to host"),
    ],
)
def test_errors_that_may_pass(error: Exception) -> None:
    for inserting in (False, True):
        assert isinstance(judge(error, inserting=inserting), Unavailable)


def test_a_defect_stays_what_it_is() -> None:
    for error in (ZeroDivisionError(), KeyError("x"), MemoryError()):
        assert judge(error, inserting=True) is error


def test_what_an_error_quotes_from_a_row_goes_nowhere() -> None:
    text = "DB::Exception: Cannot parse '李雷 13800138000' as \"Int\". Column values: text = 李雷"
    said = str(judge(server_error(469, text), inserting=True))
    assert said == "ClickHouse's code 469: DB::Exception: Cannot parse '…' as '…'. "


def test_missing_tables_name_the_command() -> None:
    assert "`touchstone migrate`" in str(judge(server_error(60)))


@pytest.mark.parametrize("name", ["", "a-b", "1a", "a b", "a;b", "a.b", "数据"])
def test_names_of_databases(name: str) -> None:
    with pytest.raises(UserError):
        database_name(Settings(clickhouse_database=name))


class Picky:
    """A client that rejects chosen offsets, and is away when told so."""

    def __init__(self, rejects: set[int], fails: list[Exception]) -> None:
        self.rejects, self.fails = rejects, fails
        self.taken: list[int] = []
        self.inserts = 0

    def execute(self, query: str, params: Any = None, **_: object) -> list[tuple[object, ...]]:
        self.inserts += 1
        if self.fails:
            raise self.fails.pop()
        offsets = params[-2]
        if self.rejects & set(offsets):
            raise server_error(469)
        self.taken += offsets
        return []

    def disconnect(self) -> None: ...


def picky_writer(rejects: set[int], fails: list[Exception] | None = None) -> tuple[Writer, Picky]:
    client = Picky(rejects, fails or [])
    connected: Callable[[Settings], Any] = lambda _: client  # noqa: E731 - one line says it
    return Writer(Settings(), connected), client


def rows(count: int) -> list[Row]:
    return [make.row("actions", make.action(n), n) for n in range(count)]


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), max_size=10))))
def test_halving_finds_exactly_the_rejected_rows(case: tuple[int, set[int]]) -> None:
    count, rejects = case
    writing, client = picky_writer(rejects)
    refused = writing.insert(BY_NAME["actions"], rows(count))
    assert {refusal.message.offset for refusal in refused} == rejects
    assert {refusal.reason for refusal in refused} <= {DeadLetterReason.REJECTED_BY_SINK}
    assert sorted(client.taken) == sorted(set(range(count)) - rejects)
    assert client.inserts <= 1 + 2 * 6 * max(1, len(rejects))
    writing.close()


def test_from_the_event_to_visible() -> None:
    def seen(table: str) -> tuple[float, float]:
        names = [f"touchstone_sink_event_to_visible_seconds_{part}" for part in ("count", "sum")]
        count, total = (REGISTRY.get_sample_value(name, {"table": table}) or 0.0 for name in names)
        return count, total

    writing, _ = picky_writer(set())
    before = {table: seen(table) for table in ("touchpoints", "actions")}
    hours_ago = int(time.time() * 1e6) - 7_200_000_000
    writing.insert(BY_NAME["touchpoints"], [make.row("touchpoints", make.touchpoint(1, occurred_at=hours_ago), 1)])
    first, again = (make.action(n, revision=n, decided_at=hours_ago) for n in (1, 2))
    writing.insert(BY_NAME["actions"], [make.row("actions", first, 1), make.row("actions", again, 2)])
    for table, (count, total) in before.items():
        assert seen(table)[0] == count + 1
        assert seen(table)[1] - total >= 7_200
    writing.insert(BY_NAME["dead_letters"], [make.row("dead_letters", b"?", 1, headers=[("touchstone.reason", b"x")])])
    writing.close()


def test_too_many_rejected_rows_stop_it() -> None:
    writing, _ = picky_writer(set(range(1000)))
    with pytest.raises(UserError, match=f"rejects more than {writer.REJECTED_ROWS_MAX} rows"):
        writing.insert(BY_NAME["actions"], rows(1000))
    writing.close()


def test_what_could_not_be_stored_stays_in_the_batch() -> None:
    async def scenario() -> None:
        writing, client = picky_writer({3}, [EOFError()])
        batch = Batch()
        for row in rows(5):
            batch.add(BY_NAME["actions"], row)
        with pytest.raises(Unavailable):
            await writing.store(batch)
        assert (batch.count(), client.taken) == (5, [])
        await writing.store(batch)
        assert (sorted(client.taken), batch.rows) == ([0, 1, 2, 4], {})
        assert [refusal.message.offset for refusal in batch.refused] == [3]
        writing.close()

    asyncio.run(scenario())


def test_limits_fit_each_other() -> None:
    assert writer.REJECTED_ROWS_MAX * writer.THREADS <= REFUSED_MAX
