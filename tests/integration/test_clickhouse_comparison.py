"""The local server answers as a real ClickHouse server does: the same statements on both, through the same client.

The real one is Debian's `clickhouse-server` (18.16, an old one): what both know is compared. Skipped where it is not installed.
"""

import datetime as dt
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from deploy.local.clickhouse.process import ClickHouse
from deploy.local.ports import answers, free_port
from tests.clickhouse_service import ClickHouseService

DEBIAN = shutil.which("clickhouse-server") or shutil.which("clickhouse-server", path="/usr/sbin")
CONFIG = """<yandex>
  <logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
  <tcp_port>{port}</tcp_port><http_port>{http}</http_port><interserver_http_port>{interserver}</interserver_http_port>
  <listen_host>127.0.0.1</listen_host><path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
  <user_files_path>{folder}/files/</user_files_path><timezone>UTC</timezone><users_config>{folder}/users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>5368709120</mark_cache_size><format_schema_path>{folder}/schemas/</format_schema_path>
</yandex>"""
USERS = """<yandex>
  <profiles><default></default><readonly><readonly>1</readonly></readonly></profiles>
  <users>
    <default><password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default>
    <reader><password>secret</password><networks><ip>::/0</ip></networks><profile>readonly</profile><quota>default</quota></reader>
  </users><quotas><default></default></quotas>
</yandex>"""


@pytest.fixture(scope="module")
def debian_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if DEBIAN is None:
        pytest.skip("Debian's clickhouse-server is not installed (apt-get install clickhouse-server)")
    folder = tmp_path_factory.mktemp("debian")
    port = free_port()
    text = CONFIG.format(folder=folder, port=port, http=free_port(), interserver=free_port())
    (folder / "config.xml").write_text(text)
    (folder / "users.xml").write_text(USERS)
    command = [DEBIAN, f"--config-file={folder / 'config.xml'}"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        until = time.monotonic() + 60
        while not answers(port):
            assert process.poll() is None, (folder / "output").read_text(errors="replace")[-2000:]
            assert time.monotonic() < until
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseService]:
    folder = tmp_path_factory.mktemp("ours")
    (folder / "password").write_text("secret")
    options = ("--readonly-user", "reader", "--readonly-password-file", str(folder / "password"))
    service = ClickHouseService(ClickHouse(folder, options=options))
    yield service
    service.process.stop()


Step = str | tuple[str, Any] | tuple[str, Any, dict[str, Any]]  # SQL, parameters or rows, further arguments of execute

MERGE_TREE = "ENGINE = MergeTree() ORDER BY n PARTITION BY toYYYYMM(d)"
SCENARIOS: dict[str, list[Step]] = {
    "numbers": ["SELECT 1, -1, 256, 1.5, 'x', NULL, [1, 2], (1, 'a') AS t, toDate('2024-02-29')"],
    "types": [
        "SELECT toUInt8(1), toInt64(-1), toFloat32(0.5), toFixedString('ab', 2), toDateTime('2024-01-01 00:00:00', 'UTC')",
        "SELECT toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0'), toDecimal64('1.25', 2), CAST('a' AS Enum8('a' = 1, 'b' = 2))",
        "SELECT toNullable(1), [NULL, 1], emptyArrayString(), tuple(1, NULL) AS t",
    ],
    "no rows": [
        "SELECT 1 WHERE 0",
        "SELECT number, toString(number) AS s FROM system.numbers WHERE number < 0 LIMIT 0",
    ],
    "many rows": ["SELECT number, toString(number) FROM system.numbers LIMIT 200000"],
    "totals": [
        "SELECT number % 2 AS k, count() AS n FROM (SELECT * FROM system.numbers LIMIT 10) GROUP BY k WITH TOTALS ORDER BY k"
    ],
    "extremes": [("SELECT number FROM (SELECT * FROM system.numbers LIMIT 5)", None, {"settings": {"extremes": 1}})],
    "parameters": [("SELECT %(s)s, %(n)s, %(l)s", {"s": "it's \\ \n", "n": 5, "l": ["a", "b"]})],
    "format is ignored": ["SELECT 1 FORMAT JSON", "SELECT 1 AS x FORMAT Null;"],
    "insert by blocks": [
        f"CREATE TABLE t (d Date, n UInt32, s String DEFAULT 'none', m UInt32 MATERIALIZED n + 1) {MERGE_TREE}",
        ("INSERT INTO t (n, d) VALUES", [(1, dt.date(2024, 1, 31))]),
        ("INSERT INTO t VALUES", [(dt.date(2024, 2, 1), 2, "x")]),
        "SELECT d, n, s, m FROM t ORDER BY n",
        "SELECT * FROM t ORDER BY n",
        "SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() AND active ORDER BY partition",
        "INSERT INTO t (d, n) SELECT today(), 3",
        "SELECT count() FROM t",
    ],
    "errors": [
        "SELEC 1",
        "SELECT",
        "SELECT nothing",
        "SELECT no_such_function(1)",
        "SELECT * FROM nothing",
        "SELECT * FROM nothing.nothing",
        "USE nothing",
        "DROP TABLE nothing",
        "DROP TABLE IF EXISTS nothing",
        "CREATE TABLE t (a UInt8) ENGINE = Nothing",
        "CREATE TABLE t (a Nothing2) ENGINE = Memory",
        "SELECT toDate('x')",
        "SELECT 1 + 'a'",
        "SELECT throwIf(1)",
        "SELECT [1, 'a']",
        "SELECT sum('a')",
        "CREATE DATABASE system",
        "SET no_such_setting = 1",
        "SELECT 1 SETTINGS no_such_setting = 1",
        "SELECT 1",
    ],
    "insert errors": [
        "CREATE TABLE t (a UInt8, m UInt8 MATERIALIZED a) ENGINE = Memory",
        ("INSERT INTO nothing VALUES", [(1,)]),
        ("INSERT INTO t (b) VALUES", [(1,)]),
        ("INSERT INTO t VALUES", [(1,)]),
        "SELECT a FROM t",
    ],
    "limits": [
        ("SELECT * FROM system.numbers LIMIT 100", None, {"settings": {"max_result_rows": 10}}),
        ("SELECT count() FROM system.numbers", None, {"settings": {"max_execution_time": 1}}),
        ("SELECT count() FROM system.numbers", None, {"settings": {"max_rows_to_read": 1000}}),
    ],
    "read-only query": [
        "CREATE TABLE t (a UInt8) ENGINE = Memory",
        ("SELECT count() FROM t", None, {"settings": {"readonly": 1}}),
        ("DROP TABLE t", None, {"settings": {"readonly": 1}}),
        ("INSERT INTO t VALUES", [(1,)], {"settings": {"readonly": 1}}),
        "SELECT count() FROM t",
    ],
    "temporary tables": [
        "CREATE TEMPORARY TABLE mine (a UInt8)",
        ("INSERT INTO mine VALUES", [(1,), (2,)]),
        "SELECT sum(a) FROM mine",
    ],
    "external tables": [
        (
            "SELECT sum(id) FROM ids",
            None,
            {"external_tables": [{"name": "ids", "structure": [("id", "UInt64")], "data": [{"id": 1}, {"id": 41}]}]},
        ),
        "SELECT * FROM ids",
    ],
    "replacing": [
        "CREATE TABLE t (d Date, n UInt32, v String) ENGINE = ReplacingMergeTree() ORDER BY n PARTITION BY toYYYYMM(d)",
        "INSERT INTO t SELECT toDate('2024-01-01'), 1, 'a'",
        "INSERT INTO t SELECT toDate('2024-01-01'), 1, 'b'",
        "SELECT * FROM t FINAL",
        "OPTIMIZE TABLE t FINAL",
        "SELECT * FROM t",
        "EXISTS TABLE t",
        "EXISTS TABLE u",
        "SHOW TABLES",
        "ALTER TABLE t ADD COLUMN w UInt8 DEFAULT 7",
        "SELECT * FROM t",
        "TRUNCATE TABLE t",
        "SELECT * FROM t",
    ],
    "states and views": [
        f"CREATE TABLE t (d Date, n UInt32) {MERGE_TREE}",
        "CREATE MATERIALIZED VIEW v ENGINE = AggregatingMergeTree() ORDER BY d AS "
        "SELECT d, uniqExactState(n) AS u, sumState(n) AS s FROM t GROUP BY d",
        "CREATE VIEW w AS SELECT d, uniqExactMerge(u) AS u, sumMerge(s) AS s FROM v GROUP BY d",
        ("INSERT INTO t VALUES", [(dt.date(2024, 1, 1), number) for number in (1, 2, 2, 3)]),
        ("INSERT INTO t VALUES", [(dt.date(2024, 1, 1), number) for number in (3, 4)]),
        "SELECT * FROM w",
        "SELECT d, finalizeAggregation(u) AS n FROM v ORDER BY d, n",
    ],
}


def outcomes(client: Client, steps: list[Step]) -> list[Any]:
    """Of each step: its rows with names and types, or the code of its error."""
    found: list[Any] = []
    for step in steps:
        sql, parameters, further = (*step, None, {})[:3] if isinstance(step, tuple) else (step, None, {})
        try:
            found.append(client.execute(sql, parameters, with_column_types=True, **(further or {})))
        except ServerException as problem:
            found.append(problem.code)
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_same_answers(debian_port: int, ours: ClickHouseService, name: str) -> None:
    both = []
    for port in (debian_port, ours.port):
        with Client("127.0.0.1", port=port) as client:
            client.execute("DROP DATABASE IF EXISTS compared")
            client.execute("CREATE DATABASE compared")
            client.execute("USE compared")
            both.append(outcomes(client, SCENARIOS[name]))
    for step, theirs, own in zip(SCENARIOS[name], *both, strict=True):
        assert own == theirs, step


READ_ONLY: list[Step] = [
    "SELECT count() FROM compared.t",
    ("INSERT INTO compared.t VALUES", [(1,)]),
    "INSERT INTO compared.t SELECT 1",
    "CREATE TABLE compared.u (a UInt8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE u (a UInt8)",
    "DROP TABLE compared.t",
    "ALTER TABLE compared.t ADD COLUMN b UInt8",
    "SET max_threads = 1",
    "SET readonly = 0",
    "SELECT 1 SETTINGS max_threads = 1",
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
    "USE compared",
    "SELECT count() FROM t",
]


def test_the_same_is_refused_to_a_read_only_user(debian_port: int, ours: ClickHouseService) -> None:
    both = []
    for port in (debian_port, ours.port):
        with Client("127.0.0.1", port=port) as client:
            client.execute("DROP DATABASE IF EXISTS compared")
            client.execute("CREATE DATABASE compared")
            client.execute("CREATE TABLE compared.t (a UInt8) ENGINE = Memory")
        with Client("127.0.0.1", port=port, user="reader", password="secret") as reader:
            both.append(outcomes(reader, READ_ONLY))
    for step, theirs, own in zip(READ_ONLY, *both, strict=True):
        assert own == theirs, step


def test_strangers_are_refused(debian_port: int, ours: ClickHouseService) -> None:
    """Old servers tell an unknown user (192) from a wrong password (193); current ones, and ours, do not (516)."""
    for user, password, old_code in (("reader", "wrong", 193), ("nobody", "", 192)):
        for port, code in ((debian_port, old_code), (ours.port, 516)):
            with Client("127.0.0.1", port=port, user=user, password=password) as client:
                assert outcomes(client, ["SELECT 1"]) == [code]
