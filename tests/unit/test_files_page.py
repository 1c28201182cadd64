"""The examples of docs/files.md are read as the page says."""

import re
from pathlib import Path

import pytest

from schemas.codec import NAMES
from streams.connect.files import read_records

PAGE = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "records"),
    [("jsonl", ["touchpoint", "feedback", "customer"]), ("csv", ["feedback", "feedback"])],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_an_example_is_read(tmp_path: Path, kind: str, records: list[str], encoding: str) -> None:
    block = re.search(rf"```{kind}\n(.*?)```", PAGE, re.S)
    assert block is not None
    (tmp_path / f"example.{kind}").write_bytes(block[1].encode(encoding))
    rows = list(read_records(tmp_path / f"example.{kind}"))
    assert [row.error for row in rows] == [None] * len(records)
    assert [NAMES[type(row.record)] for row in rows if row.record is not None] == records
    assert any(re.search("[一-鿿]", str(row.record)) for row in rows)
