"""docs/clickhouse.md: every statement runs, every query finds something, every table, view and test that it names exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_driver import Client

from sinks import clickhouse as sink
from sinks import letters, migrations, source, writer
from sinks.statements import split
from sinks.tables import BY_NAME, TABLES
from streams.settings import Settings
from tests import sink_records as make
from tests.clickhouse_service import READER, ClickHouseService

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "clickhouse.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return [statement for text in re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S) for statement in split(text)]


@pytest.fixture(scope="module")
def database(clickhouse_server: ClickHouseService) -> Iterator[str]:
    """Tables with some of everything."""
    name = "docs_clickhouse"
    clickhouse_server.query(f"CREATE DATABASE {name}")
    settings = Settings(
        clickhouse_host=clickhouse_server.host, clickhouse_port=clickhouse_server.port, clickhouse_database=name
    )
    migrations.migrate(settings)
    writing = writer.Writer(settings)
    headers = [("touchstone.reason", b"malformed")]
    rows = {
        "touchpoints": [make.row("touchpoints", make.touchpoint(n, outcome="failure"), n) for n in range(5)],
        "feedback": [make.row("feedback", make.feedback(n), n) for n in range(5)],
        "customers": [make.row("customers", make.customer(n, occurred_at=make.AT - 9), n) for n in range(5)],
        "action_updates": [make.row("action_updates", make.receipt(1), 0)],
        "experiences": [make.row("experiences", make.experience(n), n) for n in range(5)],
        "actions": [make.row("actions", make.action(n), n) for n in range(5)],
        "episodes": [make.row("episodes", make.episode(n), n) for n in range(5)],
        "holdouts": [make.row("holdouts", make.holdout(n), n) for n in range(5)],
        "suppressions": [make.row("suppressions", make.suppression(n), n) for n in range(5)],
        "dead_letters": [make.row("dead_letters", b"\x00", 0, headers=headers)],
    }
    for table, some in rows.items():
        writing.insert(BY_NAME[table], some)
    writing.close()
    yield name
    clickhouse_server.query(f"DROP DATABASE {name} SYNC")


@pytest.mark.parametrize("query", [text for text in blocks("sql") if text.startswith(("SELECT", "WITH"))])
def test_queries_find_something_also_as_the_read_only_user(
    clickhouse_server: ClickHouseService, database: str, query: str
) -> None:
    with clickhouse_server.client(database, user=READER) as client:
        assert client.execute(query)


def test_all_of_one_customer(clickhouse_server: ClickHouseService, database: str) -> None:
    (query,) = (text for text in blocks("sql") if "UNION ALL" in text)
    found = clickhouse_server.query(query, database)
    assert sorted(str(row[1]) for row in found) == ["action", "event", "receipt", "said"]


def test_statements_run_and_a_customer_is_gone(clickhouse_server: ClickHouseService, database: str) -> None:
    with clickhouse_server.client(database, settings={"mutations_sync": 2}) as client:
        statements = [text for text in blocks("sql") if not text.startswith(("SELECT", "WITH"))]
        assert sum("DELETE" in statement for statement in statements) == len(TABLES)
        everywhere = {table.name for table in TABLES} - {"dead_letters"}
        assert holders(client) == everywhere
        for statement in statements:
            client.execute(statement)
        assert holders(client) == set()
        assert client.execute("SELECT count() FROM touchpoints_final") == [(4,)]


def holders(client: Client) -> set[str]:
    """Tables that know customer c-1."""
    subjects = [table.name for table in TABLES if table.name != "dead_letters"]
    return {name for name in subjects if client.execute(f"SELECT count() FROM {name} WHERE subject_id = 'c-1'")[0][0]}


@pytest.mark.parametrize("statement", blocks("sql admin"))
def test_what_only_a_server_of_your_own_can_do_is_sql(clickhouse_server: ClickHouseService, statement: str) -> None:
    with clickhouse_server.client() as client:
        assert client.execute("SELECT formatQuery(%(text)s)", {"text": statement})


def test_names_on_the_page_exist(clickhouse: Client, clickhouse_server: ClickHouseService, database: str) -> None:
    there = {
        name for (name,) in clickhouse_server.query(f"SELECT name FROM system.tables WHERE database = '{database}'")
    }
    named = set(re.findall(r"`(\w+(?:_by_minute|_current|_final|_status))`", PAGE))
    assert named <= there
    views = {name for name in there if name.endswith(("_by_minute", "_status"))}
    assert views <= named
    assert {table.name for table in TABLES} <= set(re.findall(r"^\| `(\w+)` \|", PAGE, re.M))
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*/test_*.py"))
    for name in re.findall(r"\| `(test_\w+)` \|", PAGE):
        assert f"def {name}(" in tests, name


def test_figures_on_the_page_are_those_of_the_program() -> None:
    assert f"pauses of 1 to {sink.RETRY_SECONDS_MAX:.0f} s" in PAGE
    assert f"after {source.SESSION_MS / 1000:.0f} s, from the last" in PAGE
    assert f"at most {sink.DRAIN_SECONDS:.0f} s" in PAGE
    assert f"more than {writer.REJECTED_ROWS_MAX} such rows" in PAGE
    assert f"more than {letters.REFUSED_MAX} in a flush" in PAGE
    assert f"503 after {sink.STALL_SECONDS:.0f} s" in PAGE
