"""Pictures for docs/ from rows of results.csv, and from what a benchmark has just measured. Needs `pip install 'touchstone[benchmarks]'`.

python -m benchmarks.pictures growth docs/growth.svg
python -m benchmarks.pictures commit docs/commit.svg
"""

import argparse
import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import matplotlib

from benchmarks.results import RESULTS

matplotlib.use("svg")
import matplotlib.pyplot as plt

INK: Final = "#1f2933"
BLUE: Final = "#2463a5"
ORANGE: Final = "#c65d21"
STYLE: Final[Mapping[str, Any]] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e7eb",
    "svg.hashsalt": "touchstone",  # the same rows, the same file
}


class Line(NamedTuple):
    """A figure of a benchmark against the number in its conditions; `label` where a panel has two."""

    pattern: str
    figure: str
    label: str = ""


class Panel(NamedTuple):
    """One diagram."""

    title: str
    along: str
    lines: tuple[Line, ...]


CUSTOMERS: Final = r"(\d+) customers;"
PARTITIONS: Final = r"(\d+) partitions,"
GROWTH: Final = (
    Panel("core, µs/event", "customers of one worker", (Line(CUSTOMERS, "µs/event"),)),
    Panel("core, µs/event", "events of a customer in the window", (Line(r"(\d+) events of a customer", "µs/event"),)),
    Panel("core, µs/event", "rules more than the retail pack has", (Line(r"(\d+) signals more", "µs/event"),)),
    Panel(
        "detection job, µs/event",
        "partitions of one worker",
        (Line(PARTITIONS, "µs/event", "worker"), Line(PARTITIONS, "broker µs/event", "broker")),
    ),
    Panel("memory, bytes/customer", "customers of one worker", (Line(CUSTOMERS, "bytes/customer"),)),
)
EACH: Final = r"a transaction each (\d+) ms"
COMMIT: Final = (
    Panel(
        "event to action, ms, 2,000 events/s",
        "ms between transactions",
        (Line(EACH, "event to action p50 ms", "p50"), Line(EACH, "event to action p99 ms", "p99")),
    ),
    Panel(
        "CPU µs/event, 2,000 events/s",
        "ms between transactions",
        (Line(EACH, "worker CPU µs/event", "worker"), Line(EACH, "kafka CPU µs/event", "broker")),
    ),
    Panel("backlog, events/s", "ms between transactions", (Line(EACH, "events/s"),)),
)
DRAWN: Final = {"growth": ("bench_growth", GROWTH), "commit": ("bench_commit", COMMIT)}


def newest(benchmark: str, pattern: str, figure: str) -> list[tuple[int, float]]:
    """(number in the conditions, value) of the last row of each number."""
    found: dict[int, float] = {}
    with RESULTS.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            matched = re.match(pattern, row["conditions"])
            if row["benchmark"] == benchmark and row["figure"] == figure and matched:
                found[int(matched[1])] = float(row["value"])
    return sorted(found.items())


def panels(file: Path, benchmark: str, shown: Sequence[Panel]) -> None:
    """Side by side, each with the newest rows of its figures."""
    with plt.rc_context(dict(STYLE)):
        figure, axes = plt.subplots(1, len(shown), figsize=(3 * len(shown), 3))
        for axis, panel in zip(axes, shown, strict=True):
            for line, colour in zip(panel.lines, (BLUE, ORANGE), strict=False):
                points = newest(benchmark, line.pattern, line.figure)
                axis.plot([max(x, 1) for x, _ in points], [y for _, y in points], "o-", color=colour, label=line.label)
            axis.set_xscale("log")
            axis.set_ylim(0, 1.1 * axis.dataLim.y1)
            axis.set_xlabel(panel.along)
            axis.set_title(panel.title, loc="left")
            if len(panel.lines) > 1:
                axis.legend(frameon=False)
        _save(figure, file)


def latency(file: Path, title: str, seconds: Mapping[str, Sequence[float]]) -> None:
    """How many of all took so long at most: one line a measure, with p50 and p99 written beside it."""
    with plt.rc_context(dict(STYLE)):
        figure, axis = plt.subplots(figsize=(8, 3.2))
        for (name, values), colour in zip(seconds.items(), (BLUE, ORANGE, INK), strict=False):
            ordered = sorted(values)
            shares = [(number + 1) / len(ordered) * 100 for number in range(len(ordered))]
            p50, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
            axis.plot([1000 * each for each in ordered], shares, color=colour)
            axis.plot([], [], color=colour, label=f"{name}: p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms")
        axis.set_xscale("log")
        axis.set_xlabel("ms since the event's scheduled time")
        axis.set_ylabel("% of all")
        axis.set_title(title, loc="left")
        axis.legend(frameon=False, loc="upper left")
        _save(figure, file)


def _save(figure: Any, file: Path) -> None:
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    """One picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*DRAWN])
    parser.add_argument("file", type=Path)
    asked = parser.parse_args()
    panels(asked.file, *DRAWN[asked.what])


if __name__ == "__main__":
    main()
