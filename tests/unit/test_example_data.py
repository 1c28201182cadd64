"""The example data that the pages and `--help` name: whole, valid, in order, told in both languages."""

from pathlib import Path

import pytest

from schemas.controls import Control
from schemas.events import Customer, Feedback
from schemas.validate import check, check_control
from streams.connect.files import read_records

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.jsonl"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_line_is_a_valid_record_in_order_of_time(path: Path) -> None:
    last, ids = 0, set()
    mapping = path.with_suffix(".mapping.yaml")
    mapped = mapping.exists()
    for row in read_records(path, mapping=mapping if mapped else None):
        assert row.error is None, f"{path}:{row.line}: {row.error}"
        record = row.record
        if isinstance(record, Control):
            check_control(record, record.control_id.encode())
            continue
        check(record, record.subject_id.encode())  # type: ignore[arg-type, union-attr]
        assert mapped or record.occurred_at >= last, row.line  # type: ignore[union-attr]
        last = record.occurred_at  # type: ignore[union-attr]
        assert record.event_id not in ids  # type: ignore[union-attr]
        ids.add(record.event_id)  # type: ignore[union-attr]


def test_the_retail_morning_has_five_customers_and_two_languages() -> None:
    [path] = [path for path in EXAMPLES if path.stem == "retail-morning"]
    records = [row.record for row in read_records(path, record=None, encoding=None, time_zone=None)]
    assert {one.language for one in records if isinstance(one, Customer)} == {"en", "zh-CN"}
    assert sum(isinstance(one, Customer) for one in records) == 5
    assert {one.language for one in records if isinstance(one, Feedback) and one.text} == {"en", "zh-CN"}
