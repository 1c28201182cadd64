"""What is used up, as the subjects see it: words from `cx-controls` on limits, looked up by the order of claims.

A claim is refused where a word on its limit, group and period has a span that covers its place, (event time, place), and leaves
less room than it needs. Words are filled in any order; of one period the highest revision counts.
"""

from decimal import Decimal
from typing import Final, NamedTuple

from schemas.controls import Control, UsedSpan

Order = tuple[int, str]  # event time (µs), place among the claims of that instant
NOTHING: Final = Decimal(0)
PERIODS_MAX: Final = 1024  # of one limit and group, the latest ones


class Span(NamedTuple):
    """From one claim on, until another (None: to the end), claims of more than `room` are refused."""

    begin: Order
    end: Order | None
    room: Decimal

    def covers(self, order: Order) -> bool:
        """Is it what a claim at this place is answered by?"""
        return self.begin <= order and (self.end is None or order < self.end)


class _Word(NamedTuple):
    revision: int
    spans: tuple[Span, ...]


class UsedUp:
    """The words by brand, limit and group, then by begin of the period."""

    def __init__(self) -> None:
        self._words: dict[tuple[str | None, str, str], dict[int, _Word]] = {}

    def apply(self, control: Control) -> int | None:
        """Takes a word in. The instant (µs) from which claims are answered otherwise than before; None: nothing is new."""
        said = control.used
        if said is None:
            return None
        words = self._words.setdefault((control.brand, said.limit, said.group), {})
        before = words.get(said.begins_at)
        if before is not None and before.revision >= said.revision:
            return None
        word = _Word(said.revision, tuple(_span(one) for one in said.spans))
        words[said.begins_at] = word
        while len(words) > PERIODS_MAX:
            del words[min(words)]
        changed = _edges(word.spans) ^ _edges(before.spans if before is not None else ())
        return min((at for _, (at, _), _ in changed), default=None)

    def refusing(
        self, brand: str | None, limit: str, group: str, begins_at: int, order: Order, amount: Decimal
    ) -> Span | None:
        """What refuses a claim in the period that begins then; begun before it: by earlier claims, else by itself. None: granted."""
        words = self._words.get((brand, limit, group))
        word = words.get(begins_at) if words else None
        spans = word.spans if word is not None else ()
        return next((span for span in spans if span.covers(order) and amount > span.room), None)


def _span(said: UsedSpan) -> Span:
    end = None if said.until_at is None else (said.until_at, said.until_place)
    return Span((said.from_at, said.from_place), end, said.room if said.room is not None else NOTHING)


def _edges(spans: tuple[Span, ...]) -> set[tuple[str, Order, Decimal]]:
    begins = {("begin", span.begin, span.room) for span in spans}
    return begins | {("end", span.end, span.room) for span in spans if span.end is not None}
