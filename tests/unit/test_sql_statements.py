"""SQL files fall apart into the right statements, and only those that may be repeated pass."""

from pathlib import Path

import pytest

from sinks.migrations import Migration, load, missing
from sinks.statements import is_repeatable, split
from streams.errors import UserError


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        (" ; ;\n", []),
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT 1 -- a; b\n; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("/* a; 'b */ SELECT 1", ["SELECT 1"]),
        ("SELECT 1 # a; b\n+ 1", ["SELECT 1  \n+ 1"]),
        ("SELECT ';', 'it''s;', 'a\\';', '--', '/*'", ["SELECT ';', 'it''s;', 'a\\';', '--', '/*'"]),
        ('SELECT 1 AS "a;b", 2 AS `c;--`', ['SELECT 1 AS "a;b", 2 AS `c;--`']),
        ("SELECT $$a;'b$$; SELECT $x$;$$;$x$", ["SELECT $$a;'b$$", "SELECT $x$;$$;$x$"]),
        ("SELECT 4 - 2 / 1 - -1", ["SELECT 4 - 2 / 1 - -1"]),
        ("SELECT '中;文' ;SELECT '\\\\'; SELECT 3", ["SELECT '中;文'", "SELECT '\\\\'", "SELECT 3"]),
    ],
)
def test_split(text: str, statements: list[str]) -> None:
    assert split(text) == statements


@pytest.mark.parametrize(("text", "line"), [("SELECT 1;\nSELECT 'a", 2), ("\n\n/* a", 3), ('SELECT "a', 1)])
def test_what_is_never_closed_is_named_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"line {line}: .* is never closed"):
        split(text)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE IF NOT EXISTS a (x Int32) ENGINE = Memory",
        "create  or\n replace view a as select 1",
        "ALTER TABLE a ADD COLUMN IF NOT EXISTS b Int32",
        "ALTER TABLE a MODIFY TTL x + INTERVAL 1 DAY",
        "DROP VIEW IF EXISTS a",
    ],
)
def test_repeatable(statement: str) -> None:
    assert is_repeatable(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE a (x Int32) ENGINE = Memory",
        "CREATE VIEW a AS SELECT 1",
        "ALTER TABLE a ADD COLUMN b Int32",
        "INSERT INTO a SELECT 1",
        "DROP TABLE a",
        "RENAME TABLE a TO b",
        "TRUNCATE TABLE IF EXISTS a",
    ],
)
def test_not_repeatable(statement: str, tmp_path: Path) -> None:
    assert not is_repeatable(statement)
    (tmp_path / "0001_x.sql").write_text(statement, encoding="utf-8")
    with pytest.raises(UserError, match="may not be run twice"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["0001_a.sql", "0003_b.sql"], "not 1 to 2"),
        (["1_a.sql"], "is named"),
        (["0001_a.sql", "0001_b.sql"], "not 1 to 2"),
    ],
)
def test_names_of_files(names: list[str], complaint: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=complaint):
        load(tmp_path)


def test_what_is_missing() -> None:
    files = [Migration(number, f"{number:04}_x.sql", f"sum{number}", ()) for number in (1, 2)]
    assert missing(files, {}) == files
    assert missing(files, {1: {"sum1"}}) == files[1:]
    assert missing(files, {1: {"sum1"}, 2: {"sum2"}}) == []
    with pytest.raises(UserError, match=r"0001_x\.sql was changed"):
        missing(files, {1: {"other"}})
    with pytest.raises(UserError, match="0003, this program knows only 0002"):
        missing(files, {3: {"sum3"}})


def test_the_files_of_the_product_are_numbered_without_gaps() -> None:
    numbers = [one.number for one in load()]
    assert numbers == list(range(1, len(numbers) + 1))
