"""How fast the local ClickHouse server is through clickhouse-driver: start, inserts by columns, point queries, memory.

    python -m benchmarks.bench_clickhouse_local --blocks 5 --rounds 3

Rows have 30 columns of the kinds that touchpoints and actions have; blocks have 20,000 rows; one client, one after another.
CPU seconds of client and server stand beside the rates: on a machine that does other things they say more.
"""

import argparse
import datetime as dt
import decimal
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from clickhouse_driver import Client

from deploy.local.clickhouse.process import ClickHouse

ROWS = 20_000
NAMES = ("source", "brand", "channel", "journey", "touchpoint", "place", "action", "currency")
IDS = ("event_id", "subject_id", "matter", "product", "unit", "staff")
TABLE = """
CREATE TABLE t (
    _topic LowCardinality(String), _partition Int32, _offset Int64, _timestamp DateTime64(3, 'UTC'),
    {names}, {ids},
    occurred_at DateTime64(6, 'UTC'), outcome Enum8('success' = 1, 'failure' = 2), subject_kind LowCardinality(String),
    duration_ms Nullable(UInt32), waiting_ms Nullable(UInt32), amount Nullable(Decimal(18, 2)), invitation_id Nullable(String),
    attributes Map(LowCardinality(String), String), evidence Array(String), score Float64, revision UInt32, retracted Bool
) ENGINE = ReplacingMergeTree ORDER BY (event_id, _topic, _partition, _offset) PARTITION BY toYYYYMM(_timestamp)
"""


def block(first: int) -> list[list[Any]]:
    """The columns of `ROWS` rows, in the table's order."""
    rng = random.Random(first)
    start = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    numbers = range(first, first + ROWS)

    def column(value: Callable[[int], Any]) -> list[Any]:
        return [value(number) for number in numbers]

    names = [column(lambda _: rng.choice(("web", "app", "store", "phone"))) for _ in NAMES]
    ids = [column(lambda _: f"{rng.getrandbits(64):016x}") for _ in IDS]
    return [
        *(column(lambda _: "cx-touchpoints"), column(lambda n: n % 4), column(lambda n: n)),
        column(lambda n: start + dt.timedelta(milliseconds=n)),
        *names,
        *ids,
        column(lambda n: start + dt.timedelta(microseconds=n)),
        column(lambda n: "failure" if n % 5 == 0 else "success"),
        column(lambda _: "customer"),
        *(column(lambda n: None if n % 3 else n % 1000) for _ in range(2)),
        column(lambda n: None if n % 3 else decimal.Decimal(n) / 100),
        column(lambda n: None if n % 5 else "invitation"),
        column(lambda n: {"sku": str(n), "size": "m"}),
        column(lambda n: [f"event-{n}", "and another one"]),
        *(column(lambda _: rng.random()), column(lambda _: 1), column(lambda _: False)),
    ]


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def inserts(client: Client, server: psutil.Process, blocks: list[list[list[Any]]], settings: dict[str, int]) -> str:
    before, own = cpu_seconds(server), time.process_time()
    began = time.perf_counter()
    for columns in blocks:
        client.execute("INSERT INTO t VALUES", columns, columnar=True, settings=settings)
    seconds, rows = time.perf_counter() - began, ROWS * len(blocks)
    per_row = 1e6 / rows
    cpu = f"client {(time.process_time() - own) * per_row:.1f} µs, server {(cpu_seconds(server) - before) * per_row:.1f} µs"
    return f"insert {settings or 'defaults'}: {rows / seconds:,.0f} rows/s; CPU a row: {cpu}"


def latency(client: Client, title: str, sql: str, times: int, values: dict[str, str] | None = None) -> str:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        client.execute(sql, values)
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return f"{title}: p50 {taken[times // 2]:.1f} ms, p99 {taken[int(times * 0.99)]:.1f} ms"


def run(folder: Path, blocks: int, rounds: int) -> None:
    server = ClickHouse(folder)
    began = time.perf_counter()
    server.start()
    server.wait()
    assert server.child is not None
    process = psutil.Process(server.child.pid)

    def memory() -> str:
        return f"{process.memory_info().rss / 1e6:,.0f} MB"

    say(f"ready after {time.perf_counter() - began:.2f} s, {memory()}")
    data = [block(number * ROWS) for number in range(blocks)]
    with Client(server.host, port=server.port) as client:
        names, ids = (
            ", ".join(f"{n} {kind}" for n in of) for of, kind in ((NAMES, "LowCardinality(String)"), (IDS, "String"))
        )
        client.execute(TABLE.format(names=names, ids=ids))
        for settings in ({}, {"optimize_on_insert": 0}):
            for _ in range(rounds):
                say(inserts(client, process, data, settings))
        say(f"memory after inserts {memory()}")
        say(latency(client, "SELECT 1", "SELECT 1", 300))
        say(
            latency(
                client, "one row by its key", "SELECT * FROM t WHERE event_id = %(id)s", 100, {"id": data[0][12][7]}
            )
        )
        say(latency(client, "count with FINAL", "SELECT count() FROM t FINAL", 20))
        began = time.perf_counter()
        rows = sum(1 for _ in client.execute_iter("SELECT number FROM numbers(10000000)"))
        say(f"{rows:,} rows streamed in {time.perf_counter() - began:.1f} s, memory {memory()}")
    server.stop()


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=5, help="of 20,000 rows, in a round")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        run(Path(directory), arguments.blocks, arguments.rounds)
