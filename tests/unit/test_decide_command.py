"""`touchstone decide` on a file: what follows, and every row that was not taken is told and counted."""

import os
import subprocess
import sys
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


def test_what_speaks_for_an_action_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(GOOD + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "streams", "decide", str(file)]
    wide = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, env=wide, capture_output=True, check=True)
    assert "a low score" in done.stdout.decode("utf-8")


@pytest.mark.parametrize("options", [["--json"], []])
def test_in_a_pipe_results_are_utf8_whatever_the_locale(tmp_path: Path, options: list[str]) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(GOOD + "\n", encoding="utf-8")
    latin = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "streams", "decide", str(file), *options]
    done = subprocess.run(command, env=latin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "张三" in done.stdout.decode("utf-8")


def test_dates_of_a_table_without_a_zone_get_the_one_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    file.write_text("event_id,subject_type,subject_id,occurred_at,kind,score\nq,customer,c,2026-03-01T09:30:00,nps,1\n")
    done = CliRunner().invoke(app, ["decide", str(file), "--time-zone", "Asia/Shanghai", "--json"])
    assert done.exit_code == 0, done.output
    assert '"occurred_at":"2026-03-01T01:30:00Z"' in done.output
