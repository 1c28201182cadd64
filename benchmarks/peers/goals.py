"""What Touchstone is to reach beside each peer, and whether it does. In: rounds. Out: lines of text.

Ratios as in table.py: Touchstone's figure divided by the peer's, within a round, then the median.
"""

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.peers.table import OURS, Ratios, Rounds, aligned, ratios


class Goal(NamedTuple):
    """`least` for events/s, `most` for CPU an event; both None: shown, nothing is asked."""

    engine: str
    figure: str
    least: float | None = None
    most: float | None = None

    @property
    def wanted(self) -> str:
        if self.least is not None:
            return f"≥ {self.least:g}"
        return "–" if self.most is None else f"≤ {self.most:g}"

    def judged(self, ratio: float) -> str:
        if self.least is None and self.most is None:
            return "no goal"
        short = self.least is not None and ratio < self.least
        beyond = self.most is not None and ratio > self.most
        return "not reached" if short or beyond else "reached"


RATE, CPU = "events/s", "CPU an event"
GOALS = (
    Goal("kafka-streams-eos", RATE, least=1.3),
    Goal("kafka-streams-eos", CPU, most=0.6),
    Goal("kafka-streams-alos", RATE, least=1.1),
    Goal("kafka-streams-alos", CPU, most=0.6),
    Goal("kafka-streams-tuned-eos", RATE),
    Goal("kafka-streams-tuned-eos", CPU),
    Goal("kafka-streams-tuned-alos", RATE),
    Goal("kafka-streams-tuned-alos", CPU),
    Goal("quix", RATE, least=2),
    Goal("faust", RATE, least=10),
)
_RATIO: dict[str, Callable[[Ratios], float]] = {RATE: lambda found: found.rate, CPU: lambda found: found.cpu}


def judged(rounds: Rounds) -> str:
    """Of the peers that were asked for; empty without Touchstone or without a peer."""
    rows = []
    for goal in GOALS:
        if OURS in rounds and goal.engine in rounds:
            found = ratios(rounds, goal.engine)
            ratio = None if found is None else _RATIO[goal.figure](found)
            measured = ("", "not measured") if ratio is None else (f"{ratio:.2f}", goal.judged(ratio))
            rows.append((f"{goal.figure} ÷ {goal.engine}", goal.wanted, *measured))
    return aligned([("Touchstone's", "goal", "is", ""), *rows]) if rows else ""
