"""The gap table for a person, and as one JSON document."""

from collections.abc import Mapping

from rich.markup import escape
from rich.table import Table as Shown

from streams.experience.gap import Row, Table
from streams.terminal import out, write_json

CELLS = ("experience", "expectation", "satisfaction", "importance", "weighted", "ideal", "gap")


def json_document(found: Table, what_if: Table | None, counts: Mapping[str, int]) -> None:
    """`answers` by row is there when the rows stand on events."""
    write_json({"table": found, "what_if": what_if, "answers": counts or None})


def report(found: Table, what_if: Table | None, counts: Mapping[str, int], changes: Mapping[str, float]) -> None:
    """The table, what comes first, and what would come first."""
    if not found.rows:
        out().print("no answers with a level: nothing to compare")
        return
    out().print(_shown(found, counts))
    out().print("* follows from the others", style="dim")
    out().print(_verdict(found), markup=False)
    if what_if is not None:
        asked = ", ".join(f"{name} {level:g}" for name, level in changes.items())
        out().print(f"\nif experience were {asked}:", markup=False)
        out().print(_shown(what_if, counts))
        out().print(_verdict(what_if), markup=False)


def _shown(found: Table, counts: Mapping[str, int]) -> Shown:
    shown = Shown("", *CELLS, *(["answers"] if counts else []))
    for column in shown.columns[1:]:
        column.justify = "right"
    for row in found.rows:
        cells = [_cell(row, name) for name in CELLS] + ([f"{counts[row.name]:,}"] if counts else [])
        shown.add_row(escape(row.name), *cells, style="bold red" if row.name == found.key else None)
    return shown


def _cell(row: Row, name: str) -> str:
    value: float | None = getattr(row, name)
    if value is None:
        return "–"
    text = f"{round(value, 2) + 0.0:g}"  # + 0.0: no minus zero
    return text + ("*" if name in row.derived else "")


def _verdict(found: Table) -> str:
    if found.key is None:
        return "nothing falls short of what is expected, as far as expectations are known"
    sure = "for certain" if found.certain else "as far as is known: an importance that nobody stated could change it"
    after = f"; then {', '.join(found.priorities[1:])}" if len(found.priorities) > 1 else ""
    return f"first: {found.key}, {sure}{after}"
