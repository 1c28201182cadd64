"""Clients of the local server: users, settings and limits, several at once, cancelled queries, compression. Through clickhouse-driver."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from clickhouse_driver import Client

from tests.clickhouse_service import READER, ClickHouseService, code_of

ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"


def test_hello(clickhouse: Client) -> None:
    clickhouse.execute("SELECT 1")
    info = clickhouse.connection.server_info
    assert (info.name, info.timezone) == ("ClickHouse", "UTC")
    assert info.used_revision >= 54429
    [[version]] = clickhouse.execute("SELECT version()")
    assert version.startswith(".".join(map(str, info.version_tuple())))


def test_the_connection_survives_an_error(clickhouse: Client) -> None:
    """clickhouse-driver reconnects after an error; other clients do not have to."""
    connection = clickhouse.connection
    connection.force_connect()
    for _ in range(2):
        connection.send_query("SELECT nothing")
        connection.send_external_tables(None)
        answers = (connection.receive_packet() for _ in range(100))  # on a busy machine progress comes before it
        assert next(one.exception for one in answers if one.exception is not None).code == 47
        connection.is_query_executing = False
    assert connection.ping()


def test_settings_hold_for_one_query(clickhouse: Client) -> None:
    sql = "SELECT getSetting('async_insert'), getSetting('insert_deduplication_token'), getSetting('max_threads')"
    [default] = clickhouse.execute(sql)
    settings = {"async_insert": 0, "insert_deduplication_token": "it's", "max_threads": 7}
    assert clickhouse.execute(sql, settings=settings) == [(False, "it's", 7)]
    assert clickhouse.execute(sql, settings={"max_threads": 3}) == [(default[0], default[1], 3)]
    assert clickhouse.execute(sql) == [default]
    clickhouse.execute("SET max_threads = 5")
    assert clickhouse.execute(sql, settings=settings)[0][2] == 7
    assert clickhouse.execute(sql)[0][2] == 5
    clickhouse.execute("SET max_threads = 6", settings=settings)  # as a client with settings of its own sends it
    assert clickhouse.execute(sql, settings=settings)[0][2] == 7
    assert clickhouse.execute(sql)[0][2] == 6


def test_settings_are_checked(clickhouse: Client, clickhouse_server: ClickHouseService) -> None:
    assert clickhouse.execute("SELECT 1", settings={"not_a_setting": 1}) == [(1,)]  # ignored, as a server does
    with clickhouse_server.client(settings_is_important=True) as strict:
        assert code_of(strict, "SELECT 1", settings={"not_a_setting": 1}) == 115
    assert code_of(clickhouse, "SELECT 1", settings={"max_threads": "many"}) in (27, 72)
    assert clickhouse.execute("SELECT 1") == [(1,)]


def test_limits(clickhouse: Client) -> None:
    assert code_of(clickhouse, ENDLESS, settings={"max_execution_time": 1}) == 159
    assert code_of(clickhouse, "SELECT * FROM numbers(100)", settings={"max_result_rows": 10}) == 396
    assert (
        clickhouse.execute("SELECT number, 1 FROM numbers(1) WHERE number = 5", settings={"max_result_rows": 1}) == []
    )


def test_a_query_made_read_only(clickhouse: Client) -> None:
    clickhouse.execute("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
    assert clickhouse.execute("SELECT count() FROM t", settings={"readonly": 1}) == [(0,)]
    assert code_of(clickhouse, "DROP TABLE t", settings={"readonly": 1}) == 164
    assert code_of(clickhouse, "INSERT INTO t VALUES", [(1,)], settings={"readonly": 1}) == 164
    clickhouse.execute("DROP TABLE t")


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE t",
        "CREATE TABLE u (a UInt8) ENGINE = Memory",
        "INSERT INTO t SELECT 1",
        "ALTER TABLE t ADD COLUMN b UInt8",
        "OPTIMIZE TABLE t",
        "TRUNCATE TABLE t",
        "SET max_execution_time = 0",
        "SET readonly = 0",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "KILL QUERY WHERE 1",
        "SYSTEM SHUTDOWN",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM default.`/etc/passwd`",
    ],
)
def test_the_read_only_user(
    clickhouse: Client, clickhouse_server: ClickHouseService, clickhouse_database: str, sql: str
) -> None:
    clickhouse.execute("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
    with clickhouse_server.client(clickhouse_database, user=READER) as reader:
        assert reader.execute("SELECT count() FROM t") == [(0,)]
        assert code_of(reader, sql) == 164
        assert code_of(reader, "INSERT INTO t VALUES", [(1,)]) == 164
        assert code_of(reader, "SELECT 1", settings={"max_execution_time": 100}) == 164
        assert reader.execute("SELECT getSetting('max_execution_time')") == [(30,)]


def test_wrong_password_and_database(clickhouse_server: ClickHouseService) -> None:
    for user, password in (("default", "wrong"), ("nobody", "")):
        with clickhouse_server.client(user=user, password=password) as client:
            assert code_of(client, "SELECT 1") == 516
    with clickhouse_server.client("no_such_database") as client:
        assert code_of(client, "SELECT 1") == 81


def test_progress(clickhouse: Client) -> None:
    progress = clickhouse.execute_with_progress(
        "SELECT count() FROM numbers(30000000) WHERE NOT ignore(sipHash64(number))"
    )
    read = [rows for rows, _ in progress]
    assert len(read) > 1
    assert read[-1] == 30_000_000
    assert progress.get_result() == [(30_000_000,)]


def test_cancel(clickhouse: Client) -> None:
    for sql in (
        ENDLESS,
        "SELECT number FROM numbers(1000000000000)",
        "SELECT sleepEachRow(0.5) FROM numbers(100) SETTINGS max_block_size = 1",
    ):
        clickhouse.execute("SELECT 1")
        clickhouse.connection.send_query(sql)
        clickhouse.connection.send_external_tables(None)
        began = time.monotonic()
        clickhouse.cancel()
        assert time.monotonic() - began < 10
        assert clickhouse.execute("SELECT 1") == [(1,)]


def test_a_client_that_leaves_stops_its_query(clickhouse: Client, clickhouse_server: ClickHouseService) -> None:
    clickhouse.execute("SELECT 1")
    clickhouse.connection.send_query(ENDLESS.replace("sipHash64", "cityHash64"))
    clickhouse.connection.send_external_tables(None)
    running = "SELECT count() FROM system.processes WHERE query LIKE '%cityHash64%' AND query NOT LIKE '%processes%'"
    deadline = time.monotonic() + 20
    while clickhouse_server.query(running) == [(0,)]:
        assert time.monotonic() < deadline
    clickhouse.disconnect()
    while clickhouse_server.query(running) != [(0,)]:
        assert time.monotonic() < deadline


def test_several_clients_at_once(clickhouse_server: ClickHouseService, clickhouse_database: str) -> None:
    """Eight writers and four readers; a reader never sees half an insert."""
    clickhouse_server.query(
        "CREATE TABLE t (w UInt8, n UInt64) ENGINE = MergeTree ORDER BY (w, n)", clickhouse_database
    )
    done = threading.Event()

    def write(writer: int) -> None:
        with clickhouse_server.client(clickhouse_database) as client:
            for batch in range(10):
                rows = list(range(batch * 1000, (batch + 1) * 1000))
                client.execute("INSERT INTO t VALUES", [[writer] * 1000, rows], columnar=True)

    def read() -> int:
        looks = 0
        with clickhouse_server.client(clickhouse_database) as client:
            while not done.is_set():
                counts = client.execute("SELECT w, count() FROM t GROUP BY w")
                assert all(count % 1000 == 0 for _, count in counts), counts
                looks += 1
        return looks

    with ThreadPoolExecutor(12) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        writers = [pool.submit(write, writer) for writer in range(8)]
        try:
            for writer in writers:
                writer.result(60)
        finally:
            done.set()
        assert all(reader.result(60) > 0 for reader in readers)
    assert clickhouse_server.query("SELECT count(), uniqExact(w, n) FROM t", clickhouse_database) == [(80_000, 80_000)]


def test_sessions_are_apart(clickhouse_server: ClickHouseService, clickhouse_database: str) -> None:
    with clickhouse_server.client() as one, clickhouse_server.client() as two:
        one.execute(f"USE {clickhouse_database}")
        one.execute("CREATE TEMPORARY TABLE mine (a UInt8)")
        one.execute("INSERT INTO mine VALUES", [(1,)])
        one.execute("SET max_threads = 1")
        assert one.execute("SELECT currentDatabase(), (SELECT a FROM mine)") == [(clickhouse_database, 1)]
        assert two.execute("SELECT currentDatabase()") == [("default",)]
        assert code_of(two, "SELECT * FROM mine") == 60


@pytest.mark.parametrize("method", ["lz4", "lz4hc", "zstd"])
def test_compression(
    clickhouse: Client, clickhouse_server: ClickHouseService, clickhouse_database: str, method: str
) -> None:
    clickhouse.execute("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    with clickhouse_server.client(clickhouse_database, compression=method) as client:
        rows = [(number, f"row {number}" * 20) for number in range(50_000)]
        client.execute("INSERT INTO t VALUES", rows, settings={"insert_block_size": 20_000})
        assert client.execute("SELECT * FROM t ORDER BY a") == rows
        assert client.execute("SELECT * FROM t WHERE a > 60000", with_column_types=True)[1] == [
            ("a", "UInt64"),
            ("s", "String"),
        ]
        assert code_of(client, "SELECT nothing") == 47
