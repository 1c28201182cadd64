"""An inner batch, grouped by key so that each key's state is passed to the job once. In: runs of entries. Out: steps, and what to note."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.engine.align import UNDATED, Run
from streams.engine.decoding import Item, Refusal
from streams.engine.job import Decoded
from streams.engine.marks import Mark


class Taken(NamedTuple):
    """A run of input `number`: how many messages up to which offset, its newest event time (UNDATED: none) and arrival."""

    number: int
    messages: int
    last_offset: int
    newest_at: int
    arrived_at: int
    marks: Sequence[Mark]


class Grouped(NamedTuple):
    """`steps`: key and its inputs in merged order. `valid` counts these inputs.

    `outcomes`, if any is refused: for each message but marks, in order, whether it is valid.
    """

    steps: list[tuple[bytes, Sequence[object]]]
    valid: int
    refused: list[Refusal]
    outcomes: list[bool]
    taken: list[Taken]


def group(runs: Sequence[Run[Item]]) -> Grouped:
    """One pass over the entries, unless one is refused."""
    groups: dict[bytes, list[object]] = {}
    refused: list[Refusal] = []
    valid = 0
    taken: list[Taken] = []
    for number, entries in runs:
        newest_at, arrived_at = UNDATED, 0
        marks: list[Mark] = []
        for at, _, arrived, item in entries:
            if type(item) is Decoded:
                valid += 1
                inputs = groups.get(item.key)
                if inputs is None:
                    groups[item.key] = [item.value]
                else:
                    inputs.append(item.value)
                if at > newest_at:
                    newest_at = at
                if arrived > arrived_at:
                    arrived_at = arrived
            elif type(item) is Refusal:
                refused.append(item)
            elif type(item) is Mark:
                marks.append(item)
        taken.append(Taken(number, len(entries), entries[-1][1], newest_at, arrived_at, marks))
    return Grouped(list(groups.items()), valid, refused, _outcomes(runs) if refused else [], taken)


def _outcomes(runs: Iterable[Run[Item]]) -> list[bool]:
    items = (item for _, entries in runs for _, _, _, item in entries)
    return [type(item) is Decoded for item in items if type(item) is not Mark]
