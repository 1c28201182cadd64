"""Moments for a person: a row each, shares with their intervals."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from streams.terminal import out
from streams.uplift.moments import Moment


def report(found: Sequence[Moment], by: str) -> None:
    """A table on stdout."""
    table = Table(by, "sent", "time over", "answered", "redeemed", "first reply after")
    for one in found:
        cells = (
            one.moment,
            str(one.sent),
            str(one.over),
            _share(one.answered, one.answered_share, one.answered_interval),
            _share(one.redeemed, one.redeemed_share, one.redeemed_interval),
            "–" if one.hours is None else f"{one.hours:.1f} h",
        )
        table.add_row(*(escape(cell) for cell in cells))
    out().print(table)
    out().print("95 % intervals for one look; what a message does, says touchstone uplift", markup=False)


def _share(count: int, share: float | None, span: tuple[float, float] | None) -> str:
    if share is None or span is None:
        return "–"
    return f"{count}: {share:.1%} ({span[0]:.1%} … {span[1]:.1%})"
