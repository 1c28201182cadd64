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
    """`steps`: key and its inputs in merged order. `outcomes`: for each message but marks, in order, whether it is valid."""

    steps: list[tuple[bytes, Sequence[object]]]
    refused: list[Refusal]
    outcomes: list[bool]
    taken: list[Taken]


def group(runs: Iterable[Run[Item]]) -> Grouped:
    """One pass over the entries."""
    groups: dict[bytes, list[object]] = {}
    refused: list[Refusal] = []
    outcomes: list[bool] = []
    taken: list[Taken] = []
    for number, entries in runs:
        newest_at, arrived_at = UNDATED, 0
        marks: list[Mark] = []
        for entry in entries:
            item = entry.item
            if type(item) is Decoded:
                inputs = groups.get(item.key)
                if inputs is None:
                    groups[item.key] = [item.value]
                else:
                    inputs.append(item.value)
                outcomes.append(True)
                if entry.at > newest_at:
                    newest_at = entry.at
                if entry.arrived_at > arrived_at:
                    arrived_at = entry.arrived_at
            elif type(item) is Refusal:
                refused.append(item)
                outcomes.append(False)
            elif type(item) is Mark:
                marks.append(item)
        taken.append(Taken(number, len(entries), entries[-1].offset, newest_at, arrived_at, marks))
    return Grouped(list(groups.items()), refused, outcomes, taken)
