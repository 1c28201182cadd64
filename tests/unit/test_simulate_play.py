"""`touchstone simulate` without Kafka: pace, times, files, standard output, options that are wrong."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

import pytest

from schemas.json_form import from_json, instant
from streams.connect.files import read_records
from streams.errors import UserError
from streams.settings import Settings
from streams.simulate import Happening, Plan, Simulation
from streams.simulate.outputs import LinesOutput
from streams.simulate.play import Pace, play
from streams.simulate.times import check_not_ahead, start_of
from tests.touchstone_command import start_touchstone, touchstone

NOW = instant("2026-03-01T12:00:00Z")
HOUR = 3_600_000_000
FIXED = ("--speed", "max", "--start", "2026-03-01T09:00:00Z")


class Clock:
    """Moves only by sleeping."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def test_pace_sixty_is_a_minute_a_second() -> None:
    clock, waited = Clock(), []
    pace = Pace(NOW, 60.0, clock, clock.sleep)
    for seconds in (0, 60, 61, 660):
        pace.wait(NOW + seconds * 1_000_000, lambda: waited.append(clock.now))
        assert clock.now == pytest.approx(50 + seconds / 60)
    assert len(waited) > 10  # in short naps, so that Ctrl-C and the truth do not wait


def test_pace_makes_up_for_lost_time_and_max_never_sleeps() -> None:
    clock = Clock()
    pace = Pace(NOW, 1.0, clock, clock.sleep)
    clock.now += 100
    pace.wait(NOW + 99_000_000, lambda: None)
    assert clock.now == 150
    Pace(NOW, None, clock, clock.sleep).wait(NOW + HOUR, lambda: None)
    assert clock.now == 150


def test_a_run_that_ends_now_is_never_ahead_of_the_clock() -> None:
    for speed in (None, 1.0, 60.0, 0.5):
        start = start_of(None, "now", 2.0, speed, NOW)
        check_not_ahead(start, 2.0, speed, NOW)
        ends_at = NOW + (0 if speed is None else min(2 * HOUR, 2 * HOUR / speed))
        assert start + 2 * HOUR == pytest.approx(ends_at, abs=1_000_000)
    assert start_of(None, "now", 2.0, 1.0, NOW) == NOW
    assert start_of(None, "2026-03-01T10:00:00Z", 2.0, None, NOW) == instant("2026-03-01T08:00:00Z")
    assert start_of("2026-03-01T10:00:00+08:00", "now", 2.0, None, NOW) == instant("2026-03-01T02:00:00Z")


@pytest.mark.parametrize(("ahead_hours", "speed"), [(-1, None), (1, 60.0), (-1, 60.0), (1, 1.0)])
def test_events_from_the_future_are_not_sent(ahead_hours: float, speed: float | None) -> None:
    with pytest.raises(UserError, match="before they happen"):
        check_not_ahead(NOW + int(ahead_hours * HOUR), 2.0, speed, NOW)


def test_messages_go_out_at_their_time_and_the_truth_with_them(tmp_path: Path) -> None:
    plan = Plan(start_us=NOW, hours=1.0, malformed=0.01)
    clock, times = Clock(), []

    class Noting(LinesOutput):
        def write(self, happening: Happening) -> None:
            times.append((clock.now - 50) * 60 * 1_000_000 - (happening.arrival_us - NOW))
            super().write(happening)

    truth = tmp_path / "truth.jsonl"
    with (tmp_path / "events.jsonl").open("wb") as lines, truth.open("wb") as stream:
        played = play(Simulation(plan), Noting(lines), stream, Pace(NOW, 60.0, clock, clock.sleep))
    assert max(map(abs, times)) < 1_000
    assert played.events == sum(played.sent.values()) == len(times)
    assert [json.loads(line)["truth"] for line in truth.read_text().splitlines()].count("run") == 1


def everybody_is_told(events: Path, truth: Path) -> bool:
    """Whoever shows in the events is in the truth."""
    told = {line.get("customer") for line in map(json.loads, truth.read_text().splitlines())}
    seen = {line.get("subject_id") for line in map(json.loads, events.read_text().splitlines())}
    return len(seen - {None}) > 3 and seen - {None} <= told


class Breaking(LinesOutput):
    """Fails, or is interrupted, at the hundredth message."""

    def __init__(self, stream: IO[bytes], *, interrupted: bool) -> None:
        super().__init__(stream)
        self._interrupted = interrupted

    def write(self, happening: Happening) -> None:
        super().write(happening)
        if sum(self.sent.values()) == 100:
            if self._interrupted:
                raise KeyboardInterrupt
            self.failure = "not acknowledged"


@pytest.mark.parametrize("interrupted", [True, False])
def test_a_run_that_is_cut_short_tells_the_truth_to_the_end(tmp_path: Path, interrupted: bool) -> None:
    truth = tmp_path / "truth.jsonl"
    with (tmp_path / "events.jsonl").open("wb") as lines, truth.open("wb") as stream:
        output = Breaking(lines, interrupted=interrupted)
        played = play(Simulation(Plan(start_us=NOW)), output, stream, Pace(NOW, None))
    assert sum(played.sent.values()) == 100
    assert (played.interrupted, bool(played.failure)) == (interrupted, not interrupted)
    assert everybody_is_told(tmp_path / "events.jsonl", truth)


def test_files_are_the_same_each_time_whatever_the_process(tmp_path: Path) -> None:
    for name in ("a", "b"):
        done = touchstone("simulate", "--to", tmp_path / f"{name}.jsonl", "--hours", 1, *FIXED)
        assert done.returncode == 0, done.stderr
        assert "truth: " in done.stdout
    for suffix in ("jsonl", "truth.jsonl"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_a_file_is_read_by_the_readers_of_files_and_malformed_messages_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    done = touchstone("simulate", "--to", path, "--hours", 2, "--malformed", 0.02, "--json", *FIXED)
    report = json.loads(done.stdout)
    rows = list(read_records(path, record=None, encoding=None, time_zone=None))
    refused = sum(row.record is None for row in rows)
    assert refused == sum(count for fault, count in report["faults"].items() if fault not in ("late", "duplicate")) > 5
    assert len(rows) == report["events"] == sum(report["sent"].values())


def test_standard_output_carries_nothing_but_events(tmp_path: Path) -> None:
    truth = tmp_path / "t.jsonl"
    done = touchstone("simulate", "--to", "-", "--events", 200, "--truth", truth, "--malformed", 0, *FIXED)
    assert done.returncode == 0, done.stderr
    assert 200 <= len([from_json(json.loads(line)) for line in done.stdout.splitlines()]) < 300
    assert "messages in" in done.stderr
    assert truth.exists()


def test_a_reader_who_has_enough_is_no_error(tmp_path: Path) -> None:
    process = start_touchstone(
        "simulate", "--to", "-", "--hours", 50, "--truth", tmp_path / "t", *FIXED, settings=Settings()
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"{")
    process.stdout.close()
    assert process.stderr is not None
    error = process.stderr.read()
    assert process.wait(20) == 0, error
    assert b"Traceback" not in error
    assert process.stdin is not None
    process.stdin.close()
    process.stderr.close()


def test_ctrl_c_says_what_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    process = start_touchstone("simulate", "--to", path, "--hours", 10, "--json", settings=Settings())
    deadline = time.monotonic() + 20
    while not (path.exists() and path.read_bytes().count(b"\n") > 30):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=20)
    assert process.returncode == 130, error
    assert b"Traceback" not in error
    assert json.loads(out)["events"] == path.read_bytes().count(b"\n")
    assert everybody_is_told(path, path.with_suffix(".truth.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--speed", "fast"), "no speed"),
        (("--speed", "0"), "no speed"),
        (("--start", "yesterday"), "no instant"),
        (("--start", "2026-03-01T09:00:00Z", "--end", "2026-03-01T10:00:00Z"), "both say"),
        (("--start", "2126-03-01T09:00:00Z"), "before they happen"),
        (("--to", "/nowhere/at/all.jsonl"), "a file that can be written"),
        (("--to", "-", "--staff"), "--staff"),
        (("--late", "0.5", "--malformed", "0.5", "--duplicates", "0.5", "--to", "-"), "more than"),
    ],
)
def test_wrong_options_say_what_to_do(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    if os.geteuid() == 0 and "/nowhere/at/all.jsonl" in arguments:
        blocked = tmp_path / "file"
        blocked.touch()
        arguments = ("--to", str(blocked / "all.jsonl"))
    done: subprocess.CompletedProcess[str] = touchstone("simulate", "--truth", tmp_path / "t.jsonl", *arguments)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert words in done.stderr


def test_too_few_hours_for_the_messages_that_are_wanted(tmp_path: Path) -> None:
    done = touchstone("simulate", "--to", tmp_path / "a.jsonl", "--events", 9_000, "--hours", 1, *FIXED)
    assert done.returncode == 1
    assert "give more --hours" in done.stderr


def test_nobody_answers(tmp_path: Path) -> None:
    done = touchstone("simulate", "--truth", tmp_path / "t", settings=Settings(kafka_brokers="127.0.0.1:9"))
    assert done.returncode == 3, done.stderr
    assert not (tmp_path / "t").exists()


def test_the_page_s_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)  # noqa: S102 - our own page
    assert len(capsys.readouterr().out.splitlines()) > 500
    assert isinstance(names["truth"], list)
    assert len(names["truth"]) > 100
