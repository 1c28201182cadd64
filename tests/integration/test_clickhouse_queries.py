"""Statements, results and errors, through the unmodified clickhouse-driver."""

import datetime as dt

import pytest
from clickhouse_driver import Client
from clickhouse_driver.connection import Connection, Packet
from clickhouse_driver.protocol import ServerPacketTypes

from tests.clickhouse_service import code_of


def test_empty_results_have_columns(clickhouse: Client) -> None:
    clickhouse.execute("CREATE TABLE t (a UInt64, b LowCardinality(String)) ENGINE = MergeTree ORDER BY a")
    described = [("a", "UInt64"), ("b", "LowCardinality(String)")]
    assert clickhouse.execute("SELECT * FROM t", with_column_types=True) == ([], described)
    assert clickhouse.execute("SELECT * FROM t WHERE b = 'x' FORMAT JSON;", with_column_types=True) == ([], described)
    assert clickhouse.execute("SHOW TABLES LIKE 'nothing'", with_column_types=True) == ([], [("name", "String")])


def test_tables_as_the_sink_makes_them(clickhouse: Client) -> None:
    """ReplacingMergeTree read with FINAL, views, an incremental view, parts by month, ALTER, OPTIMIZE."""
    clickhouse.execute(
        "CREATE TABLE actions (action_id String, revision UInt32, at DateTime64(6, 'UTC'), _offset UInt64) "
        "ENGINE = ReplacingMergeTree ORDER BY (action_id, _offset) PARTITION BY toYYYYMM(at)"
    )
    clickhouse.execute(
        "CREATE VIEW current AS SELECT action_id, max(revision) AS r FROM actions FINAL GROUP BY action_id"
    )
    clickhouse.execute(
        "CREATE MATERIALIZED VIEW daily (day Date, ids AggregateFunction(uniqExact, String)) ENGINE = AggregatingMergeTree "
        "ORDER BY day AS SELECT toDate(at) AS day, uniqExactState(action_id) AS ids FROM actions GROUP BY day"
    )
    rows = [("a", 1, "2024-01-31 10:00:00", 1), ("a", 2, "2024-01-31 10:00:01", 2), ("b", 1, "2024-02-01 00:00:00", 3)]
    for _ in range(2):
        clickhouse.execute(
            "INSERT INTO actions SELECT c1, c2, c3, c4 FROM values('c1 String, c2 UInt32, c3 String, c4 UInt64', "
            + ", ".join(map(str, rows))
            + ")"
        )
    assert clickhouse.execute("SELECT count() FROM actions") == [(6,)]
    assert clickhouse.execute("SELECT count() FROM actions FINAL") == [(3,)]
    assert clickhouse.execute("SELECT * FROM current ORDER BY action_id") == [("a", 2), ("b", 1)]
    assert clickhouse.execute("SELECT uniqExactMerge(ids) FROM daily") == [(2,)]
    assert clickhouse.execute(
        "SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() AND table = 'actions' AND active "
        "ORDER BY partition"
    ) == [("202401",), ("202402",)]
    clickhouse.execute("ALTER TABLE actions ADD COLUMN note LowCardinality(String) DEFAULT 'none'")
    clickhouse.execute("OPTIMIZE TABLE actions FINAL")
    assert clickhouse.execute("SELECT DISTINCT note, count() FROM actions GROUP BY note") == [("none", 3)]
    assert clickhouse.execute("EXISTS TABLE actions") == [(1,)]
    assert [row[0] for row in clickhouse.execute("DESCRIBE TABLE actions")][-1] == "note"
    assert "ReplacingMergeTree" in clickhouse.execute("SHOW CREATE TABLE actions")[0][0]


def test_refreshable_view(clickhouse: Client) -> None:
    clickhouse.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    clickhouse.execute("INSERT INTO t VALUES", [(1,), (2,)])
    clickhouse.execute(
        "CREATE MATERIALIZED VIEW v REFRESH EVERY 1 HOUR (n UInt64) ENGINE = Memory AS SELECT count() AS n FROM t"
    )
    clickhouse.execute("SYSTEM REFRESH VIEW v")
    clickhouse.execute("SYSTEM WAIT VIEW v")
    assert clickhouse.execute("SELECT n FROM v") == [(2,)]


def test_inserts_of_all_shapes(clickhouse: Client) -> None:
    clickhouse.execute(
        "CREATE TABLE t (a UInt64, b String DEFAULT concat('b', toString(a)), c UInt64 MATERIALIZED a + 1, "
        "d UInt64 ALIAS a + 2, `odd, name` UInt8) ENGINE = MergeTree ORDER BY a"
    )
    clickhouse.execute("INSERT INTO t (a) VALUES", [(1,)])
    clickhouse.execute("INSERT INTO t VALUES", [(2, "x", 1)])
    clickhouse.execute("insert into t (`odd, name`, a) FORMAT Native", [(7, 3)])
    clickhouse.execute("INSERT INTO TABLE t (* EXCEPT(b)) SETTINGS async_insert = 0 VALUES", [(4, 9)])
    clickhouse.execute("INSERT INTO t (a, b) VALUES (5, 'inline;')")
    clickhouse.execute("INSERT INTO t (a) SELECT 6")
    assert clickhouse.execute("INSERT INTO t (a) VALUES", []) == 0
    assert clickhouse.execute("SELECT a, b, c, d, `odd, name` FROM t ORDER BY a") == [
        (1, "b1", 2, 3, 0),
        (2, "x", 3, 4, 1),
        (3, "b3", 4, 5, 7),
        (4, "b4", 5, 6, 9),
        (5, "inline;", 6, 7, 0),
        (6, "b6", 7, 8, 0),
    ]


def test_an_insert_of_several_blocks(clickhouse: Client) -> None:
    clickhouse.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    inserted = clickhouse.execute(
        "INSERT INTO t VALUES", [list(range(100_000))], columnar=True, settings={"insert_block_size": 7_000}
    )
    assert inserted == 100_000
    assert clickhouse.execute("SELECT count(), sum(a) FROM t") == [(100_000, 4_999_950_000)]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELEC 1", 62),
        ("SELECT 1; SELECT 2", 62),
        ("SELECT nothing", 47),
        ("SELECT no_such_function()", 46),
        ("SELECT * FROM nothing", 60),
        ("SELECT * FROM nothing.nothing", 81),
        ("CREATE TABLE t (a UInt64) ENGINE = Nothing", 56),
        ("SELECT throwIf(1)", 395),
        ("SELECT throwIf(number = 3000000) FROM numbers(5000000)", 395),
        ("SELECT toUInt8('x')", 6),
        ("SELECT 1 INTO OUTFILE 'x'", 48),
        ("SELECT * FROM file('/etc/passwd', 'LineAsString')", 497),
        ("SELECT * FROM Python(users)", 497),
        ("SELECT 1 SETTINGS nothing = 1", 115),
        ("SET nothing = 1", 115),
    ],
)
def test_error_codes(clickhouse: Client, sql: str, code: int) -> None:
    assert code_of(clickhouse, sql) == code
    assert clickhouse.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("sql", "code"),
    [("INSERT INTO nothing VALUES", 60), ("INSERT INTO t (b) VALUES", 16), ("INSERT INTO t (c) VALUES", 44)],
)
def test_insert_errors(clickhouse: Client, sql: str, code: int) -> None:
    clickhouse.execute("CREATE TABLE t (a UInt8, c UInt8 MATERIALIZED a) ENGINE = MergeTree ORDER BY a")
    assert code_of(clickhouse, sql, [(1,)]) == code
    assert clickhouse.execute("SELECT count() FROM t") == [(0,)]


def test_an_error_after_the_rows(clickhouse: Client) -> None:
    clickhouse.execute("CREATE TABLE t (a UInt8, CONSTRAINT small CHECK a < 10) ENGINE = MergeTree ORDER BY a")
    assert code_of(clickhouse, "INSERT INTO t VALUES", [(1,), (11,)]) == 469
    assert clickhouse.execute("SELECT count() FROM t") == [(0,)]


def test_big_results_come_in_blocks(clickhouse: Client) -> None:
    rows = clickhouse.execute_iter("SELECT number, toString(number) FROM numbers(3000000)")
    assert sum(number for number, _ in rows) == 3_000_000 * 2_999_999 // 2


def test_totals_and_extremes(clickhouse: Client) -> None:
    sql = "SELECT number % 2 AS k, count() AS n, sum(number) / 4 AS s, nan AS x FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k"
    rows = clickhouse.execute(sql)
    assert [row[:3] for row in rows] == [(0, 5, 5.0), (1, 5, 6.25), (0, 10, 11.25)]
    assert all(str(row[3]) == "nan" for row in rows)
    at = "toDateTime64('2024-01-01 00:00:00', 3, 'Asia/Shanghai') + number AS at"
    found = clickhouse.execute(f"SELECT number, {at}, [number] AS l FROM numbers(3)", settings={"extremes": 1})
    assert [row[0] for row in found] == [0, 1, 2, 0, 2]
    assert found[3] == found[0]
    assert str(found[4][1].tzinfo) == "Asia/Shanghai"


def test_external_tables(clickhouse: Client) -> None:
    ids = {
        "name": "ids",
        "structure": [("id", "UInt64"), ("name", "String")],
        "data": [{"id": 1, "name": "a"}, {"id": 3, "name": "b"}],
    }
    for _ in range(2):  # gone after each query
        found = clickhouse.execute(
            "SELECT number, name FROM numbers(5) AS n JOIN ids ON n.number = ids.id ORDER BY 1", external_tables=[ids]
        )
        assert found == [(1, "a"), (3, "b")]
    assert code_of(clickhouse, "SELECT * FROM ids") == 60


def test_json(clickhouse: Client) -> None:
    clickhouse.execute("CREATE TABLE t (n UInt8, j JSON, at DateTime('Asia/Shanghai')) ENGINE = MergeTree ORDER BY n")
    noon = dt.datetime(2024, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    clickhouse.execute(
        "INSERT INTO t VALUES", [(1, {"a": {"b": 1}, "c": ["x"]}, noon), (2, '{"d": "颗粒"}', noon), (3, {}, noon)]
    )
    found = clickhouse.execute("SELECT * FROM t ORDER BY n")
    assert [row[1] for row in found] == [{"a": {"b": 1}, "c": ["x"]}, {"d": "颗粒"}, {}]
    assert {row[2] for row in found} == {noon}


def test_types_that_cannot_be_sent(clickhouse: Client) -> None:
    clickhouse.execute(
        "CREATE TABLE t (a AggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY tuple()"
    )
    assert code_of(clickhouse, "INSERT INTO t VALUES", [(b"",)]) == 48
    clickhouse.execute("INSERT INTO t SELECT sumState(number) FROM numbers(3)")
    assert clickhouse.execute("SELECT sumMerge(a) FROM t") == [(3,)]


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ("CREATE TABLE t (n UInt64, CONSTRAINT small CHECK n < 500) ENGINE = MergeTree ORDER BY n", 469),
        ("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n PARTITION BY n", 252),
        ("CREATE TABLE t (n UInt64, m UInt8 MATERIALIZED throwIf(n = 999)) ENGINE = MergeTree ORDER BY n", 395),
    ],
)
def test_a_failed_insert_is_never_acknowledged(clickhouse: Client, declared: str, code: int) -> None:
    """However it fails: the rows break a constraint, a limit of parts, a computed column or a view."""
    rows = [list(range(1000))]
    clickhouse.execute(declared)
    clickhouse.execute("CREATE TABLE source (n UInt64) ENGINE = Null")
    clickhouse.execute("CREATE MATERIALIZED VIEW v TO t AS SELECT n FROM source")
    for table in ("t", "source"):
        assert code_of(clickhouse, f"INSERT INTO {table} VALUES", rows, columnar=True) == code
        assert code_of(clickhouse, f"INSERT INTO {table} SELECT number FROM numbers(1000)") == code
        assert clickhouse.execute("SELECT count() FROM t") == [(0,)]


def test_a_repeated_insert_with_its_token(clickhouse: Client) -> None:
    clickhouse.execute(
        "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 10"
    )
    for token, rows in (("a", 1), ("a", 1), ("b", 2)):
        clickhouse.execute("INSERT INTO t VALUES", [(5,)], settings={"insert_deduplication_token": token})
        assert clickhouse.execute("SELECT count() FROM t") == [(rows,)]


def _raw_query(connection: Connection, query: bytes) -> list[Packet]:
    """A query as another client may send it: no client info, no settings, plain, then the end of external tables. What comes back:
    blocks, progress whenever the server thinks that it is time, and the end.
    """
    connection.socket.sendall(b"\x01\x00\x00\x00\x00\x02\x00" + bytes([len(query)]) + query + b"\x02\x00\x00\x00\x00")
    packets = [connection.receive_packet()]
    while packets[-1].type not in (ServerPacketTypes.END_OF_STREAM, ServerPacketTypes.EXCEPTION):
        packets.append(connection.receive_packet())
    return packets


def test_bytes_that_are_no_text(clickhouse: Client) -> None:
    clickhouse.execute("CREATE TABLE t (s String) ENGINE = MergeTree ORDER BY s")
    clickhouse.execute("INSERT INTO t VALUES", [(b"\xff\x00;",)])
    options = {"settings": {"strings_as_bytes": True}}
    assert clickhouse.execute("SELECT s FROM t", **options) == [(b"\xff\x00;",)]
    connection = clickhouse.connection
    blocks = [packet.block for packet in _raw_query(connection, b"SELECT '\xff' AS a")]
    assert [block.get_rows() for block in blocks if block and block.num_rows] == [[(b"\xff",)]]
    for query, code in ((b"SELECT `\xff\xfe`", 47), (b"SELECT throwIf(1, '\xff')", 395)):
        told = _raw_query(connection, query)[-1].exception  # older Pythons drop the words: the engine is asked for them
        assert told.code == code
        assert "\ufffd" in told.message
    assert connection.ping()
