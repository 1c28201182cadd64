"""The local ClickHouse server when things go wrong: killed in mid-insert, stopped, started twice, fed with garbage, out of space."""

import contextlib
import itertools
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest
from clickhouse_driver.errors import Error, NetworkError, ServerException

from deploy.local.clickhouse.process import ROOT
from tests.clickhouse_service import ClickHouseService
from tests.small_disk import SmallDisk, counted, mounted

NewService = Callable[..., ClickHouseService]
BLOCK_ROWS = 5000


def start_anew(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.local.clickhouse", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_kill_in_mid_insert(new_clickhouse: NewService) -> None:
    """Each INSERT is there whole or not at all; what was acknowledged is there; the tables stay sound."""
    service = new_clickhouse()
    service.query("CREATE DATABASE d")
    for name, engine in (("plain", "MergeTree"), ("replacing", "ReplacingMergeTree")):
        service.query(f"CREATE TABLE d.{name} (batch UInt64, n UInt64, s String) ENGINE = {engine} ORDER BY (batch, n)")
    acknowledged: dict[str, set[int]] = {"plain": set(), "replacing": set()}
    rng = random.Random(7)
    for life in range(4):
        threads = [
            threading.Thread(target=insert_until_it_fails, args=(service, name, life * 1_000_000, acknowledged[name]))
            for name in acknowledged
        ]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 30
        while not all(len(batches) > 3 * (life + 1) for batches in acknowledged.values()):
            assert time.monotonic() < until
            time.sleep(rng.uniform(0.001, 0.03))
        service.process.kill()
        for thread in threads:
            thread.join(60)
        service.start()
        for name, batches in acknowledged.items():
            found = service.query(f"SELECT batch, count(), uniqExact(n), sum(n) FROM d.{name} GROUP BY batch")
            whole = (BLOCK_ROWS, BLOCK_ROWS, BLOCK_ROWS * (BLOCK_ROWS - 1) // 2)
            assert {row[1:] for row in found} == {whole}
            assert batches <= {int(str(row[0])) for row in found}
            assert {row[1] for row in service.query(f"CHECK TABLE d.{name}")} == {1}
        assert not list((service.process.folder / "data" / "spool").iterdir())


def insert_until_it_fails(service: ClickHouseService, table: str, first: int, acknowledged: set[int]) -> None:
    rows = list(range(BLOCK_ROWS))
    with contextlib.suppress(Error, OSError, EOFError), service.client("d") as client:
        for batch in range(first, first + 1_000_000):
            columns = [[batch] * BLOCK_ROWS, rows, [f"{batch}-{n}" for n in rows]]
            client.execute(f"INSERT INTO {table} VALUES", columns, columnar=True)
            acknowledged.add(batch)


def test_an_insert_that_its_client_abandons(new_clickhouse: NewService) -> None:
    service = new_clickhouse()
    service.query("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    for cut in (1, 100, 8000):
        client = service.client()
        client.execute("SELECT 1")
        connection = client.connection
        connection.send_query("INSERT INTO t VALUES")
        connection.send_external_tables(None)
        client.receive_sample_block()
        body = b"\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00\x01\xe8\x07\x01n\x06UInt64" + bytes(8000)
        connection.socket.sendall(body[:cut])
        client.disconnect()
    assert service.query("SELECT count() FROM t") == [(0,)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_stop_it_cleanly(new_clickhouse: NewService, number: signal.Signals) -> None:
    """Also with a query running and clients connected; the data are there afterwards, the port is free."""
    service = new_clickhouse()
    service.query("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    service.query("INSERT INTO t SELECT * FROM numbers(1000)")
    failed: list[BaseException] = []

    def run_for_ever() -> None:
        try:
            service.query("SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))")
        except (Error, OSError, EOFError) as problem:
            failed.append(problem)

    thread = threading.Thread(target=run_for_ever)
    with service.client() as idle:
        idle.execute("SELECT 1")
        thread.start()
        until = time.monotonic() + 20
        while service.query("SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%'") < [(2,)]:
            assert time.monotonic() < until
        assert service.process.child is not None
        service.process.child.signal(number)
        while service.process.child.exit_code is None:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert service.process.child.exit_code == 0
    thread.join(20)
    assert failed
    service.start()
    assert service.query("SELECT count() FROM t") == [(1000,)]


def test_two_servers_on_one_directory(new_clickhouse: NewService) -> None:
    service = new_clickhouse()
    service.query("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    assert service.process.child is not None
    second = start_anew("--data", str(service.process.folder / "data"), "--port", "0")
    assert (second.returncode, second.stdout) == (2, "")
    assert f"is in use by process {service.process.child.pid}" in second.stderr
    assert "--data" in second.stderr
    assert service.query("SELECT count() FROM t") == [(0,)]


def test_a_port_that_is_taken(new_clickhouse: NewService, tmp_path: Path) -> None:
    service = new_clickhouse()
    second = start_anew("--data", str(tmp_path / "other"), "--port", str(service.port))
    assert (second.returncode, second.stdout) == (2, "")
    assert f"cannot listen on 127.0.0.1:{service.port}" in second.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104 - all refused
def test_only_loopback(tmp_path: Path, host: str) -> None:
    refused = start_anew("--data", str(tmp_path / "data"), "--port", "0", "--host", host)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "is not a loopback address" in refused.stderr


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = start_anew("--data", str(tmp_path / "file"), "--port", "0")
    assert refused.returncode == 3
    assert str(tmp_path / "file") in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--timezone", "Nowhere/Near"], "Nowhere/Near"),
        (["--password-file", "/nonexistent/file"], "/nonexistent/file"),
        (["--readonly-user", "r", "--readonly-setting", "max_rows"], "NAME=VALUE"),
        (["--readonly-user", "r", "--readonly-setting", "no_such_setting=1"], "no_such_setting"),
        (["--readonly-user", "r", "--readonly-setting", "max_threads=many"], "max_threads"),
        (["--readonly-user", "default"], "default"),
        (["--port", "70000"], "70000"),
    ],
)
def test_wrong_options(tmp_path: Path, options: list[str], named: str) -> None:
    refused = start_anew("--data", str(tmp_path / "data"), "--port", "0", *options)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert named in refused.stderr
    assert "Traceback" not in refused.stderr


def test_passwords_and_databases(tmp_path: Path, new_clickhouse: NewService) -> None:
    (tmp_path / "password").write_text("s3cret-default\n")
    (tmp_path / "reader").write_text("s3cret-reader\n")
    options = ["--password-file", str(tmp_path / "password"), "--database", "touchstone", "--database", "other-name"]
    options += ["--readonly-user", "reader", "--readonly-password-file", str(tmp_path / "reader")]
    service = new_clickhouse(*options, "--readonly-setting", "max_result_rows=5", "--timezone", "Asia/Shanghai")
    for user, password in (("default", ""), ("default", "s3cret-reader"), ("reader", ""), ("x", "s3cret-default")):
        with service.client(user=user, password=password) as client, pytest.raises(ServerException) as caught:
            client.execute("SELECT 1")
        assert caught.value.code == 516
    with service.client("touchstone", password="s3cret-default") as client:
        client.execute("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
        assert client.execute("SELECT timezone()") == [("Asia/Shanghai",)]
        assert client.connection.server_info.timezone == "Asia/Shanghai"
    with service.client("touchstone", "reader", "s3cret-reader") as client:
        assert client.execute("SELECT count() FROM t") == [(0,)]
        with pytest.raises(ServerException) as caught:
            client.execute("SELECT * FROM numbers(6)")
        assert caught.value.code == 396
    assert "s3cret" not in service.process.log.read_text()


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x00\xff\xff\xff\xff\x0f" + bytes(1000),
        b"\x04",
        bytes(range(256)) * 50,
    ],
)
def test_garbage_instead_of_a_hello(clickhouse_server: ClickHouseService, garbage: bytes) -> None:
    with socket.create_connection((clickhouse_server.host, clickhouse_server.port), timeout=20) as client:
        client.sendall(garbage)
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(10_000)
        assert answer[:1] in (b"", b"\x02")  # nothing, or an exception
        while answer:
            answer = client.recv(10_000)
    assert clickhouse_server.query("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("garbage", "code"),
    [
        (b"\x63", 99),  # an unknown packet
        (b"\x01\x00\x01\x00\x00\x00" + bytes(8) + b"\x07", 48),  # a query from an unknown interface
        (b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 131),  # a query id of 2**62 bytes
        (b"\x02\x00\x09", 99),  # data that nobody asked for
    ],
)
def test_garbage_after_the_hello(clickhouse_server: ClickHouseService, garbage: bytes, code: int) -> None:
    """The sender gets an exception with a code and is disconnected; others do not notice."""
    with clickhouse_server.client() as client, clickhouse_server.client() as other:
        assert (client.execute("SELECT 1"), other.execute("SELECT 1")) == ([(1,)], [(1,)])
        connection = client.connection
        connection.socket.sendall(garbage)
        assert connection.receive_packet().exception.code == code
        with pytest.raises(EOFError):
            connection.receive_packet()
        assert other.execute("SELECT 2") == [(2,)]


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (b"\x09", 117),  # an unknown field in the block info
        (b"\x00\x01\x05\x01n\x09Something" + bytes(40), 48),  # a type that does not exist
        (b"\x00\x01\x05\x01n\x06UInt64" + bytes(40) + b"\x63", 101),  # what follows is no Data
        (b"\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01n\x06UInt64", 131),  # 2**62 rows
    ],
)
def test_garbage_in_an_insert(clickhouse_server: ClickHouseService, block: bytes, code: int) -> None:
    with clickhouse_server.client() as client:
        client.execute("CREATE TEMPORARY TABLE t (n UInt64)")
        client.connection.send_query("INSERT INTO t VALUES")
        client.connection.send_external_tables(None)
        client.receive_sample_block()
        client.connection.socket.sendall(b"\x02\x00" + block)
        assert client.connection.receive_packet().exception.code == code
        with pytest.raises(EOFError):
            client.connection.receive_packet()
    assert clickhouse_server.query("SELECT 1") == [(1,)]


def test_a_block_of_other_columns(clickhouse_server: ClickHouseService) -> None:
    """Well-formed but wrong: the engine's error, and the connection goes on."""
    with clickhouse_server.client() as client:
        client.execute("CREATE TEMPORARY TABLE t (n UInt64)")
        client.connection.send_query("INSERT INTO t VALUES")
        client.connection.send_external_tables(None)
        client.receive_sample_block()
        block = b"\x00\x01\x01\x01n\x06String\x03abc"
        client.connection.socket.sendall(b"\x02\x00" + block + b"\x02\x00\x00\x00\x00")
        assert client.connection.receive_packet().exception.code == 6
        assert client.connection.ping()


def test_more_clients_than_it_takes(new_clickhouse: NewService) -> None:
    service = new_clickhouse("--max-connections", "3")
    with service.client() as one, service.client() as two, service.client() as three, service.client() as four:
        for client in (one, two, three):
            assert client.execute("SELECT 1") == [(1,)]
        with pytest.raises((ServerException, NetworkError, EOFError)) as caught:
            four.execute("SELECT 1")
        assert getattr(caught.value, "code", 202) == 202
        three.disconnect()
        until = time.monotonic() + 20
        while True:
            with contextlib.suppress(ServerException, EOFError):
                four.execute("SELECT 1")
                break
            assert time.monotonic() < until


def test_rows_that_cannot_be_kept(new_clickhouse: NewService) -> None:
    """The system refuses to write what a client sends: an error, nothing is stored, and it goes on."""
    service = new_clickhouse()
    assert service.process.child is not None
    pid = service.process.child.pid
    service.query("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    whole = [list(range(100_000)), [os.urandom(20).hex() for _ in range(100_000)]]
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    with service.client() as client, pytest.raises(ServerException) as caught:
        client.execute("INSERT INTO t VALUES", whole, columnar=True)
    assert caught.value.code == 243
    assert service.query("SELECT count() FROM t") == [(0,)]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    with service.client() as client:
        client.execute("INSERT INTO t VALUES", whole, columnar=True)
    assert service.query("SELECT count() FROM t") == [(100_000,)]


@pytest.mark.parametrize("small_disk", [mounted, counted])
def test_a_full_disk(small_disk: Callable[[Path], AbstractContextManager[SmallDisk]], tmp_path: Path) -> None:
    """Before the disk is full nothing is written any more; what was there stays; with room again it goes on."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder) as disk:
        fill_and_recover(disk)


def fill_and_recover(disk: SmallDisk) -> None:
    server = disk.server("--reserve-mb", "8")
    service = ClickHouseService(server)

    def refused(sql: str) -> int:
        with pytest.raises(ServerException) as caught:
            service.query(sql)
        return int(caught.value.code)

    try:
        service.query("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
        service.query("CREATE TABLE big (s String) ENGINE = Log")
        service.query("INSERT INTO t SELECT number, toString(number) FROM numbers(1000)")
        disk.leave(1_000_000, server)
        columns = [list(range(100_000)), [os.urandom(20).hex() for _ in range(100_000)]]
        with service.client() as client, pytest.raises(ServerException) as caught:
            client.execute("INSERT INTO t VALUES", columns, columnar=True)
        assert caught.value.code == 243
        assert refused("INSERT INTO t SELECT 1, 'x'") == 243
        assert refused("OPTIMIZE TABLE t FINAL") == 243
        assert service.query("SELECT count(), sum(n) FROM t") == [(1000, 499_500)]
        disk.leave(9_000_000, server)  # enough to begin, and then the disk is full
        assert refused("INSERT INTO big SELECT hex(randomString(50)) FROM numbers(400000)") == 243
        service.query("DROP TABLE big SYNC")
        disk.make_room(server)
        with service.client() as client:
            client.execute("INSERT INTO t VALUES", [(1, "again")])
        server.kill()
        service.start()
        assert service.query("SELECT count() FROM t") == [(1001,)]
        assert {row[1] for row in service.query("CHECK TABLE t")} == {1}
    finally:
        server.stop()


def test_the_ready_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.local.clickhouse", "--data", str(tmp_path / "data"), "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert (ready["ready"], ready["host"]) == (True, "127.0.0.1")
        process.terminate()
        rest, _ = process.communicate(timeout=30)
        assert (rest, process.returncode) == ("", 0)
    finally:
        process.kill()
        process.wait()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    shutil.rmtree(tmp_path / "data")


def test_a_slow_reader_of_a_big_result(new_clickhouse: NewService) -> None:
    """Two gigabytes for a client that reads little and leaves: they are never in memory."""
    service = new_clickhouse()
    assert service.process.child is not None
    process = psutil.Process(service.process.child.pid)
    with service.client() as client:
        rows = client.execute_iter("SELECT number, repeat('x', 100) FROM numbers(20000000)")
        assert [number for number, _ in itertools.islice(rows, 200_000)] == list(range(200_000))
        before = process.memory_info().rss
        until = time.monotonic() + 2
        while time.monotonic() < until:  # the client reads nothing
            assert process.memory_info().rss < before + 300_000_000
            time.sleep(0.1)
    until = time.monotonic() + 20
    while service.query("SELECT count() FROM system.processes") != [(1,)]:
        assert time.monotonic() < until
