"""Promises and triangles for a person."""

from collections.abc import Sequence
from typing import Final

from rich.markup import escape
from rich.table import Table

from schemas.json_form import instant_text
from streams.experience.promises import Kept, Outcome
from streams.experience.triangle import Triangle
from streams.terminal import out

_UNITS: Final = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_EMPTY: Final = "–"


def report(kept: Sequence[Kept], corners: Sequence[Triangle], each: Sequence[Outcome]) -> None:
    """What became of promises, each one that asks for attention, and the triangle of each touchpoint."""
    if kept:
        out().print(_registry(kept))
    else:
        out().print("no promise was made in these events")
    troubled = [one for one in each if one.state in ("late", "broken", "at_risk")]
    if troubled:
        out().print(_each(troubled))
    if corners:
        out().print(_triangles(corners))


def _table(*columns: str, right: int) -> Table:
    shown = Table(*columns)
    for column in shown.columns[right:]:
        column.justify = "right"
    return shown


def _registry(kept: Sequence[Kept]) -> Table:
    shown = _table(
        "promise",
        "touchpoint",
        "made",
        "kept",
        "late",
        "broken",
        "waiting",
        "at risk",
        "share kept",
        "late by p50",
        "p90",
        right=2,
    )
    for one in kept:
        counts = (one.made, one.kept, one.late, one.broken, one.waiting, one.at_risk)
        share = _EMPTY if one.share_kept is None else f"{one.share_kept:.0%}"
        shown.add_row(
            escape(one.promise),
            escape(one.touchpoint),
            *(f"{count:,}" for count in counts),
            share,
            _time(one.late_p50_seconds),
            _time(one.late_p90_seconds),
        )
    return shown


def _each(troubled: Sequence[Outcome]) -> Table:
    shown = _table("subject", "promise", "matter", "unit", "due", "became", "late by", right=6)
    for one in sorted(troubled, key=lambda one: (-one.due_at, one.subject, one.promise)):
        late = None if one.margin_seconds is None else -one.margin_seconds
        cells = (one.subject, one.promise, one.matter or _EMPTY, one.unit or _EMPTY, instant_text(one.due_at))
        shown.add_row(*map(escape, cells), one.state.replace("_", " "), _time(late))
    return shown


def _triangles(corners: Sequence[Triangle]) -> Table:
    shown = Table(
        "touchpoint", "experience", "expectation", "promise", "the brand", "customers expect", "what they live"
    )
    for column in shown.columns[1:4]:
        column.justify = "right"
    for one in corners:
        levels = (one.experience, one.expectation, one.promise)
        style = "bold red" if one.promising == "over-promised" else None
        shown.add_row(
            escape(one.touchpoint),
            *(_EMPTY if level is None else f"{round(level, 2) + 0.0:g}" for level in levels),
            one.promising or _EMPTY,
            one.expecting or _EMPTY,
            one.living or _EMPTY,
            style=style,
        )
    return shown


def _time(seconds: float | None) -> str:
    if seconds is None:
        return _EMPTY
    size, unit = next((one for one in _UNITS if abs(seconds) >= one[0]), _UNITS[-1])
    return f"{seconds / size:.3g} {unit}"
