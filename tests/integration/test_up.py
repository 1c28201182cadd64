"""`touchstone up` as a person runs it: one start after another, ports taken, runs that ended badly, a closed terminal."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from deploy.local import ports
from deploy.local.lock import ChildNote, RunNote
from tests.kafka_service import Kafka, ensure_jars

UP = [sys.executable, "-c", "from streams.cli import main; main()", "up"]
SCHEMAS_ONLY = ("--without", "kafka", "--without", "clickhouse")
KAFKA_ONLY = ("--without", "schemas", "--without", "clickhouse")
READY_SECONDS = 60.0


class Up:
    """A running `touchstone up`."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self.folder = folder
        self.out = folder / "out.txt"
        self.err = folder / "err.txt"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*UP, *arguments], stdout=out, stderr=err, env={**os.environ, **environment}, start_new_session=True
            )

    def wait_ready(self) -> None:
        wait_until(lambda: "Ctrl-C stops" in self.err.read_text() or self.process.poll() is not None, READY_SECONDS)
        assert self.process.poll() is None, self.err.read_text()

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not within the deadline"
        time.sleep(0.02)


def gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A folder and ports of the test's own."""
    return {
        "TOUCHSTONE_LOCAL_DIR": str(tmp_path / "stack"),
        "TOUCHSTONE_KAFKA_BROKERS": f"127.0.0.1:{ports.free_port()}",
        "TOUCHSTONE_CLICKHOUSE_PORT": str(ports.free_port()),
        "TOUCHSTONE_LOCAL_REGISTRY_PORT": str(ports.free_port()),
        "TOUCHSTONE_CONSOLE_PORT": str(ports.free_port()),
    }


@pytest.fixture
def up(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., Up]]:
    """`up("--without", "kafka")`: runs it; whatever is left is killed at the end."""
    running: list[Up] = []

    def run(*arguments: str, **more: str) -> Up:
        folder = tmp_path / f"run-{len(running)}"
        folder.mkdir()
        running.append(Up(folder, arguments, {**environment, **more}))
        return running[-1]

    yield run
    for one in running:
        if one.process.poll() is None:
            one.end(signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_prints_the_addresses_and_stops_when_told(
    up: Callable[..., Up], environment: dict[str, str], number: int
) -> None:
    one = up(*SCHEMAS_ONLY, "--json")
    one.wait_ready()
    address = f"http://127.0.0.1:{environment['TOUCHSTONE_LOCAL_REGISTRY_PORT']}"
    assert json.loads(one.out.read_text()) == {"Schemas": address}
    children = one.children()
    assert len(children) == 2  # the endpoint and the watchdog
    assert one.end(number) == 0
    assert all(map(gone, children))
    assert not Path(environment["TOUCHSTONE_LOCAL_DIR"], "run.json").exists()


def test_a_closed_terminal_leaves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(environment)
        os.execv(UP[0], [*UP, *SCHEMAS_ONLY])  # noqa: S606
    seen = b""
    while b"Ctrl-C" not in seen:
        assert select.select([terminal], [], [], READY_SECONDS)[0], seen
        seen += os.read(terminal, 4096)
    children = psutil.Process(pid).children(recursive=True)
    os.close(terminal)
    wait_until(lambda: all(map(gone, children)))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_second_run_says_where_the_first_is(up: Callable[..., Up], environment: dict[str, str]) -> None:
    first = up(*SCHEMAS_ONLY)
    first.wait_ready()
    second = up(*SCHEMAS_ONLY)
    assert second.process.wait(20) == 2
    said = second.err.read_text()
    assert f"is running already (pid {first.process.pid})" in said
    assert environment["TOUCHSTONE_LOCAL_REGISTRY_PORT"] in said
    assert first.process.poll() is None


def test_a_port_that_is_taken(up: Callable[..., Up], environment: dict[str, str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(environment["TOUCHSTONE_LOCAL_REGISTRY_PORT"])))
        other.listen()
        one = up(*SCHEMAS_ONLY)
        assert one.process.wait(20) == 2
    said = one.err.read_text()
    assert f"port {environment['TOUCHSTONE_LOCAL_REGISTRY_PORT']}, wanted for Schemas, is taken" in said
    assert "TOUCHSTONE_LOCAL_REGISTRY_PORT=PORT" in said
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in said


def test_children_of_a_run_that_ended_badly_are_stopped(up: Callable[..., Up], environment: dict[str, str]) -> None:
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        started = psutil.Process(orphan.pid).create_time()
        notes = [ChildNote("kafka", orphan.pid, started), ChildNote("schemas", stranger.pid, started - 1000)]
        folder = Path(environment["TOUCHSTONE_LOCAL_DIR"])
        folder.mkdir()
        (folder / "run.json").write_bytes(msgspec.json.encode(RunNote(1, 0.0, {}, notes)))
        one = up(*SCHEMAS_ONLY)
        one.wait_ready()
        assert f"left kafka behind (pid {orphan.pid}): stopping it" in one.err.read_text()
        assert orphan.wait(5) == -signal.SIGTERM
        assert stranger.poll() is None  # the same pid, but another process
    finally:
        for process in (orphan, stranger):
            process.kill()
            process.wait()


def test_a_note_that_is_rubbish_stops_nobody(up: Callable[..., Up], environment: dict[str, str]) -> None:
    folder = Path(environment["TOUCHSTONE_LOCAL_DIR"])
    folder.mkdir()
    (folder / "run.json").write_bytes(b"\0\1{")
    one = up(*SCHEMAS_ONLY)
    one.wait_ready()
    assert one.end() == 0


def test_a_part_that_dies_ends_all(up: Callable[..., Up], environment: dict[str, str]) -> None:
    one = up(*SCHEMAS_ONLY)
    one.wait_ready()
    children = one.children()
    note = json.loads(Path(environment["TOUCHSTONE_LOCAL_DIR"], "run.json").read_bytes())
    os.kill(note["children"][0]["pid"], signal.SIGKILL)
    assert one.process.wait(20) == 3
    assert "schemas ended (killed by SIGKILL)" in one.err.read_text()
    assert all(map(gone, children))


def test_a_folder_that_cannot_be_used(up: Callable[..., Up], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    one = up(*SCHEMAS_ONLY, TOUCHSTONE_LOCAL_DIR=str(tmp_path / "file"))
    assert one.process.wait(20) == 2
    assert "set TOUCHSTONE_LOCAL_DIR" in one.err.read_text()


def test_a_part_that_does_not_exist(up: Callable[..., Up]) -> None:
    one = up("--without", "zookeeper")
    assert one.process.wait(20) == 2
    assert "--without zookeeper" in one.err.read_text()


def test_kafka_elsewhere_is_not_started_here(up: Callable[..., Up]) -> None:
    one = up("--without", "clickhouse", "--json", TOUCHSTONE_KAFKA_BROKERS="kafka.example:9092")
    one.wait_ready()
    assert list(json.loads(one.out.read_text())) == ["Schemas"]


def test_kill_9_loses_nothing_and_leaves_nothing(up: Callable[..., Up], environment: dict[str, str]) -> None:
    ensure_jars()
    kafka = _client(environment)
    one = up(*KAFKA_ONLY)
    one.wait_ready()
    topic = kafka.topic()
    kafka.produce(topic, [(b"k", b"v")] * 10)
    children = one.children()
    assert one.end(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: all(map(gone, children)))

    again = up(*KAFKA_ONLY)
    again.wait_ready()
    assert len(kafka.read(topic)) == 10
    assert again.end() == 0

    fresh = up(*KAFKA_ONLY, "--fresh")
    fresh.wait_ready()
    with kafka.admin() as admin:
        assert admin.topics() == {}
    assert fresh.end() == 0


def test_the_whole_stack_answers(up: Callable[..., Up], environment: dict[str, str]) -> None:
    ensure_jars()
    one = up("--json")
    one.wait_ready()
    addresses = json.loads(one.out.read_text())
    assert set(addresses) == {"Kafka", "ClickHouse", "Schemas", "Console"}
    with urllib.request.urlopen(f"{addresses['Console']}/livez", timeout=10) as answer:  # noqa: S310 - loopback
        assert answer.status == 200
    kafka = _client(environment)
    topic = kafka.topic()
    kafka.produce(topic, [(b"k", b"v")])
    assert [record.value for record in kafka.read(topic)] == [b"v"]
    host, port = addresses["ClickHouse"].split(":")
    with Client(host, port=port, database="touchstone") as client:
        client.execute("CREATE TABLE t (x UInt8) ENGINE = MergeTree ORDER BY x")
        client.execute("INSERT INTO t VALUES", [[7]])
    with Client(host, port=port, database="touchstone", user="reader") as reader:
        assert reader.execute("SELECT x FROM t") == [(7,)]
        with pytest.raises(ServerException, match="readonly"):
            reader.execute("INSERT INTO t VALUES", [[8]])
    with urllib.request.urlopen(addresses["Schemas"] + "/subjects") as answer:  # noqa: S310 - our own address
        assert "cx-touchpoints-value" in json.load(answer)
    assert one.end(signal.SIGINT) == 0


def _client(environment: dict[str, str]) -> Kafka:
    from deploy.local.kafka import Broker

    port = int(environment["TOUCHSTONE_KAFKA_BROKERS"].rpartition(":")[2])
    return Kafka(Broker(Path("unused"), port))
