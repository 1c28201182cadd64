"""The local ClickHouse server as a subprocess for tests: a free port, a data directory of its own, gone with the tests.

`clickhouse_server` is shared by the whole run; `clickhouse_database` is a new database on it for each test.
"""

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest
from clickhouse_driver import Client


class ClickHouseServer:
    """A running server. `stop` ends it cleanly, `kill` as a power cut would; `start` starts it again on the same data."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data, self.options = data, options
        self.host, self.port, self.pid = "127.0.0.1", 0, 0
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "deploy.local.clickhouse", "--data", str(self.data), "--port", str(self.port)]
        # stdin is a pipe from this process: however it ends, the server ends with it
        self.process = subprocess.Popen(
            [*command, "--stop-with-stdin", *self.options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the local ClickHouse server did not start: exit code {self.process.wait()}"
        ready = json.loads(line)
        self.port, self.pid = ready["port"], ready["pid"]

    def client(self, database: str = "", user: str = "default", password: str = "", **options: object) -> Client:
        """A new client-driver client; close it with `disconnect()` or `with`."""
        return Client(self.host, port=self.port, database=database, user=user, password=password, **options)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        return self._end(signal.SIGKILL)

    def _end(self, number: int) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        os.kill(process.pid, number)
        try:
            return process.wait(timeout=30)
        finally:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()

    def __enter__(self) -> "ClickHouseServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """One server for all tests. User `reader` (no password) may only query."""
    with ClickHouseServer(tmp_path_factory.mktemp("clickhouse"), "--readonly-user", "reader") as server:
        yield server


@pytest.fixture
def clickhouse_database(clickhouse_server: ClickHouseServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A new, empty database, named after the test; dropped after it."""
    name = f"{re.sub(r'[^a-z0-9_]', '_', request.node.name.lower())[:40]}_{uuid.uuid4().hex[:8]}"
    with clickhouse_server.client() as client:
        client.execute(f"CREATE DATABASE {name}")
        yield name
    with clickhouse_server.client() as client:
        client.execute(f"DROP DATABASE {name} SYNC")


@pytest.fixture
def clickhouse(clickhouse_server: ClickHouseServer, clickhouse_database: str) -> Iterator[Client]:
    """A clickhouse-driver client in the test's own database."""
    with clickhouse_server.client(clickhouse_database) as client:
        yield client
