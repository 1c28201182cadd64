"""Where in a file something stands, and the error that says so.

A place of a text also knows where each stretch of that text stands, so that an error within a condition points at its own character.
"""

from bisect import bisect_right
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Place:
    """Line and column, from 1. `marks`: (offset in the text, line, column) wherever the text is not simply the next character."""

    file: str
    line: int
    column: int
    marks: tuple[tuple[int, int, int], ...] = field(default=(), repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def within(self, text: str, offset: int) -> "Place":
        """The place of the character at `offset` of the text that starts here. Without marks, further lines are taken as indented alike."""
        if self.marks:
            found = self.marks[max(0, bisect_right(self.marks, offset, key=lambda mark: mark[0]) - 1)]
            return Place(self.file, found[1], found[2] + max(0, offset - found[0]))
        before = text[:offset]
        lines = before.count("\n")
        start = before.rfind("\n") + 1
        return Place(self.file, self.line + lines, self.column + offset - start)


class PlacedError(ValueError):
    """Something in a file is wrong: where, what, and what to do about it."""

    def __init__(self, place: Place, what: str, fix: str = "") -> None:
        super().__init__(f"{place}: {what}; {fix}" if fix else f"{place}: {what}")
        self.place = place
        self.what = what
        self.fix = fix
