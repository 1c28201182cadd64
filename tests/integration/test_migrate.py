"""`touchstone migrate` on the real engine: once, twice, by two at once, dry, and with a file that was changed."""

import shutil
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sinks import migrations
from streams import settings as all_settings
from streams.cli import app
from streams.errors import Unavailable, UserError
from streams.settings import Settings
from tests.clickhouse_service import ClickHouseService

NAMES = [path.name for path in sorted(migrations.FOLDER.glob("*.sql"))]


@pytest.fixture
def settings(clickhouse_server: ClickHouseService) -> Iterator[Settings]:
    """A database that does not exist yet."""
    name = f"migrate_{uuid.uuid4().hex[:8]}"
    yield Settings(
        clickhouse_host=clickhouse_server.host, clickhouse_port=clickhouse_server.port, clickhouse_database=name
    )
    clickhouse_server.query(f"DROP DATABASE IF EXISTS {name} SYNC")


def test_once_and_again(settings: Settings, clickhouse_server: ClickHouseService) -> None:
    said: list[str] = []
    dry = migrations.migrate(settings, dry_run=True)
    assert (dry.applied, dry.already) == (NAMES, [])
    assert clickhouse_server.query(f"SELECT count() FROM system.databases WHERE name = '{dry.database}'") == [(0,)]
    first = migrations.migrate(settings, say=said.append)
    assert (first.applied, first.already) == (NAMES, [])
    assert said == [f"created database {dry.database}", *(f"applied {name}" for name in NAMES)]
    again = migrations.migrate(settings)
    assert (again.applied, again.already) == ([], NAMES)
    assert migrations.migrate(settings, dry_run=True) == again


def test_two_at_once(settings: Settings, clickhouse_server: ClickHouseService) -> None:
    errors: list[Exception] = []
    together = threading.Barrier(3)

    def run() -> None:
        together.wait(10)
        try:
            migrations.migrate(settings)
        except Exception as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    recorded = f"SELECT groupArray(name) FROM (SELECT name FROM {settings.clickhouse_database}.schema_migrations FINAL ORDER BY number)"
    assert clickhouse_server.query(recorded) == [(NAMES,)]
    assert migrations.migrate(settings).applied == []


def test_a_crash_half_way_is_made_good(settings: Settings, clickhouse_server: ClickHouseService) -> None:
    clickhouse_server.query(f"CREATE DATABASE {settings.clickhouse_database}")
    with clickhouse_server.client(settings.clickhouse_database) as client:
        for statement in migrations.load()[0].statements[:2]:
            client.execute(statement)
    assert migrations.migrate(settings).applied == NAMES


def test_a_changed_file_is_refused_and_a_new_one_applied(settings: Settings, tmp_path: Path) -> None:
    for path in migrations.FOLDER.glob("*.sql"):
        shutil.copy(path, tmp_path)
    migrations.migrate(settings, folder=tmp_path)
    new = tmp_path / f"{len(NAMES) + 1:04}_more.sql"
    new.write_text("ALTER TABLE actions ADD COLUMN IF NOT EXISTS more Int32;", encoding="utf-8")
    assert migrations.migrate(settings, folder=tmp_path).applied == [new.name]
    with (tmp_path / NAMES[0]).open("a", encoding="utf-8") as file:
        file.write("-- changed\n")
    with pytest.raises(UserError, match=f"{NAMES[0]} was changed"):
        migrations.migrate(settings, folder=tmp_path)
    with pytest.raises(UserError, match="this program knows only"):
        migrations.migrate(settings)


def test_a_bad_name_and_a_server_that_is_not_there() -> None:
    with pytest.raises(UserError, match="no plain name"):
        migrations.migrate(Settings(clickhouse_database="a; DROP DATABASE b"))
    with pytest.raises(Unavailable, match="ClickHouse does not answer"):
        migrations.migrate(Settings(clickhouse_port=1))


def test_the_command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_settings, "current", lambda: settings)
    dry = CliRunner().invoke(app, ["migrate", "--dry-run"])
    assert (dry.exit_code, dry.stdout.count("would apply")) == (0, len(NAMES))
    done = CliRunner().invoke(app, ["migrate", "--json"])
    assert f'"applied":["{NAMES[0]}"' in done.stdout
    assert f"{len(NAMES)} there already" in CliRunner().invoke(app, ["migrate"]).stdout
