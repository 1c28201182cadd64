"""Pictures for docs/ from rows of results.csv, and from what a benchmark has just measured. Needs `pip install 'touchstone[benchmarks]'`.

python -m benchmarks.pictures growth docs/growth.svg
python -m benchmarks.pictures commit docs/commit.svg
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib

from benchmarks.panels import DRAWN, Panel, newest

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


def draw(file: Path, benchmark: str, shown: Sequence[Panel]) -> None:
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
        axis.set_title(title, loc="left", pad=22)
        axis.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(seconds), borderpad=0)
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
    draw(asked.file, *DRAWN[asked.what])


if __name__ == "__main__":
    main()
