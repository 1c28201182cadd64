"""State that is not read anew: RocksDB over stops and kills, and a standby that takes a partition over."""

import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.engine.failpoints import FAILPOINT
from tests.engine_events import events, expected
from tests.engine_service import Bench, Process


def _read(worker: Process) -> list[int]:
    """How many changelog records each of its tasks read when it started."""
    return [int(count) for count in re.findall(r"read (\d+) changelog records", worker.said())]


def test_a_restart_reads_only_what_the_copy_lacks(bench: Callable[..., Bench], tmp_path: Path) -> None:
    run = bench(worker_state="rocksdb", worker_state_dir=tmp_path / "state")
    a, b = events(1200, seed=21)
    first = run.worker()
    run.produce("in-a", a[:600])
    run.produce("in-b", b[:60])
    run.until_done()
    assert first.stop() == 0, first.said()
    second = run.worker()
    run.produce("in-b", b[60:])
    run.produce("in-a", a[600:])
    run.until_done()
    assert second.stop() == 0, second.said()
    assert _read(second) == [0, 0]
    shutil.rmtree(tmp_path / "state")
    third = run.worker()
    third.says("restored", times=2)
    assert third.stop() == 0, third.said()
    assert sum(_read(third)) > 20, "without the copy all keys come from the changelog"
    assert run.in_force() == expected(a, b)


@pytest.mark.parametrize(("name", "times"), [("after_commit", 4), ("outputs_sent", 4), ("after_step", 8)])
def test_killed_with_a_copy_that_is_behind(bench: Callable[..., Bench], tmp_path: Path, name: str, times: int) -> None:
    run = bench(worker_state="rocksdb", worker_state_dir=tmp_path / "state")
    a, b = events(1500, seed=22)
    worker = run.worker(**{FAILPOINT: f"{name}:{times}"})
    for part in range(20):
        run.produce("in-a", a[part * 50 : (part + 1) * 50])
        run.produce("in-b", b[part * 5 : (part + 1) * 5])
    assert worker.wait() == -signal.SIGKILL, worker.said()
    run.expel()
    run.produce("in-b", b[100:])
    run.produce("in-a", a[1000:])
    worker = run.worker()
    run.until_done()
    assert worker.stop() == 0, worker.said()
    assert run.in_force() == expected(a, b)
    settled = run.outputs("settled")
    assert len({each["id"] for each in settled}) == len(settled), "settled twice"


@pytest.mark.parametrize("state", ["memory", "rocksdb"])
def test_a_standby_takes_over_without_reading_the_changelog_anew(
    bench: Callable[..., Bench], tmp_path: Path, state: str
) -> None:
    run = bench(worker_standbys=1, worker_session_seconds=6, worker_state=state)
    a, b = events(1200, seed=23)
    workers = [
        run.worker(run.settings.model_copy(update={"worker_state_dir": tmp_path / name})) for name in ("one", "two")
    ]
    run.produce("in-a", a[:600])
    run.produce("in-b", b[:60])
    run.until_done()
    for worker in workers:
        worker.says("standby follows")
    killed, heir = workers
    followed = re.findall(r"asof/(\d): standby follows", heir.said())
    assert len(followed) == 1
    killed.process.kill()
    run.expel()
    run.produce("in-b", b[60:])
    run.produce("in-a", a[600:])
    run.until_done()
    heir.says(f"asof/{followed[0]}: read")
    assert heir.stop() == 0, heir.said()
    assert int(re.findall(rf"asof/{followed[0]}: read (\d+) changelog records", heir.said())[0]) <= 5, heir.said()
    assert run.in_force() == expected(a, b)
