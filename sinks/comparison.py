"""Do a topic and its table agree? A stretch of offsets of one partition: messages, rows and dead letters → counts and differences.

A message is accounted for when its row is there, with its id and revision; or, if it is an input or no record at all, when it
is a dead letter. An input can be both: one that came too late to be judged is stored and dead-lettered.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

Name = tuple[str, int]  # id, and revision (0 for what has none)


class Sent(NamedTuple):
    """A message as the topic has it. `name` None: it is no record, so no row can be expected."""

    offset: int
    name: Name | None


class Difference(msgspec.Struct, frozen=True):
    """A position at which topic and table do not agree."""

    topic: str
    partition: int
    offset: int
    id: str
    revision: int
    what: Literal["missing", "unexpected", "different"]
    detail: str


class Counts(msgspec.Struct):
    """What was compared. messages = stored + dead_lettered − both + missing + different; `unexpected` are rows without a message."""

    messages: int = 0
    stored: int = 0
    dead_lettered: int = 0
    both: int = 0
    missing: int = 0
    different: int = 0
    unexpected: int = 0

    def agree(self) -> bool:
        """Is every message accounted for, and nothing else there?"""
        return not (self.missing or self.different or self.unexpected)


def compare(
    place: tuple[str, int],
    sent: Sequence[Sent],
    rows: Mapping[int, set[Name]],
    letters: Mapping[int, str],
    counts: Counts,
    *,
    is_input: bool,
) -> Iterator[Difference]:
    """Adds to `counts`; gives the differences in order of offsets. `place`: topic and partition; `letters`: offset → reasons."""
    expected = set()
    for offset, name in sent:
        expected.add(offset)
        counts.messages += 1
        found, letter = rows.get(offset), letters.get(offset)
        accepted = letter is not None and (is_input or name is None)
        counts.dead_lettered += accepted
        if found is not None and name is not None and found == {name}:
            counts.stored += 1
            counts.both += accepted
        elif found is not None:
            counts.different += 1
            counts.dead_lettered -= accepted
            yield _difference(place, offset, name, "different", f"the table has {_names(found)}")
        elif not accepted:
            counts.missing += 1
            detail = "neither stored nor dead-lettered" if letter is None else f"not stored, dead-lettered: {letter}"
            yield _difference(place, offset, name, "missing", detail)
    for offset in sorted(rows.keys() - expected):
        counts.unexpected += 1
        name = min(rows[offset])
        yield _difference(place, offset, name, "unexpected", "a row, but no message")


def _difference(
    place: tuple[str, int],
    offset: int,
    name: Name | None,
    what: Literal["missing", "unexpected", "different"],
    detail: str,
) -> Difference:
    id_, revision = name or ("", 0)
    return Difference(*place, offset, id_, revision, what, detail)


def _names(found: set[Name]) -> str:
    shown = [f"{id_} revision {revision}" if revision else id_ for id_, revision in sorted(found)[:3]]
    return ", ".join(shown) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
