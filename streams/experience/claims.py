"""Claims on a limit in their order: what is granted, and from which claim on nothing is left. Amounts in ten-thousandths, exactly."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from streams.experience.state import Row
from streams.experience.used_up import Order

SPANS_MAX: Final = 64  # so often a period is closed; then it stays so
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


class Sum(Row):
    """What claims come to, up to one of them. `closed_at_most`: the limit that is used up; None: it is not."""

    until: Order = (0, "")
    granted: int = 0
    closed_at_most: int | None = None
    spans: list[tuple[Order, Order | None]] = msgspec.field(default_factory=list)

    def add(self, one: Claimed) -> None:
        """The next claim in order."""
        if not one.bound:
            self.granted += one.amount
            if one.amount < 0 and self.closed_at_most is not None and self.granted < self.closed_at_most:
                self._open(one.order)
            return
        if self.closed_at_most is not None and one.most > self.closed_at_most:
            self._open(one.order)
        if self.closed_at_most is not None:
            return
        if self.granted + one.amount > one.most:
            self._close(one.order, one.most)
            return
        self.granted += one.amount
        if self.granted == one.most:  # nothing is left: the next one need not be asked to know it
            self._close((one.at, one.place + _AFTER), one.most)

    def add_late(self, one: Claimed) -> None:
        """One that comes when its place has been settled: it was answered by the spans as they are."""
        order = one.order
        refused = one.bound and any(begin <= order and (end is None or order < end) for begin, end in self.spans)
        if not refused:
            self.granted += one.amount

    def _close(self, order: Order, most: int) -> None:
        self.closed_at_most = most
        if self.spans and self.spans[-1][1] == order:  # it had been opened for nothing
            self.spans[-1] = (self.spans[-1][0], None)
        else:
            self.spans.append((order, None))

    def _open(self, order: Order) -> None:
        if len(self.spans) < SPANS_MAX:
            self.closed_at_most = None
            self.spans[-1] = (self.spans[-1][0], order)


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
