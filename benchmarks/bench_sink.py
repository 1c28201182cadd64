"""How fast the ClickHouse sink is, on the local stack: a backlog emptied (rows/s), then a steady stream (seconds to visible).

    python -m benchmarks.bench_sink --rows 200000 --rate 2000 --seconds 20

One broker, one ClickHouse engine, one sink, all on this machine. Half of the rows are touchpoints, the rest feedback, actions
(with evidence), experiences and episodes. Rows/s: from the start of the sink's process until the last row can be queried, and
without the start. CPU of ClickHouse: from the start of
the sink to its end, with the merges and the polling of this benchmark. Appends rows to benchmarks/results.csv. Reconcile: all topics against all tables. Visible: `_inserted_at − _timestamp`, arrival in Kafka to the INSERT's moment on the server.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from aiokafka import AIOKafkaProducer
from clickhouse_driver import Client

from benchmarks.results import note
from deploy.local import jars, ports
from deploy.local.clickhouse.process import ClickHouse
from deploy.local.kafka import Broker, default_cache
from sinks import migrations, source
from sinks.reconcile import Reconciliation
from streams.admin import Admin, TopicSpec
from streams.settings import Settings
from tests import sink_records as make

PARTITIONS = 4
MIX = ("touchpoints",) * 5 + ("feedback", "actions", "actions", "experiences", "episodes")
RECORDS = {
    "touchpoints": make.touchpoint,
    "feedback": make.feedback,
    "actions": make.action,
    "experiences": make.experience,
    "episodes": make.episode,
}


async def produce(settings: Settings, count: int, first: int, rate: float = 0.0) -> None:
    """`rate` messages a second, 0: as fast as it can."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_brokers, linger_ms=5, acks="all")
    await producer.start()
    started = time.monotonic()
    for number in range(first, first + count):
        message = make.message(MIX[number % len(MIX)], RECORDS[MIX[number % len(MIX)]](number), 0)
        await producer.send(settings.topic(message.topic), message.value, message.key)
        if rate and number % 20 == 0:
            await asyncio.sleep(max(0.0, started + (number - first) / rate - time.monotonic()))
    await producer.stop()


def stored(client: Client) -> int:
    """Rows in all tables; nothing is sent twice here."""
    query = (
        "SELECT toUInt64(sum(total_rows)) FROM system.tables WHERE database = currentDatabase() AND name IN %(names)s"
    )
    return int(client.execute(query, {"names": list(RECORDS)})[0][0])


def wait_for(client: Client, wanted: int, process: "subprocess.Popen[bytes]") -> tuple[float, float]:
    """(first row seen, all rows seen), on the monotonic clock."""
    first = 0.0
    while (found := stored(client)) < wanted:
        if found and not first:
            first = time.monotonic()
        if process.poll() is not None:
            raise SystemExit(f"the sink stopped with {process.returncode}")
        time.sleep(0.05)
    return first, time.monotonic()


def start_sink(settings: Settings) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "TOUCHSTONE_KAFKA_BROKERS": settings.kafka_brokers,
        "TOUCHSTONE_CLICKHOUSE_PORT": str(settings.clickhouse_port),
    }
    command = [sys.executable, "-c", "from streams.cli import main; main()", "sink", "clickhouse"]
    return subprocess.Popen(command, env=environment)


def cpu_of(server: ClickHouse) -> float:
    """Seconds of CPU so far, all threads."""
    assert server.child is not None
    times = psutil.Process(server.child.pid).cpu_times()
    return times.user + times.system


def measure(settings: Settings, server: ClickHouse, rows: int, rate: float, seconds: float) -> dict[str, float | bool]:
    with Client("127.0.0.1", port=settings.clickhouse_port, database=settings.clickhouse_database) as client:
        asyncio.run(produce(settings, rows, 0))
        started, before, server_before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN), cpu_of(server)
        process = start_sink(settings)
        try:
            first, last = wait_for(client, rows, process)
            steady = int(rate * seconds)
            asyncio.run(produce(settings, steady, rows, rate))
            wait_for(client, rows + steady, process)
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            after, server_after = resource.getrusage(resource.RUSAGE_CHILDREN), cpu_of(server)
        finally:
            process.kill()
        quantiles = client.execute(
            "SELECT quantilesExact(0.5, 0.99)(dateDiff('millisecond', _timestamp, _inserted_at) / 1000), max(dateDiff('millisecond', _timestamp, _inserted_at)) / 1000 "
            "FROM touchpoints WHERE toUInt32(substring(event_id, 3)) >= %(first)s",
            {"first": rows + rate},  # the first second warms up
        )[0]
    begun, cpu = time.monotonic(), time.process_time()
    with Reconciliation(settings) as reconciliation:
        agree = reconciliation.run().agree
    return {
        "reconcile_agrees": agree,
        "reconcile_messages_per_second": round((rows + steady) / (time.monotonic() - begun)),
        "reconcile_cpu_us_per_message": round((time.process_time() - cpu) / (rows + steady) * 1e6, 1),
        "reconcile_process_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "rows": rows,
        "backlog_rows_per_second": round(rows / (last - started)),
        "backlog_rows_per_second_after_start": round(rows / (last - first)),
        "sink_cpu_us_per_row": round(
            (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / (rows + steady) * 1e6, 1
        ),
        "clickhouse_cpu_us_per_row": round((server_after - server_before) / (rows + steady) * 1e6, 1),
        "steady_rows_per_second": rate,
        "visible_p50_seconds": quantiles[0][0],
        "visible_p99_seconds": quantiles[0][1],
        "visible_max_seconds": quantiles[1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=2_000)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    cache = default_cache()
    jars.fetch(jars.missing(cache), cache)
    with tempfile.TemporaryDirectory() as folder:
        broker, server = Broker(Path(folder) / "kafka", ports.free_port()), ClickHouse(Path(folder) / "clickhouse")
        try:
            broker.start()
            server.start()
            broker.wait()
            server.wait()
            settings = Settings(kafka_brokers=broker.bootstrap, clickhouse_port=server.port)
            migrations.migrate(settings)
            config = {"message.timestamp.type": "LogAppendTime"}
            with Admin(settings) as admin:
                admin.create(
                    TopicSpec(name, 1 if "dead" in name else PARTITIONS, 1, config) for name in source.topics(settings)
                )
            load = os.getloadavg()[0]
            result = measure(settings, server, options.rows, options.rate, options.seconds)
        finally:
            broker.stop()
            server.stop()
    sys.stdout.write(json.dumps(result) + "\n")
    conditions = (
        f"{options.rows} rows of five kinds, then {options.rate:.0f}/s for {options.seconds:.0f} s; load {load:.1f}"
    )
    note(
        "bench_sink",
        conditions,
        {name: str(value) for name, value in result.items() if name not in ("rows", "steady_rows_per_second")},
    )


if __name__ == "__main__":
    main()
