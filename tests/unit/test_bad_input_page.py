"""docs/bad-input.md: every test that it names exists, every row is proved or says that it is not, every reason is explained."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.refusals import DeadLetterReason

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "bad-input.md").read_text(encoding="utf-8")
OPEN = "*not proved yet*"
REFERENCE = re.compile(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`")


class Row(NamedTuple):
    """One row of a table."""

    cells: list[str]

    @property
    def tests(self) -> list[tuple[str, str]]:
        return REFERENCE.findall(self.cells[-1])


def rows(heading: str) -> list[Row]:
    """Of the table with this last column."""
    found, inside = [], False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[-1] == heading:
            inside = True
        elif inside and not set(line) <= set("|- "):
            found.append(Row(cells))
    return found


PROOFS = rows("proved by")


def defined(path: str) -> set[str]:
    """Names of the test functions in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_table_is_read() -> None:
    assert len(PROOFS) > 40
    assert all(len(row.cells) == 3 for row in PROOFS)


@pytest.mark.parametrize("row", PROOFS, ids=lambda row: row.cells[0][:50])
def test_a_row_is_proved_by_tests_that_exist_or_says_that_it_is_not(row: Row) -> None:
    if row.cells[-1] == OPEN:
        return
    assert row.tests
    assert REFERENCE.sub("", row.cells[-1]).strip() == ""
    for path, name in row.tests:
        assert (ROOT / path).is_file(), f"{path} does not exist"
        assert name in defined(path), f"{path} has no {name}"


def test_every_reason_is_explained() -> None:
    assert sorted(row.cells[0].strip("`") for row in rows("what to do")) == sorted(DeadLetterReason)
