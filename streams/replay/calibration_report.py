"""A calibration for a person (tables), for a machine (JSON) and as a fragment of a pack (YAML)."""

from collections.abc import Sequence
from typing import Final

import msgspec
from rich.table import Table

from schemas.json_form import instant_text
from streams.experience.compiled import CompiledPack
from streams.experience.score import Curve, share
from streams.replay.answers import Answers, Coverage, coverage
from streams.replay.calibration import (
    Asked,
    Curves,
    Method,
    Row,
    brier,
    fit_both,
    method_for,
    off,
    predicted,
    reliability,
    split,
)
from streams.terminal import err

_LEVEL: Final = 0.05


class Judged(msgspec.Struct, frozen=True):
    """How good some predictions are: reliability by bins, mean distance from what was said, Brier score."""

    rows: list[Row]
    off: float
    brier: float


class Result(msgspec.Struct, frozen=True):
    """`raw`: the score as it comes; `fitted`: the new curves, cross-validated; `own`: what the pack has already.

    `earlier`: of answers about contacts that gave no evidence. Their curve is None where one curve is for all.
    `rises`: by how much more say so at the highest scores than at `opens_at`.
    """

    pack: str
    version: str
    method: Method
    curve: Curve
    earlier_method: Method | None
    earlier_curve: Curve | None
    answers: int
    answers_earlier: int
    customers_answered: int
    unhappy: int
    unhappy_earlier: int
    without_evidence: int
    without_evidence_unhappy: int
    customers: int
    contacts: int
    since: str
    until: str
    coverage: list[Coverage]
    raw: Judged
    fitted: Judged
    own: Judged | None
    opens_at: float
    closes_below: float
    rises: float


def result(found: Answers, pack: CompiledPack, method: Method | None) -> Result:
    """Fits and judges."""
    asked = found.asked
    two = split(asked)
    curves = fit_both(asked, method, two=two)
    earlier = [one for one in asked if one.earlier]
    contact = [one for one in asked if not (two and one.earlier)]
    both = [*asked, *found.without]
    treatment = pack.file.treatment
    return Result(
        pack=pack.name,
        version=pack.version,
        method=method or method_for(contact),
        curve=curves.contact,
        earlier_method=method or method_for(earlier) if two else None,
        earlier_curve=curves.earlier,
        answers=len(asked),
        answers_earlier=len(earlier),
        customers_answered=len({one.customer for one in both}),
        unhappy=sum(one.unhappy for one in asked),
        unhappy_earlier=sum(one.unhappy for one in earlier),
        without_evidence=len(found.without),
        without_evidence_unhappy=sum(one.unhappy for one in found.without),
        customers=found.customers,
        contacts=found.contacts,
        since=instant_text(min(one.at for one in asked)),
        until=instant_text(max(one.at for one in asked)),
        coverage=coverage(found),
        raw=_judged(asked, [one.score for one in asked]),
        fitted=_judged(asked, predicted(asked, method)),
        own=None if pack.curve is None else _judged(asked, [*map(Curves(pack.curve, pack.earlier).says, asked)]),
        opens_at=round(share(treatment.opens_at, curves.contact), 3),
        closes_below=round(share(treatment.closes_below, curves.contact), 3),
        rises=round(curves.contact[-1][1] - share(treatment.opens_at, curves.contact), 3),
    )


def _judged(asked: Sequence[Asked], predictions: Sequence[float]) -> Judged:
    rows = reliability(asked, predictions)
    return Judged(rows, off(rows), brier(asked, predictions))


def tables(told: Result) -> None:
    """On stderr: stdout is the fragment."""
    say = err().print
    say(
        f"{told.answers + told.without_evidence} answers of {told.customers_answered} of {told.customers} customers "
        f"({told.contacts} contacts); something was inferred before {told.answers}, of which {told.unhappy} said that they were "
        f"unhappy; {told.answers_earlier} of them were about a contact that gave no evidence itself, only earlier ones did: of these "
        f"{told.unhappy_earlier} said so; before {told.without_evidence} nothing was, of which {told.without_evidence_unhappy} said so",
        markup=False,
    )
    for name, judged in (
        ("the score as it comes", told.raw),
        ("the pack's own calibration", told.own),
        (f"calibrated ({_methods(told)}), each answer by curves fitted without its customer", told.fitted),
    ):
        if judged is not None:
            _reliability(name, judged)
    table = Table("highest inferred score", "customers", "have answered", title="coverage", title_justify="left")
    for row in told.coverage:
        part = f"{row.answered} ({row.answered / row.customers:.0%})" if row.customers else "–"
        table.add_row(f"{row.low:.1f}–{row.high:.1f}", str(row.customers), part)
    say(table)


def _reliability(name: str, judged: Judged) -> None:
    title = f"{name}: off by {judged.off:.3f}, Brier {judged.brier:.3f}"
    table = Table("says", "mean", "answers", "said so", "95 %", title=title, title_justify="left")
    for row in judged.rows:
        cells = (f"{row.low:.1f}–{row.high:.1f}", f"{row.predicted:.2f}", str(row.answers), f"{row.said:.2f}")
        table.add_row(*cells, f"{row.least:.2f}–{row.most:.2f}")
    err().print(table)


def fragment(told: Result, unhappy_at_most: float) -> str:
    """What goes into the pack, with its grounds as comments."""
    earlier = "" if told.earlier_curve is None else f"  earlier: [{_points(told.earlier_curve)}]\n"
    return f"""\
# By `touchstone calibrate` for {told.pack} {told.version}: {_methods(told)}, from {told.answers} answers before which something was inferred.
# Off by {told.fitted.off:.3f} on answers that it had not seen (the score as it comes: {told.raw.off:.3f}).
# The scale of the inferred score changes: what was {_opens(told)}.
calibration:
  inferred: [{_points(told.curve)}]
{earlier}  answers: {told.answers}
  unhappy_at_most: {unhappy_at_most:g}
  since: "{told.since}"
  until: "{told.until}"
"""


def _points(curve: Curve) -> str:
    return ", ".join(f"[{score:g}, {part:g}]" for score, part in curve)


def _methods(told: Result) -> str:
    """How the curves were learnt, and from how many answers where there are two."""
    if told.earlier_method is None:
        return f"one curve, {told.method}"
    contact = told.answers - told.answers_earlier
    return f"two curves, {told.method} ({contact}) and {told.earlier_method} (earlier: {told.answers_earlier})"


def _opens(told: Result) -> str:
    level = (
        ""
        if told.rises >= _LEVEL
        else "; above it hardly more say so, so that no threshold there tells customers apart"
    )
    return f"opens_at is {told.opens_at:g}, what was closes_below is {told.closes_below:g}{level}"
