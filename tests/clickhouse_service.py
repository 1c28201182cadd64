"""Fixtures: the real ClickHouse engine behind its native protocol. `clickhouse` is a client in a database of the test's own.

`clickhouse_server` is one server for the whole run; `new_clickhouse` makes one of the test's own, to stop and kill.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from deploy.local.clickhouse.process import ClickHouse
from sinks.migrations import migrate
from sinks.writer import Writer
from streams.settings import Settings

READER = "reader"  # may only query; no password


class ClickHouseService:
    """A running server, with what tests need of it."""

    def __init__(self, process: ClickHouse) -> None:
        self.process = process
        self.start()

    def start(self) -> None:
        """Also after `process.stop()` or `process.kill()`: same data, same port."""
        self.process.start()
        self.process.wait()
        self.host, self.port = self.process.host, self.process.port

    def client(self, database: str = "", user: str = "default", password: str = "", **options: object) -> Client:
        """A new client; close it (`with`)."""
        return Client(self.host, port=self.port, database=database, user=user, password=password, **options)

    def query(self, sql: str, database: str = "") -> list[tuple[object, ...]]:
        """On a connection of its own."""
        with self.client(database) as client:
            rows: list[tuple[object, ...]] = client.execute(sql)
            return rows


def code_of(client: Client, sql: str, *arguments: object, **options: object) -> int:
    """The code of ClickHouse's error for a statement that must fail."""
    with pytest.raises(ServerException) as caught:
        client.execute(sql, *arguments, **options)
    assert str(caught.value)
    return int(caught.value.code)


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseService]:
    """One server for the whole run. The user `reader` may only query."""
    limits = ("--readonly-setting", "max_execution_time=30", "--readonly-setting", "max_result_rows=100000")
    options = ("--readonly-user", READER, *limits)
    service = ClickHouseService(ClickHouse(tmp_path_factory.mktemp("clickhouse"), options=options))
    yield service
    service.process.stop()


@pytest.fixture
def clickhouse_database(clickhouse_server: ClickHouseService, request: pytest.FixtureRequest) -> Iterator[str]:
    """A new, empty database, named after the test; dropped after it."""
    name = f"{re.sub(r'[^a-z0-9_]', '_', request.node.name.lower())[:40]}_{uuid.uuid4().hex[:8]}"
    clickhouse_server.query(f"CREATE DATABASE {name}")
    yield name
    clickhouse_server.query(f"DROP DATABASE {name} SYNC")


@pytest.fixture
def clickhouse(clickhouse_server: ClickHouseService, clickhouse_database: str) -> Iterator[Client]:
    """A clickhouse-driver client in the test's own database."""
    with clickhouse_server.client(clickhouse_database) as client:
        yield client


@pytest.fixture
def clickhouse_settings(clickhouse_server: ClickHouseService, clickhouse_database: str) -> Settings:
    """Settings that name the test's own database, with our tables in it."""
    chosen = Settings(
        clickhouse_host=clickhouse_server.host,
        clickhouse_port=clickhouse_server.port,
        clickhouse_database=clickhouse_database,
    )
    migrate(chosen)
    return chosen


@pytest.fixture
def clickhouse_writer(clickhouse_settings: Settings) -> Iterator[Writer]:
    """What the sink writes with, into it."""
    writer = Writer(clickhouse_settings)
    yield writer
    writer.close()


@pytest.fixture
def new_clickhouse(tmp_path: Path) -> Iterator[Callable[..., ClickHouseService]]:
    """`new_clickhouse("--readonly-user", "x")`: a server of the test's own. `.process` has stop, kill; `.start()` again."""
    services: list[ClickHouseService] = []

    def make(*options: str) -> ClickHouseService:
        services.append(ClickHouseService(ClickHouse(tmp_path / f"clickhouse-{len(services)}", options=options)))
        return services[-1]

    yield make
    for service in services:
        service.process.stop()
