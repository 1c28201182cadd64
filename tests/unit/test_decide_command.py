"""`touchstone decide` on a file: what follows, and every row that was not taken is told and counted."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli import app

SUBJECT = '"subject_type": "customer", "occurred_at": "2026-03-01T09:30:00+08:00"'
GOOD = f'{{"event_id": "a", "subject_id": "张三", "kind": "nps", "score": 1, {SUBJECT}}}'
OFF_SCALE = f'{{"event_id": "b", "subject_id": "ben", "kind": "nps", "score": 11, {SUBJECT}}}'
TOO_LONG = f'{{"event_id": "c", "subject_id": "cai", "kind": "complaint", "text": "{"差" * 30_000}", {SUBJECT}}}'


def test_rows_that_cannot_be_read_and_events_that_are_refused_are_counted_together(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join((GOOD, "not json", OFF_SCALE, TOO_LONG)) + "\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["decide", str(file), "--pack", "retail"])
    said = done.output + "".join(capfd.readouterr())
    assert done.exit_code == 1
    assert "1 events in, 3 rows refused, actions in force: 2 for care" in said
    assert "张三" in said
    assert f"{file}:2: not a whole JSON object" in said
    assert f"{file}:3: out_of_range: score 11.0 is outside its scale 0.0 to 10.0" in said
    assert f"{file}:4: too_large: text of 90000 bytes, at most 65536" in said
