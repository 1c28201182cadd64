"""What the local ClickHouse server reads out of a statement: no engine, no network."""

import pytest

from deploy.local.clickhouse.errors import ClickHouseError, from_engine
from deploy.local.clickhouse.insert import chosen_columns
from deploy.local.clickhouse.statements import understand


@pytest.mark.parametrize(
    ("sql", "table", "columns", "settings"),
    [
        ("INSERT INTO t VALUES", "t", "", ""),
        ("insert into t values;", "t", "", ""),
        ("INSERT INTO t", "t", "", ""),
        ("INSERT INTO TABLE db.t (a, `b c`) VALUES", "db.t", "a, `b c`", ""),
        ("INSERT INTO `d b`.`t (x)` (a) FORMAT Native", "`d b`.`t (x)`", "a", ""),
        ("INSERT INTO t(a)VALUES", "t", "a", ""),
        ("INSERT INTO t (* EXCEPT(a)) VALUES", "t", "* EXCEPT(a)", ""),
        (
            "INSERT INTO t (a) SETTINGS async_insert = 0, x = 'VALUES' VALUES",
            "t",
            "a",
            "SETTINGS async_insert = 0, x = 'VALUES'",
        ),
        ("/* SELECT */ INSERT INTO t -- VALUES (1)\n (a) VALUES", "t", "a", ""),
        ("INSERT INTO FUNCTION null('a Int8') (a) VALUES", "FUNCTION null('a Int8')", "a", ""),
        ("INSERT INTO FUNCTION remote('h', d.t) VALUES", "FUNCTION remote('h', d.t)", "", ""),
        ("INSERT INTO `values` (`format`) VALUES", "`values`", "`format`", ""),
    ],
)
def test_inserts_whose_rows_follow(sql: str, table: str, columns: str, settings: str) -> None:
    insert = understand(sql).insert
    assert insert is not None
    assert (insert.table, insert.columns, insert.settings) == (table, columns, settings)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t (a) VALUES (1), (2);",
        "INSERT INTO t SELECT 1",
        "INSERT INTO t (a) SELECT 1",
        "INSERT INTO t (SELECT 1)",
        "INSERT INTO t WITH 1 AS x SELECT x",
        'INSERT INTO t FORMAT JSONEachRow {"a": 1}',
        "INSERT INTO",
        "SELECT 'INSERT INTO t VALUES'",
        "",
        ";",
    ],
)
def test_statements_without_rows_to_follow(sql: str) -> None:
    assert understand(sql).insert is None


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT 1 FORMAT JSON", "SELECT 1 "),
        ("SELECT 1 format TSV ;", "SELECT 1 "),
        ("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "SELECT 1  SETTINGS max_threads = 1"),
        ("SELECT 1 SETTINGS max_threads = 1 FORMAT JSON", "SELECT 1 SETTINGS max_threads = 1 "),
        ("SELECT 1;", "SELECT 1"),
        ("SELECT ';' -- FORMAT x", "SELECT ';'"),
        ("SELECT 'a FORMAT JSON'", "SELECT 'a FORMAT JSON'"),
        ("SELECT (SELECT 1 FORMAT JSON)", "SELECT (SELECT 1 FORMAT JSON)"),
        ("SELECT a.format FROM a", "SELECT a.format FROM a"),
        ("SELECT $$ FORMAT JSON $$", "SELECT $$ FORMAT JSON $$"),
        ("INSERT INTO t VALUES ('a;')", "INSERT INTO t VALUES ('a;')"),
    ],
)
def test_the_format_is_dropped(sql: str, text: str) -> None:
    assert understand(sql).text == text


@pytest.mark.parametrize(
    ("sql", "first_word", "needs_totals"),
    [
        ("SELECT k, count() FROM t GROUP BY k WITH TOTALS", "SELECT", True),
        ("SELECT 1 SETTINGS extremes = 1", "SELECT", True),
        ("SELECT * FROM (SELECT k FROM t GROUP BY k WITH TOTALS)", "SELECT", False),
        ("(SELECT 1) UNION ALL (SELECT 2)", "SELECT", False),
        ("with 1 as x select x", "WITH", False),
        ("-- a comment\nCREATE TABLE t (a Int8) ENGINE = Memory", "CREATE", False),
    ],
)
def test_kinds(sql: str, first_word: str, needs_totals: bool) -> None:
    statement = understand(sql)
    assert (statement.first_word, statement.needs_totals) == (first_word, needs_totals)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM file('x')", 497),
        ("SELECT * FROM `file`('x')", 497),
        ("SELECT FILE ('x')", 497),
        ("SELECT `fi\\x6ce`('x')", 497),
        ("SELECT \"file\" /* */ ('x')", 497),
        ("CREATE TABLE t (a String) ENGINE = File(TSV, '/x')", 497),
        ("INSERT INTO FUNCTION file('x') SELECT 1", 497),
        ("SELECT * FROM Python(x)", 497),
        ("SELECT * FROM executable('x', TSV, 'a String')", 497),
        ("CREATE DATABASE d ENGINE = Filesystem('/')", 497),
        ("SELECT 1 INTO OUTFILE 'x'", 48),
        ("INSERT INTO t FROM INFILE 'x' FORMAT TSV", 78),
    ],
)
def test_refused(sql: str, code: int) -> None:
    with pytest.raises(ClickHouseError) as caught:
        understand(sql)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "sql",
    ["CREATE TABLE file (a Int8) ENGINE = Memory", "INSERT INTO file (a) VALUES", "SELECT 'file(1)', file FROM t"],
)
def test_a_table_may_be_called_file(sql: str) -> None:
    understand(sql)


def test_columns_of_an_insert() -> None:
    columns = [("a", "Int8", ""), ("b, c", "String", "DEFAULT"), ("m", "Int8", "MATERIALIZED"), ("x`y", "Date", "")]
    assert chosen_columns(columns, "") == [("a", "Int8"), ("b, c", "String"), ("x`y", "Date")]
    assert chosen_columns(columns, "*") == chosen_columns(columns, "")
    assert chosen_columns(columns, "`x``y`, a") == [("x`y", "Date"), ("a", "Int8")]
    assert chosen_columns(columns, "`x\\`y`") == [("x`y", "Date")]
    assert chosen_columns(columns, "* EXCEPT (a, `b, c`)") == [("x`y", "Date")]
    with pytest.raises(ClickHouseError) as caught:
        chosen_columns(columns, "a, nothing")
    assert caught.value.code == 16


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            "Code: 60. DB::Exception: Table d.t does not exist. (UNKNOWN_TABLE)",
            60,
            "DB::Exception: Table d.t does not exist.",
        ),
        (
            "Code: 62. DB::Exception: Syntax error (x). (SYNTAX_ERROR) (version 26.9.2.1)",
            62,
            "DB::Exception: Syntax error (x).",
        ),
        (
            "Code: 27. DB::Exception: Code: 27. DB::Exception: Cannot parse. (CANNOT_PARSE) (version 26.9.2.1). (CANNOT_PARSE)",
            27,
            "DB::Exception: Cannot parse.",
        ),
        ("something else", 1002, "DB::Exception: something else"),
    ],
)
def test_errors_of_the_engine(text: str, code: int, message: str) -> None:
    problem = from_engine(text)
    assert (problem.code, problem.message) == (code, message)
