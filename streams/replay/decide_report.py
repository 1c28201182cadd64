"""What was decided, for a person: a story by customer and time, and a summary; or JSON lines for a machine."""

from collections import Counter
from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from schemas.decisions import Action, Episode, Experience, Holdout, Suppression
from schemas.json_form import instant_text, to_json
from streams.replay.decide import Decided, Decider
from streams.terminal import out, write_json


def json_lines(decided: Iterable[Decided], *, actions_only: bool) -> None:
    """One line each, as emitted."""
    for record in decided:
        if isinstance(record, Action) or not actions_only:
            write_json(to_json(record))


def _lost(decided: Iterable[Decided]) -> Counter[tuple[str, str]]:
    """What lost in decisions that hold, by rule and reason; once for each input or episode that brought it up."""
    latest: dict[tuple[type, str], Decided] = {}
    for record in decided:
        name = _about(record) if isinstance(record, Episode | Experience) else record.action_id
        latest[type(record), name] = record
    found: set[tuple[str, str, str]] = set()
    for record in latest.values():
        if record.retracted:
            continue
        if isinstance(record, Suppression):
            found.add((_about(record), record.rule, record.reason))
        elif isinstance(record, Holdout):
            found.add((_about(record), record.rule, "holdout"))
        else:
            found.update((_about(record), one.rule, one.reason) for one in record.losers)
    return Counter((rule, reason) for _, rule, reason in found)


def _about(record: Decided) -> str:
    """The episode, else the input."""
    if isinstance(record, Experience):
        return record.event_id
    if isinstance(record, Episode):
        return record.episode_id
    return record.occasion if isinstance(record, Suppression) else record.episode_id or record.occasion


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
    lost = _lost(decider.decided)
    if lost:
        rules = ", ".join(f"{count} of {rule} ({reason})" for (rule, reason), count in sorted(lost.items()))
        out().print(f"not done, with the reason (in figures: --json): {rules}", markup=False)
    if waiting is not None:
        out().print(f"more would be due from {waiting} on: --until lets time go on", markup=False)
