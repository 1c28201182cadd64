"""What really happened, which no detector may see: lines of JSON, each with `truth` saying what it is about.

run · customer · unhappy (a stretch, written when it ends) · churn · coached · odd_hour · remark · incident · fault. docs/simulator.md lists the fields.
"""

from collections.abc import Iterator

from schemas.json_form import instant_text

Value = str | int | float | bool | None | list[str] | list["Line"]
Line = dict[str, Value]


class Truth:
    """Collects lines until somebody drains them."""

    def __init__(self) -> None:
        self._lines: list[Line] = []

    def tell(self, truth: str, **fields: Value) -> None:
        """One more line."""
        self._lines.append({"truth": truth, **fields})

    def drain(self) -> Iterator[Line]:
        """The lines since the last call, in the order in which they became certain; they are forgotten here."""
        lines, self._lines = self._lines, []
        yield from lines


def when(at_us: int | None) -> str | None:
    """An instant as text."""
    return None if at_us is None else instant_text(at_us)
