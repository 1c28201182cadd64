"""Every type that tables and dashboards use, there and back through clickhouse-driver, by rows and by columns."""

import datetime as dt
import decimal
import ipaddress
import uuid
from typing import Any

import pytest
from clickhouse_driver import Client

UTC = dt.UTC
SHANGHAI = dt.timezone(dt.timedelta(hours=8))
LONG = "颗粒 " * 5000  # longer than one byte of length, and not ASCII

VALUES: list[tuple[str, list[Any]]] = [
    ("UInt8", [0, 255]),
    ("Int16", [-(2**15), 2**15 - 1]),
    ("UInt32", [0, 2**32 - 1]),
    ("Int64", [-(2**63), 2**63 - 1]),
    ("UInt64", [0, 2**64 - 1]),
    ("Int128", [-(2**127), 2**127 - 1]),
    ("UInt256", [0, 2**256 - 1]),
    ("Float32", [0.5, -1.25]),
    ("Float64", [0.1, float("inf")]),
    ("Bool", [True, False]),
    ("String", ["", LONG]),
    ("FixedString(4)", ["abcd", "wxyz"]),
    ("Date", [dt.date(1970, 1, 1), dt.date(2149, 6, 6)]),
    ("Date32", [dt.date(1925, 1, 1), dt.date(2283, 11, 11)]),
    ("DateTime", [dt.datetime(2024, 2, 29, 23, 59, 59), dt.datetime(1970, 1, 1)]),
    ("DateTime('Asia/Shanghai')", [dt.datetime(2024, 2, 29, 8, tzinfo=SHANGHAI)] * 2),
    ("DateTime64(6, 'UTC')", [dt.datetime(2024, 2, 29, 1, 2, 3, 456789, tzinfo=UTC)] * 2),
    ("DateTime64(3, 'Asia/Shanghai')", [dt.datetime(2024, 2, 29, 1, 2, 3, 456000, tzinfo=SHANGHAI)] * 2),
    ("Decimal(9, 2)", [decimal.Decimal("1234567.89"), decimal.Decimal("-0.01")]),
    ("Decimal(18, 4)", [decimal.Decimal("99999999999999.9999"), decimal.Decimal(0)]),
    ("Decimal(38, 10)", [decimal.Decimal("1234567890123456789012345678.0123456789"), decimal.Decimal(-1)]),
    ("Decimal(76, 2)", [decimal.Decimal("1" + "0" * 60 + ".25"), decimal.Decimal(-1)]),
    ("Enum8('in, out' = -1, 'it''s' = 2)", ["in, out", "it's"]),
    ("Enum16('a' = 1, 'b' = 1000)", ["a", "b"]),
    ("UUID", [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]),
    ("IPv4", [ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv4Address("255.255.255.255")]),
    ("IPv6", [ipaddress.IPv6Address("::1"), ipaddress.IPv6Address("2001:db8::ffff")]),
    ("Nullable(String)", [None, "x"]),
    ("Nullable(DateTime64(3, 'UTC'))", [None, dt.datetime(2024, 1, 1, tzinfo=UTC)]),
    ("Nullable(Decimal(18, 2))", [None, decimal.Decimal("1.50")]),
    ("LowCardinality(String)", ["web", "phone"]),
    ("LowCardinality(Nullable(String))", [None, "web"]),
    ("LowCardinality(FixedString(3))", ["CNY", "EUR"]),
    ("Array(String)", [[], ["a", LONG]]),
    ("Array(LowCardinality(String))", [["a", "b", "a"], []]),
    ("Array(Nullable(Int32))", [[1, None], []]),
    ("Array(Array(UInt8))", [[[1, 2], []], []]),
    ("Map(String, String)", [{}, {"k": "v", "": LONG}]),
    ("Map(LowCardinality(String), Array(Float64))", [{"a": [1.0, 2.0]}, {}]),
    ("Map(String, Nullable(Int64))", [{"a": None, "b": 2}, {"c": 3}]),
    ("Tuple(String, UInt8)", [("a", 1), ("b", 2)]),
    ("Tuple(name String, `two words` Nullable(UInt8))", [("a", 1), ("b", None)]),
    (
        "Array(Tuple(event_id String, weight Float64, at DateTime64(6, 'UTC')))",
        [[("e1", 0.5, dt.datetime(2024, 1, 1, tzinfo=UTC))], []],
    ),
    ("SimpleAggregateFunction(max, UInt64)", [1, 2**40]),
    ("SimpleAggregateFunction(anyLast, Nullable(String))", [None, "x"]),
    ("Point", [(1.0, 2.0), (3.0, 4.0)]),
]


@pytest.mark.parametrize(("type_name", "values"), VALUES, ids=[name[:30] for name, _ in VALUES])
def test_there_and_back(clickhouse: Client, type_name: str, values: list[Any]) -> None:
    clickhouse.execute(f"CREATE TABLE t (n UInt8, v {type_name}, last String) ENGINE = MergeTree ORDER BY n")
    rows = [(number, value, "end") for number, value in enumerate(values)]
    assert clickhouse.execute("INSERT INTO t (n, v, last) VALUES", rows) == 2
    columns = [[2, 3], values, ["end", "end"]]
    assert clickhouse.execute("INSERT INTO t VALUES", columns, columnar=True) == 2
    found, described = clickhouse.execute("SELECT n, v, last FROM t ORDER BY n", with_column_types=True)
    assert [row[1] for row in found] == values * 2
    assert {row[2] for row in found} == {"end"}
    [[stored_type]] = clickhouse.execute(
        "SELECT type FROM system.columns WHERE database = currentDatabase() AND name = 'v'"
    )
    assert described[1] == ("v", stored_type)


def test_nested(clickhouse: Client) -> None:
    clickhouse.execute("CREATE TABLE t (n UInt8, e Nested(id String, weight Float64)) ENGINE = MergeTree ORDER BY n")
    clickhouse.execute("INSERT INTO t (n, e.id, `e.weight`) VALUES", [(1, ["a", "b"], [0.5, 1.5]), (2, [], [])])
    assert clickhouse.execute("SELECT e.id, e.weight FROM t ORDER BY n") == [(["a", "b"], [0.5, 1.5]), ([], [])]


def test_many_rows_of_every_type(clickhouse: Client) -> None:
    """Columns one after another, longer than what one read from the socket brings."""
    names = [f"c{number}" for number in range(len(VALUES))]
    declared = ", ".join(f"{name} {type_name}" for name, (type_name, _) in zip(names, VALUES, strict=True))
    clickhouse.execute(f"CREATE TABLE t (n UInt32, {declared}) ENGINE = MergeTree ORDER BY n")
    columns = [[value if value != LONG else "long" for value in values] * 1000 for _, values in VALUES]
    clickhouse.execute("INSERT INTO t VALUES", [list(range(2000)), *columns], columnar=True)
    found = clickhouse.execute("SELECT * FROM t ORDER BY n", columnar=True)
    for (type_name, _), sent, received in zip(VALUES, columns, found[1:], strict=True):
        assert list(received) == sent, type_name


def test_aggregate_states(clickhouse: Client) -> None:
    clickhouse.execute(
        "CREATE TABLE t (k String, customers AggregateFunction(uniqExact, String), wait AggregateFunction(quantile(0.9), "
        "Float64), last SimpleAggregateFunction(max, UInt32)) ENGINE = AggregatingMergeTree ORDER BY k"
    )
    for _ in range(2):  # the same rows twice: unique states do not count them again
        clickhouse.execute(
            "INSERT INTO t SELECT toString(number % 2), uniqExactState(toString(number)), quantileState(0.9)(toFloat64(number)), "
            "max(number) FROM numbers(100) GROUP BY 1"
        )
    merged = (
        "SELECT k, uniqExactMerge(customers), max(last), quantileMerge(0.9)(wait) > 80 FROM t GROUP BY k ORDER BY k"
    )
    assert clickhouse.execute(merged) == [("0", 50, 98, 1), ("1", 50, 99, 1)]
    clickhouse.execute("OPTIMIZE TABLE t FINAL")
    assert clickhouse.execute("SELECT finalizeAggregation(customers) FROM t ORDER BY k") == [(50,), (50,)]


def test_values_of_the_servers_time_zone(clickhouse: Client) -> None:
    clickhouse.execute("CREATE TABLE t (at DateTime) ENGINE = Memory")
    clickhouse.execute("INSERT INTO t VALUES", [(dt.datetime(2024, 1, 1, 12, tzinfo=SHANGHAI),)])
    assert clickhouse.execute("SELECT toString(at), timezone() FROM t") == [("2024-01-01 04:00:00", "UTC")]


def test_time_zones_of_columns(clickhouse: Client) -> None:
    """In tables, in temporary tables, in expressions, in an empty result, in many blocks, for a name that stands twice."""
    clickhouse.execute("CREATE TABLE t (n UInt64, at DateTime('Asia/Shanghai')) ENGINE = MergeTree ORDER BY n")
    clickhouse.execute("CREATE TEMPORARY TABLE mine (at DateTime('Asia/Shanghai'))")
    noon = dt.datetime(2024, 1, 1, 12, tzinfo=SHANGHAI)
    clickhouse.execute("INSERT INTO t SELECT number, toDateTime(1704081600) FROM numbers(200000)")
    clickhouse.execute("INSERT INTO mine VALUES", [(noon,)])
    for source in ("(SELECT at FROM t LIMIT 1)", "mine", "(SELECT min(at) AS at FROM t GROUP BY n % 2 LIMIT 1)"):
        sql = f"SELECT at, toStartOfHour(at), toDateTime(at, 'UTC'), at AS again, toDateTime(0) FROM {source}"
        [row], columns = clickhouse.execute(sql, with_column_types=True)
        assert row == (noon, noon, noon, noon, dt.datetime(1970, 1, 1))
        shanghai, utc = "DateTime('Asia/Shanghai')", "DateTime('UTC')"
        assert [type_name for _, type_name in columns] == [shanghai, shanghai, utc, shanghai, "DateTime"]
    assert clickhouse.execute("SELECT at FROM t WHERE n < 0", with_column_types=True)[1] == [("at", shanghai)]
    assert {at for _, at in clickhouse.execute("SELECT n, at FROM t")} == {noon}


def test_substituted_parameters(clickhouse: Client) -> None:
    parameters = {"s": "it's \\ 100%", "n": 5, "l": (1, 2), "d": dt.date(2024, 1, 1), "none": None}
    sql = "SELECT %(s)s, %(n)s, 2 IN %(l)s, toDate(%(d)s), %(none)s"
    assert clickhouse.execute(sql, parameters) == [("it's \\ 100%", 5, 1, dt.date(2024, 1, 1), None)]
