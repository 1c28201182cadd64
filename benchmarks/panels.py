"""What the pictures show: which figure of which rows of results.csv stands in which diagram. Drawn by pictures.py."""

import csv
import re
from typing import Final, NamedTuple

from benchmarks import results


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
    """(number in the conditions, value) of the last row of each number, of the last day with any: one line is one version."""
    found: dict[int, float] = {}
    day = ""
    with results.RESULTS.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            matched = re.match(pattern, row["conditions"])
            if row["benchmark"] == benchmark and row["figure"] == figure and matched:
                if row["date"] != day:
                    day, found = row["date"], {}
                found[int(matched[1])] = float(row["value"])
    return sorted(found.items())
