"""What was decided, for a person: a story by customer and time, and a summary; or JSON lines for a machine."""

from collections import Counter
from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from schemas.decisions import Action, Holdout
from schemas.json_form import instant_text, to_json
from streams.replay.decide import Decided, Decider
from streams.terminal import out, write_json


def json_lines(decided: Iterable[Decided], *, actions_only: bool) -> None:
    """One line each, as emitted."""
    for record in decided:
        if isinstance(record, Action) or not actions_only:
            write_json(to_json(record))


def report(decider: Decider, waiting: str | None, refused: int) -> None:
    """Actions in order of time, then figures. `refused`: rows that could not be read and events that were not taken."""
    actions = [record for record in decider.decided if isinstance(record, Action)]
    held: dict[str, Action] = {}
    for action in actions:
        held[action.action_id] = action
    table = Table("when", "subject", "for", "action", "score", "said or inferred", "because", expand=False)
    for action in sorted(held.values(), key=lambda one: (one.decided_at, one.subject_id, one.rule)):
        style = "strike dim" if action.retracted else "bold red" if action.score >= 0.7 else None
        what = f"{action.kind}: {action.text or ''}" + (" (retracted)" if action.retracted else "")
        cells = (
            instant_text(action.decided_at)[:19].replace("T", " "),
            action.subject_id,
            action.audience,
            what,
            f"{action.score:.2f}",
            action.origin,
            decider.because(action),
        )
        table.add_row(*(escape(cell) for cell in cells), style=style)
    if held:
        out().print(table)
    counts = Counter(action.audience for action in held.values() if not action.retracted)
    by_audience = ", ".join(f"{count} for {audience}" for audience, count in sorted(counts.items())) or "none"
    taken = decider.taken - len(decider.rejected)
    out().print(f"{taken} events in, {refused} rows refused, actions in force: {by_audience}", markup=False)
    kept = {record.action_id: record for record in decider.decided if isinstance(record, Holdout)}
    held_out = Counter(record.rule for record in kept.values() if not record.retracted)
    if held_out:
        rules = ", ".join(f"{count} of {rule}" for rule, count in sorted(held_out.items()))
        out().print(f"held out, for comparison: {rules}", markup=False)
    if waiting is not None:
        out().print(f"more would be due from {waiting} on: --until lets time go on", markup=False)
