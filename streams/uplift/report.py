"""Effects for a person: a table an experiment, then what is to be known before they are believed; or one JSON document."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from schemas.json_form import instant_text
from streams.experience.holdout import EVERYTHING
from streams.terminal import out, write_json
from streams.uplift.costs import Money
from streams.uplift.effects import SCORE, Choices, Compared, Effect
from streams.uplift.sequences import EACH_MIN, EVENTS_MIN

_STYLE = {"better": "bold green", "worse": "bold red", "too few": "dim"}


def json_document(compared: Sequence[Compared], ends_at: int, choices: Choices, currency: str) -> None:
    """All of it, for machines."""
    write_json(
        {
            "until": instant_text(ends_at),
            "confidence": round(1 - choices.alpha, 10),
            "smallest_score": choices.smallest_score,
            "smallest_share": choices.smallest_share,
            "score_within_seconds": choices.score_within_seconds,
            "currency": currency,
            "experiments": compared,
        }
    )


def report(compared: Sequence[Compared], ends_at: int, choices: Choices, currency: str) -> None:
    """Tables on stdout."""
    for one in compared:
        _experiment(one, choices, currency)
    out().print(
        f"until {instant_text(ends_at)[:19]}; intervals hold on every day that you look, with {1 - choices.alpha:.0%} for each row. "
        f"Nothing is said with fewer than {EACH_MIN} customers in a group, or {EVENTS_MIN} of the rarer answer. Needed: to find an "
        f"effect of {choices.smallest_score:g} levels or {100 * choices.smallest_share:g} points (pt) four times in five.",
        markup=False,
    )


def _experiment(one: Compared, choices: Choices, currency: str) -> None:
    name = "all that may be held out" if one.experiment == EVERYTHING else one.experiment
    others = "" if one.rules == [one.experiment] or one.experiment == EVERYTHING else f" ({', '.join(one.rules)})"
    title = f"{name}{others}: {one.treated} treated, {one.held_out} held out of {one.share:.1%} drawn"
    with_money = any(row.money is not None for row in one.effects)
    columns = [
        "afterwards",
        "treated",
        "held out",
        "effect",
        f"{1 - choices.alpha:.0%}, on any day",
        "verdict",
        "needed",
    ]
    if with_money:
        columns += [f"{currency} a customer", f"{currency} a recovered one"]
    table = Table(*columns, title=escape(title), title_justify="left")
    for row in one.effects:
        cells = [*_cells(row), row.verdict if row.effect is not None else "too few to say", _needed(row)]
        if with_money:
            cells += _money(row.money)
        table.add_row(*(escape(cell) for cell in cells), style=_STYLE.get(row.verdict))
    out().print(table)
    for note in one.notes:
        out().print(f"! {note}", markup=False)


def _cells(row: Effect) -> list[str]:
    label = f"{row.outcome} ({row.better} is better)"
    if row.effect is None or row.low is None or row.high is None:
        return [label, f"{row.treated}", f"{row.held_out}", "–", "–"]
    means = (f"{_level(row, row.treated_mean)} of {row.treated}", f"{_level(row, row.held_out_mean)} of {row.held_out}")
    return [label, *means, _change(row, row.effect), f"{_change(row, row.low)} … {_change(row, row.high)}"]


def _level(row: Effect, value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if row.outcome == SCORE else f"{value:.1%}"


def _change(row: Effect, value: float) -> str:
    return f"{value:+.2f}" if row.outcome == SCORE else f"{100 * value:+.1f} pt"


def _needed(row: Effect) -> str:
    if row.verdict not in ("open", "too few"):
        return "–"
    if row.days == 0.0:
        return f"{row.needed}: there are"
    return f"{row.needed}" + ("" if row.days is None else f", in {row.days:.0f} days")


def _money(money: Money | None) -> list[str]:
    if money is None:
        return ["–", "–"]
    per = f"{money.per_customer:.2f}"
    if money.per_recovered is not None and money.least is not None and money.most is not None:
        return [per, f"{money.per_recovered:.2f} ({money.least:.2f} … {money.most:.2f})"]
    return [per, "–" if money.least is None else f"{money.least:.2f} at least"]
