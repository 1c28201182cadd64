"""Rounds to a table and to rows of results.csv. In: what was measured of each engine in each round. Out: text; figures by name.

Ratios are taken within a round, where the machine was nearly the same for all, and then their median.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from benchmarks.peers.outcome import Verdict
from benchmarks.peers.watch import Measured

OURS = "touchstone"


class Result(NamedTuple):
    """One engine, one round."""

    measured: Measured
    changelog_messages: int
    verdict: Verdict

    @property
    def rate(self) -> float:
        """Events/s from the first event to the last."""
        return self.measured.messages / self.measured.seconds_to_last

    @property
    def rate_to_commit(self) -> float:
        """Events/s from the first event to the end of the final commit."""
        return self.measured.messages / self.measured.seconds_to_commit

    @property
    def cpu_us(self) -> float:
        return self.measured.cpu_seconds / self.measured.messages * 1e6

    @property
    def cpu_us_with_start(self) -> float:
        return self.measured.cpu_seconds_with_start / self.measured.messages * 1e6

    @property
    def broker_cpu_us(self) -> float | None:
        seconds = self.measured.broker_cpu_seconds
        return None if seconds is None else seconds / self.measured.messages * 1e6


Rounds = Mapping[str, Sequence[Result | None]]  # engine → its result in each round, None where it failed

HEAD = (
    "engine", "events/s", "median", "max", "to commit", "CPU µs/event", "with start", "broker µs", "MB", "changelog",
    "ours ÷ it", "to commit", "CPU", "right?",
)  # fmt: skip


class Ratios(NamedTuple):
    """Touchstone's figure divided by the engine's: above 1 is faster for rates, below 1 is cheaper for CPU."""

    rate: float
    rate_to_commit: float
    cpu: float


def ratios(rounds: Rounds, engine: str) -> Ratios | None:
    """None when there is no round in which both have run."""
    pairs = [
        (ours, its)
        for ours, its in zip(rounds.get(OURS, ()), rounds[engine], strict=False)
        if ours is not None and its is not None
    ]
    if not pairs:
        return None
    return Ratios(
        median(ours.rate / its.rate for ours, its in pairs),
        median(ours.rate_to_commit / its.rate_to_commit for ours, its in pairs),
        median(ours.cpu_us / its.cpu_us for ours, its in pairs),
    )


def figures(rounds: Rounds, engine: str) -> dict[str, str]:
    """By name, for results.csv. Empty when it never ended well."""
    done = [result for result in rounds[engine] if result is not None]
    if not done:
        return {}
    rates = [result.rate for result in done]
    found = {
        "events/s min": f"{min(rates):.0f}",
        "events/s median": f"{median(rates):.0f}",
        "events/s max": f"{max(rates):.0f}",
        "events/s to commit": f"{median(result.rate_to_commit for result in done):.0f}",
        "CPU µs/event": f"{median(result.cpu_us for result in done):.1f}",
        "CPU µs/event with start": f"{median(result.cpu_us_with_start for result in done):.1f}",
    }
    broker = [result.broker_cpu_us for result in done if result.broker_cpu_us is not None]
    if broker:
        found["broker CPU µs/event"] = f"{median(broker):.1f}"
    found |= {
        "memory MB": f"{max(result.measured.memory_mb for result in done)}",
        "changelog messages": f"{median(result.changelog_messages for result in done):.0f}",
        "right": worst(done),
    }
    ratio = None if engine == OURS else ratios(rounds, engine)
    if ratio is not None:
        found["touchstone/it events/s"] = f"{ratio.rate:.2f}"
        found["touchstone/it events/s to commit"] = f"{ratio.rate_to_commit:.2f}"
        found["touchstone/it CPU"] = f"{ratio.cpu:.2f}"
    return found


def worst(done: Sequence[Result]) -> str:
    """The verdict of the round with most that is wrong."""
    return str(max((result.verdict for result in done), key=lambda one: one.missing + one.extra + one.differing))


_NAMES = (
    "events/s min", "events/s median", "events/s max", "events/s to commit", "CPU µs/event", "CPU µs/event with start",
    "broker CPU µs/event", "memory MB", "changelog messages", "touchstone/it events/s", "touchstone/it events/s to commit",
    "touchstone/it CPU", "right",
)  # fmt: skip


def table(rounds: Rounds, missing: Mapping[str, str]) -> str:
    """Lines of text; below them why an engine is not in it."""
    rows: list[tuple[str, ...]] = [HEAD]
    for engine in rounds:
        found = figures(rounds, engine)
        if found:
            rows.append((engine, *(_shown(found.get(name, "")) for name in _NAMES)))
    lines = [aligned(rows)]
    lines += [f"{engine}: not measured: {reason}" for engine, reason in missing.items()]
    return "\n".join(lines)


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Columns of text; the first and the last begin at the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)),
        ]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def _shown(figure: str) -> str:
    return f"{int(figure):,}" if figure.isdecimal() else figure
