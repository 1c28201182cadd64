"""A calibration for a person (tables), for a machine (JSON) and as a fragment of a pack (YAML)."""

from collections.abc import Sequence

import msgspec
from rich.table import Table

from schemas.json_form import instant_text
from streams.experience.compiled import CompiledPack
from streams.experience.score import Curve, share
from streams.replay.answers import Answers, Coverage, coverage
from streams.replay.calibration import Asked, Method, Row, brier, fit, off, predicted, reliability
from streams.terminal import err


class Judged(msgspec.Struct, frozen=True):
    """How good some predictions are: reliability by bins, mean distance from what was said, Brier score."""

    rows: list[Row]
    off: float
    brier: float


class Result(msgspec.Struct, frozen=True):
    """`raw`: the score as it comes; `fitted`: the new curve, cross-validated; `own`: the curve that the pack has already."""

    pack: str
    version: str
    method: Method
    curve: Curve
    answers: int
    customers_answered: int
    unhappy: int
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


def result(found: Answers, pack: CompiledPack, method: Method) -> Result:
    """Fits and judges."""
    asked = found.asked
    curve = fit(asked, method)
    both = [*asked, *found.without]
    treatment = pack.file.treatment
    return Result(
        pack=pack.name,
        version=pack.version,
        method=method,
        curve=curve,
        answers=len(asked),
        customers_answered=len({one.customer for one in both}),
        unhappy=sum(one.unhappy for one in asked),
        without_evidence=len(found.without),
        without_evidence_unhappy=sum(one.unhappy for one in found.without),
        customers=found.customers,
        contacts=found.contacts,
        since=instant_text(min(one.at for one in asked)),
        until=instant_text(max(one.at for one in asked)),
        coverage=coverage(found),
        raw=_judged(asked, [one.score for one in asked]),
        fitted=_judged(asked, predicted(asked, method)),
        own=None if pack.curve is None else _judged(asked, [share(one.score, pack.curve) for one in asked]),
        opens_at=round(share(treatment.opens_at, curve), 3),
        closes_below=round(share(treatment.closes_below, curve), 3),
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
        f"unhappy; before {told.without_evidence} nothing was, of which {told.without_evidence_unhappy} said so",
        markup=False,
    )
    for name, judged in (
        ("the score as it comes", told.raw),
        ("the pack's own calibration", told.own),
        (f"calibrated ({told.method}), each answer by a curve fitted without its customer", told.fitted),
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
    points = ", ".join(f"[{score:g}, {part:g}]" for score, part in told.curve)
    return f"""\
# By `touchstone calibrate` for {told.pack} {told.version}: {told.method}, from {told.answers} answers before which something was inferred.
# Off by {told.fitted.off:.3f} on answers that it had not seen (the score as it comes: {told.raw.off:.3f}).
# The scale of the inferred score changes: what was {_opens(told)} here.
calibration:
  inferred: [{points}]
  answers: {told.answers}
  unhappy_at_most: {unhappy_at_most:g}
  since: "{told.since}"
  until: "{told.until}"
"""


def _opens(told: Result) -> str:
    return f"opens_at is {told.opens_at:g}, what was closes_below is {told.closes_below:g}"
