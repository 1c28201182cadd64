"""Is it right? What the two topics give in order of event time, against what a read-committed reader finds.

An action is told by rule, customer and instant; its score and its three touches must agree as well.
"""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from benchmarks.detection_input import Record
from benchmarks.detection_rules import fold, read_action, read_feedback, read_touchpoint

Told = tuple[str, str, int]  # rule, customer, at
_READ = {"touchpoints": read_touchpoint, "feedback": read_feedback}


class Content(NamedTuple):
    """Of an action, without its id: engines hash as they like."""

    score: float
    touches: tuple[str, ...]

    def agrees(self, other: "Content") -> bool:
        return math.isclose(self.score, other.score, rel_tol=1e-9) and self.touches == other.touches


class Expected:
    """Folds the records that pass by, which come in order of event time."""

    def __init__(self) -> None:
        self.actions: dict[Told, Content] = {}
        self._states: dict[bytes, bytes] = {}

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            decoded = _READ[record.topic](record.value)
            state, actions = fold(record.key, self._states.get(record.key), [decoded])
            self._states[record.key] = state
            self.actions.update(map(told, actions))
            yield record


def told(message: bytes) -> tuple[Told, Content]:
    action = read_action(message)
    return (action.rule, action.customer_id, action.at), Content(action.score, tuple(action.touches))


class Verdict(NamedTuple):
    """`extra` counts actions that nobody expects, and repeats; `differing` those with another score or other touches."""

    expected: int
    missing: int
    extra: int
    differing: int

    @property
    def right(self) -> bool:
        return not (self.missing or self.extra or self.differing)

    def __str__(self) -> str:
        if self.right:
            return "yes"
        parts = ((self.missing, "missing"), (self.extra, "extra"), (self.differing, "differ"))
        return f"no, of {self.expected:,}: " + ", ".join(f"{count:,} {what}" for count, what in parts if count)


def judge(expected: dict[Told, Content], messages: Iterable[bytes]) -> Verdict:
    """`messages`: all actions in the output topic."""
    seen: set[Told] = set()
    extra = differing = 0
    for which, content in map(told, messages):
        if which in seen or which not in expected:
            extra += 1
            continue
        seen.add(which)
        differing += not content.agrees(expected[which])
    return Verdict(len(expected), len(expected) - len(seen), extra, differing)
