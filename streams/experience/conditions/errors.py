"""The two errors of conditions: one when a pack is loaded, one while it runs."""

from collections.abc import Iterable
from difflib import get_close_matches

from streams.experience.place import Place, PlacedError


class ConditionError(PlacedError):
    """The expression is refused at load: where, what is wrong, what to write instead."""


class Refused(Exception):
    """What is wrong at an offset of the expression; becomes a ConditionError once the place is known."""

    def __init__(self, offset: int, what: str, fix: str) -> None:
        super().__init__(what)
        self.offset = offset
        self.what = what
        self.fix = fix


class EvaluationError(Exception):
    """The expression has no value for this input: a missing map key, a division by zero, an int beyond 64 bits … The rule does not fire."""

    def __init__(self, detail: str, place: Place | None = None) -> None:
        super().__init__(f"{place}: {detail}" if place else detail)
        self.detail = detail
        self.place = place


def nearest(name: str, among: Iterable[str]) -> str:
    """A remedy for a name that does not exist: the one that was probably meant, else all (the first thirty)."""
    names = sorted(among)
    if close := get_close_matches(name, names, n=1, cutoff=0.6):
        return f"did you mean `{close[0]}`?"
    shown = ", ".join(names[:30]) + (", …" if len(names) > 30 else "")
    return f"there are: {shown}" if names else "there are none"
