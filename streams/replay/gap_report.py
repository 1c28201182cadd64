"""The gap tables for a person, and as one JSON document."""

from collections.abc import Sequence
from typing import Final

from rich.markup import escape
from rich.table import Table as Shown

from streams.experience.gap import Row, Table
from streams.experience.gap_answers import VOICES
from streams.experience.rounds import Played
from streams.replay.gap_tables import Asked, Group
from streams.replay.rounds_report import report as report_rounds
from streams.terminal import out, write_json

CELLS = ("experience", "expectation", "satisfaction", "importance", "weighted", "ideal", "gap")

SPEAK = {"customer": "customers say", "staff": "staff say", "management": "management says", "measured": "measured"}

NOTHING: Final = (
    "no answers with a level: nothing to compare; what happened counts where the pack has `measures` (docs/packs.md)"
)


def json_document(groups: Sequence[Group], each: str | None, played: Sequence[Played]) -> None:
    """One table as it is, several under `tables`. `answers` by row is there when the rows stand on events."""
    tables = [
        {
            "table": one.table,
            "what_if": one.what_if,
            "answers": one.answers or None,
            "voices": one.voices or None,
            "importance": one.importance or None,
        }
        for one in groups
    ]
    if each is None:
        write_json({**tables[0], "rounds": played or None})
    else:
        write_json({"each": each, "tables": [{"of": one.of, **each} for one, each in zip(groups, tables, strict=True)]})


def report(groups: Sequence[Group], asked: Asked, played: Sequence[Played]) -> None:
    """The tables, what comes first, what would come first, and what is done about it."""
    for one in groups:
        if one.of is not None:
            out().print(f"\n{asked.each} {one.of}", style="bold", markup=False)
        _report(one, asked)
    if not groups:
        out().print(NOTHING, markup=False)
    report_rounds(played)


def _report(one: Group, asked: Asked) -> None:
    if not one.table.rows:
        out().print(NOTHING, markup=False)
        return
    out().print(_shown(one.table, one))
    out().print("* follows from the others", style="dim")
    for line in _sources(one):
        out().print(line, style="dim", markup=False)
    out().print(_verdict(one.table), markup=False)
    if one.what_if is not None:
        changed = ", ".join(f"{name} {level:g}" for name, level in asked.changes.items())
        out().print(f"\nif experience were {changed}:", markup=False)
        out().print(_shown(one.what_if, one))
        out().print(_verdict(one.what_if), markup=False)


def _shown(found: Table, group: Group) -> Shown:
    heard = [voice for voice in VOICES if any(voice in voices for voices in group.voices.values())]
    apart = heard if len(heard) > 1 else []
    shown = Shown("", *CELLS, *(["answers"] if group.answers else []), *(SPEAK[voice] for voice in apart))
    for column in shown.columns[1:]:
        column.justify = "right"
    for row in found.rows:
        cells = [_cell(row, name) for name in CELLS]
        cells += [f"{group.answers[row.name]:,}"] if group.answers else []
        cells += [_number(group.voices.get(row.name, {}).get(voice)) for voice in apart]
        shown.add_row(escape(row.name), *cells, style="bold red" if row.name == found.key else None)
    return shown


def _cell(row: Row, name: str) -> str:
    value: float | None = getattr(row, name)
    if value is None:
        return "none" if row.sources.get(name) == "none" else "–"
    return _number(value) + ("*" if name in row.derived else "")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 2) + 0.0:g}"  # + 0.0: no minus zero


def _sources(one: Group) -> list[str]:
    """Where cells come from that the customers did not state, and derived importance with its interval."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in one.table.rows:
        for cell, source in row.sources.items():
            if cell != "importance" and source != "none":
                found.setdefault((cell, source), []).append(row.name)
    lines = [f"{cell} from {source}: {', '.join(names)}" for (cell, source), names in found.items()]
    for name, each in one.importance.items():
        lines.append(
            f"importance of {name}: {each.customers} customers, too few or all alike, not derived"
            if each.importance is None
            else f"importance of {name}: derived from {each.customers} customers by Spearman's rank correlation, 95 % {_number(each.low)} to {_number(each.high)}"
        )
    return lines


def _verdict(found: Table) -> str:
    if found.key is None:
        return "nothing falls short of what is expected, as far as expectations are known"
    sure = "for certain" if found.certain else "as far as is known: an importance that nobody stated could change it"
    after = f"; then {', '.join(found.priorities[1:])}" if len(found.priorities) > 1 else ""
    return f"first: {found.key}, {sure}{after}"
