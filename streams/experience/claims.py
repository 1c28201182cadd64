"""Claims on a limit in their order: what is granted, and from which claim on how little is left. Amounts in ten-thousandths, exactly."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from streams.experience.state import Row
from streams.experience.used_up import Order

SPANS_MAX: Final = 64  # so often what is left is told; then nothing is
_UNIT: Final = Decimal("0.0001")
_AFTER: Final = "+"  # after a place: behind that claim, before the next


class Claimed(Row):
    """A claim; the highest revision of it."""

    id: str
    revision: int
    retracted: bool
    at: int
    place: str
    amount: int
    most: int
    bound: bool

    @property
    def order(self) -> Order:
        """Its place among all."""
        return (self.at, self.place)


class UsedFrom(Row):
    """From one claim on, until another (None: to the end), more than `room` is not granted."""

    begin: Order
    end: Order | None = None
    room: int = 0


class Sum(Row):
    """What claims come to, up to one of them. `closed_at_most`: the limit when something did not fit; None: all has fitted."""

    until: Order = (0, "")
    granted: int = 0
    closed_at_most: int | None = None
    spans: list[UsedFrom] = msgspec.field(default_factory=list)

    def add(self, one: Claimed) -> None:
        """The next claim in order."""
        if not one.bound:
            self.granted += one.amount
            if one.amount < 0 and self.closed_at_most is not None and self.granted < self.closed_at_most:
                self._open(one.order)
            return
        told = None if self.closed_at_most is None else self.spans[-1].room  # so much still goes, everybody knows
        if self.granted + one.amount > one.most:
            if told is None or one.amount <= told:
                self._close(one.order, one.most, one.most - self.granted)
            return
        if told is not None and one.amount > told and not self._open(one.order):
            return
        self.granted += one.amount
        if self.granted == one.most:  # nothing is left: the next one need not be asked to know it
            self._close((one.at, one.place + _AFTER), one.most, 0)

    def add_late(self, one: Claimed) -> None:
        """One that comes when its place has been settled: it was answered by the spans as they are."""
        order = one.order
        covering = (span for span in self.spans if span.begin <= order and (span.end is None or order < span.end))
        if not (one.bound and any(one.amount > span.room for span in covering)):
            self.granted += one.amount

    def _close(self, order: Order, most: int, room: int) -> None:
        if self.closed_at_most is not None:
            self.spans[-1] = UsedFrom(self.spans[-1].begin, order, self.spans[-1].room)
        self.closed_at_most = most
        last = len(self.spans) + 1 == SPANS_MAX  # it stays, so nothing may go on within it
        self.spans.append(UsedFrom(order, None, 0 if last else max(0, room)))

    def _open(self, order: Order) -> bool:
        if len(self.spans) == SPANS_MAX:
            return False
        self.closed_at_most = None
        self.spans[-1] = UsedFrom(self.spans[-1].begin, order, self.spans[-1].room)
        return True


def sweep(settled: Sum, claims: Iterable[Claimed]) -> Sum:
    """All claims that are not taken back, after what is settled; that stays as it is."""
    found = Sum(settled.until, settled.granted, settled.closed_at_most, list(settled.spans))
    for one in sorted((one for one in claims if not one.retracted), key=lambda one: one.order):
        found.add(one)
    return found


def units(amount: Decimal) -> int:
    """An amount in ten-thousandths."""
    return int(amount / _UNIT)


def in_units(amount: int) -> Decimal:
    """The amount again."""
    return amount * _UNIT
