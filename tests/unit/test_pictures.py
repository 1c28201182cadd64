"""Pictures of measurements: they find the rows that the benchmarks write, and of a size measured twice the newest."""

from pathlib import Path

import pytest

from benchmarks import bench_commit, panels, results

LOAD = bench_commit.Load(events=60_000, rate=2000.0, seconds=10.0, customers=5_000)


def test_growth_is_drawn_from_what_is_noted() -> None:
    """Of the real file: each line of the picture has several points."""
    for panel in panels.GROWTH:
        for line in panel.lines:
            assert len(panels.newest("bench_growth", line.pattern, line.figure)) >= 3, line


def test_commit_picture_takes_the_newest_of_each_interval(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.csv")
    figures = [line.figure for panel in panels.COMMIT for line in panel.lines]
    for interval, value in ((20, 1.0), (1000, 2.0), (20, 3.0)):
        bench_commit.told(bench_commit.conditions(interval, LOAD, 0.5), dict.fromkeys(figures, value))
    for panel in panels.COMMIT:
        for line in panel.lines:
            assert panels.newest("bench_commit", line.pattern, line.figure) == [(20, 3.0), (1000, 2.0)]
