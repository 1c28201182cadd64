"""Values of matters and customers for a person."""

from collections.abc import Sequence
from typing import Final

from rich.markup import escape
from rich.table import Table

from streams.experience.delivered import GIVES, PARTS
from streams.experience.values import CustomerValue, MatterValue
from streams.terminal import out

_EMPTY: Final = "–"


def report(given: Sequence[MatterValue], worth: Sequence[CustomerValue], currency: str, most: int) -> None:
    """The matters that gave least, and the customers who are worth most."""
    if given:
        below = sum(one.value < 0.0 for one in given)
        out().print(f"{len(given):,} matters, {below:,} with a delivered value below zero, in {currency}", markup=False)
        out().print(_matters(given[:most]))
    if worth:
        total = sum(one.value for one in worth)
        out().print(f"{len(worth):,} customers, worth {total:,.2f} {currency} together", markup=False)
        out().print(_customers(worth[:most]))
    if not given and not worth:
        out().print("no event names a matter, and none is worth anything: nothing to value")


def _table(left: Sequence[str], right: Sequence[str]) -> Table:
    shown = Table(*left, *right)
    for column in shown.columns[len(left) :]:
        column.justify = "right"
    return shown


def _matters(given: Sequence[MatterValue]) -> Table:
    shown = _table(("customer", "matter"), ("value", *PARTS))
    for one in given:
        parts = (getattr(one, name) * (1 if name in GIVES else -1) for name in PARTS)
        style = "bold red" if one.value < 0.0 else None
        amounts = (f"{part:+.2f}" if part else _EMPTY for part in parts)
        shown.add_row(escape(one.subject), escape(one.matter), f"{one.value:.2f}", *amounts, style=style)
    return shown


def _customers(worth: Sequence[CustomerValue]) -> Table:
    shown = _table(("customer", "tier", "earned", "told"), ("value",))
    for one in worth:
        tiers = (one.tier or _EMPTY, one.earned_tier or _EMPTY, one.told_tier or _EMPTY)
        shown.add_row(escape(one.customer), *map(escape, tiers), f"{one.value:,.2f}")
    return shown
