"""The numbered files of sinks/sql, applied in order and recorded with their checksum.

Nothing locks: every statement is repeatable, so a crash half-way, a second run, or two runs at once end alike.
A run applies all files that were not recorded when it began, so the newest definition is always the last one written.
"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from sinks.database import INSERT_SETTINGS, Database, ask, connect, database_name
from sinks.statements import is_repeatable, split
from streams.errors import ExitCode, UserError
from streams.settings import Settings

FOLDER: Final = Path(__file__).parent / "sql"
_FILE: Final = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")

_RECORDS = """CREATE TABLE IF NOT EXISTS schema_migrations (
    number UInt32 COMMENT 'Number of the file.',
    name String COMMENT 'Its name.',
    checksum String COMMENT 'SHA-256 of its bytes.',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When it was applied last.'
) ENGINE = ReplacingMergeTree ORDER BY (number, checksum) COMMENT 'Files of sinks/sql that were applied.'"""

_RECORD = "INSERT INTO schema_migrations (number, name, checksum) VALUES"
_DDL_SETTINGS: Final = {"flatten_nested": 1, "data_type_default_nullable": 0}


class Migration(msgspec.Struct, frozen=True):
    """One file."""

    number: int
    name: str
    checksum: str
    statements: tuple[str, ...]


class Done(msgspec.Struct, frozen=True):
    """What a run did: names of the files that were applied (or would be), and of those that were there already."""

    database: str
    applied: list[str]
    already: list[str]


def load(folder: Path = FOLDER) -> list[Migration]:
    """The files in order. Raises UserError for a gap, a stranger, or a statement that may not be run twice."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise UserError(f"{path}: a migration is named 0001_what_it_is.sql", "rename it")
        content = path.read_bytes()
        try:
            statements = tuple(split(content.decode("utf-8")))
        except ValueError as error:
            raise UserError(f"{path}: {error}", "put the file right") from None
        for statement in statements:
            if not is_repeatable(statement):
                raise UserError(
                    f"{path}: {' '.join(statement.split())[:60]!r} may not be run twice",
                    "write CREATE … IF NOT EXISTS, CREATE OR REPLACE VIEW, DROP … IF EXISTS, ALTER … ADD COLUMN IF NOT EXISTS",
                )
        found.append(Migration(int(match["number"]), path.name, hashlib.sha256(content).hexdigest(), statements))
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise UserError(f"{folder}: the numbers {numbers} are not 1 to {len(found)}", "number the files without gaps")
    return found


def migrate(
    settings: Settings,
    *,
    dry_run: bool = False,
    folder: Path = FOLDER,
    say: Callable[[str], None] = lambda _: None,
) -> Done:
    """Creates the database and applies what is missing. Raises UserError for a changed file, Unavailable."""
    migrations = load(folder)
    name = database_name(settings)
    server = connect(settings, database="")
    try:
        exists = bool(ask(server, "SELECT 1 FROM system.databases WHERE name = %(name)s", {"name": name}))
        if not exists and not dry_run:
            ask(server, f"CREATE DATABASE IF NOT EXISTS {name}")
            say(f"created database {name}")
    finally:
        server.disconnect()
    if not exists and dry_run:
        return Done(name, [migration.name for migration in migrations], [])
    database = connect(settings)
    try:
        return _apply(database, name, migrations, dry_run, say)
    finally:
        database.disconnect()


def _apply(
    database: Database, name: str, migrations: list[Migration], dry_run: bool, say: Callable[[str], None]
) -> Done:
    pending = missing(migrations, recorded(database))
    already = [migration.name for migration in migrations if migration not in pending]
    if not dry_run:
        ask(database, _RECORDS)
        for migration in pending:
            for statement in migration.statements:
                ask(database, statement, settings=_DDL_SETTINGS)
            row = (migration.number, migration.name, migration.checksum)
            ask(database, _RECORD, [row], settings=INSERT_SETTINGS)
            say(f"applied {migration.name}")
    return Done(name, [migration.name for migration in pending], already)


def recorded(database: Database) -> dict[int, set[str]]:
    """Number → checksums with which it was applied; empty for a new database. Raises Unavailable."""
    there = ask(
        database, "SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'schema_migrations'"
    )
    if not there:
        return {}
    found: dict[int, set[str]] = {}
    for number, checksum in ask(database, "SELECT number, checksum FROM schema_migrations"):
        found.setdefault(int(str(number)), set()).add(str(checksum))
    return found


def missing(migrations: list[Migration], applied: dict[int, set[str]]) -> list[Migration]:
    """The files to apply. Raises UserError when an applied file was changed, or the database is ahead of this program."""
    for migration in migrations:
        if applied.get(migration.number, {migration.checksum}) != {migration.checksum}:
            raise UserError(
                f"sinks/sql/{migration.name} was changed after it had been applied to this database",
                "restore the file as it was, and put the change into a new file with the next number",
                exit_code=ExitCode.NO,
            )
    ahead = sorted(set(applied) - {migration.number for migration in migrations})
    if ahead:
        raise UserError(
            f"the database has migration {ahead[-1]:04}, this program knows only {len(migrations):04}",
            "install the newer version of touchstone",
            exit_code=ExitCode.NO,
        )
    return [migration for migration in migrations if migration.number not in applied]
