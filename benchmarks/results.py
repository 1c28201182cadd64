"""Rows in results.csv, for ever: what was measured, on which machine, under which conditions."""

import csv
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).parent / "results.csv"
COLUMNS: Final = ("date", "benchmark", "machine", "conditions", "figure", "value")


def machine() -> str:
    """Architecture, cores, Python."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def note(benchmark: str, conditions: str, figures: dict[str, str]) -> None:
    """A row a figure."""
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(COLUMNS)
        for name, value in figures.items():
            writer.writerow([datetime.now(UTC).date().isoformat(), benchmark, machine(), conditions, name, value])
