"""What actions have cost, and what a recovered customer costs."""

from collections.abc import Mapping

import msgspec

from streams.uplift.arms import Entered, Experiment
from streams.uplift.rows import Rows
from streams.uplift.sequences import Interval


class Money(msgspec.Struct, frozen=True):
    """What the actions cost a treated customer, and what a customer costs who would have been lost without them.

    `least`, `most`: with the two ends of the effect's interval; only `least` where the effect may be nothing.
    """

    per_customer: float
    per_recovered: float | None = None
    least: float | None = None
    most: float | None = None


class Costs:
    """What the actions of one experiment have cost, by customer and time."""

    def __init__(self, experiment: Experiment, rows: Rows, carrying_out: Mapping[str, float]) -> None:
        """Receipts say what an action has cost; else its own cost, else what it gives away; and `carrying_out` its rule."""
        self._found: dict[str, list[tuple[int, float]]] = {}
        rules = set(experiment.rules)
        for deed in rows.deeds:
            if deed.held_for is None and deed.rule in rules:
                told = rows.costs.get(deed.action_id, deed.cost)
                carried = carrying_out.get(deed.rule)
                if told is not None or carried is not None:
                    self._found.setdefault(deed.subject, []).append((deed.at, (told or 0.0) + (carried or 0.0)))

    def of(self, treated: list[Entered], within: int) -> float | None:
        """Mean over treated customers until their time (µs) is over; None: nothing says what anything costs."""
        if not self._found or not treated:
            return None
        total = sum(
            cost for one in treated for at, cost in self._found.get(one.subject, ()) if one.at <= at <= one.at + within
        )
        return total / len(treated)


def money(found: Interval, better: str, cost: float) -> Money:
    """Cost of a treated customer ÷ effect."""
    effect, low, high = found if better == "more" else Interval(-found.effect, -found.high, -found.low)
    return Money(
        per_customer=cost,
        per_recovered=cost / effect if low > 0 else None,
        least=cost / high if high > 0 else None,
        most=cost / low if low > 0 else None,
    )
