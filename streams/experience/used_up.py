"""What is used up, as the subjects see it: words from `cx-controls` on limits, looked up by the order of claims.

A claim is refused where a word on its limit, group and period has a span that covers its place: (event time, place). Words are
filled in any order; of one period the highest revision counts.
"""

from typing import Final, NamedTuple

from schemas.controls import Control, UsedSpan

Order = tuple[int, str]  # event time (µs), place among the claims of that instant
PERIODS_MAX: Final = 1024  # of one limit and group, the latest ones


class Span(NamedTuple):
    """From one claim on, until another (None: to the end), nothing is left."""

    begin: Order
    end: Order | None

    def covers(self, order: Order, *, strictly: bool) -> bool:
        """Is a claim refused? `strictly`: by what was there before it, so not by itself."""
        begun = self.begin < order if strictly else self.begin <= order
        return begun and (self.end is None or order < self.end)


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
        return min((at for _, (at, _) in changed), default=None)

    def refuses(
        self, brand: str | None, limit: str, group: str, begins_at: int, order: Order, *, strictly: bool = False
    ) -> bool:
        """Is nothing left for this claim in the period that begins then?"""
        words = self._words.get((brand, limit, group))
        word = words.get(begins_at) if words else None
        return word is not None and any(span.covers(order, strictly=strictly) for span in word.spans)


def _span(said: UsedSpan) -> Span:
    end = None if said.until_at is None else (said.until_at, said.until_place)
    return Span((said.from_at, said.from_place), end)


def _edges(spans: tuple[Span, ...]) -> set[tuple[str, Order]]:
    begins = {("begin", span.begin) for span in spans}
    return begins | {("end", span.end) for span in spans if span.end is not None}
