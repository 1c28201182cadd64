"""Delivered value of an order or contact: what it gives a customer minus what it takes, from what happened, in money.

`value = (product + service + personnel + image) − (money + time + effort + worry)`. Below zero the customer may end the relation.
Events are noted in order of event time, each with the parameters of the pack in force then.
"""

from decimal import Decimal
from hashlib import blake2b
from struct import Struct
from typing import Final

from schemas.events import Touchpoint
from streams.experience.pack_values import DeliveredValue

ACCOUNTS_MAX: Final = 16  # matters of a customer; the one that nothing has happened in for longest goes first
SECOND: Final = 1e6
_HOUR: Final = 3600.0
GIVES: Final = ("product", "service", "personnel", "image")
PARTS: Final = (*GIVES, "money", "time", "effort", "worry")


class Account:
    """A matter's components so far. `before`: the value before the last event."""

    __slots__ = (*PARTS, "before")

    def __init__(self, *amounts: float) -> None:
        (
            self.product,
            self.service,
            self.personnel,
            self.image,
            self.money,
            self.time,
            self.effort,
            self.worry,
            self.before,
        ) = amounts

    @property
    def value(self) -> float:
        """What is left for the customer."""
        gives = self.product + self.service + self.personnel + self.image
        return gives - (self.money + self.time + self.effort + self.worry)

    def told(self) -> str:
        """The value with its components, for evidence."""
        signed = [(name, getattr(self, name) * (1 if name in GIVES else -1)) for name in PARTS]
        return f"{self.value:.2f}: " + ", ".join(f"{name} {part:+.2f}" for name, part in signed if part)


# Accounts rest one after the other, the one that something happened in last at the end: the name's hash, then the amounts.
_ROW: Final = Struct("<8s9d")


def account_of(rest: bytes, matter: str | None) -> Account | None:
    """The account of a matter."""
    if not rest or matter is None:
        return None
    at = _find(rest, _key(matter))
    return None if at < 0 else Account(*_ROW.unpack_from(rest, at)[1:])


def _key(matter: str) -> bytes:
    return blake2b(matter.encode(), digest_size=8).digest()


def _find(rest: bytes, key: bytes) -> int:
    at = rest.find(key)
    while at > 0 and at % _ROW.size:
        at = rest.find(key, at + 1)
    return at


def noted(rest: bytes, event: Touchpoint, spec: DeliveredValue, currency: str) -> tuple[bytes, Account | None]:
    """The accounts after an event, as bytes, and that of its matter. One without a matter changes nothing."""
    if event.matter is None:
        return rest, None
    key = _key(event.matter)
    at = _find(rest, key)
    if at < 0:
        account = Account(0.0, 0.0, 0.0, spec.image, 0.0, 0.0, 0.0, 0.0, 0.0)
        others = rest[-_ROW.size * (ACCOUNTS_MAX - 1) :]
    else:
        account = Account(*_ROW.unpack_from(rest, at)[1:])
        account.before = account.value
        others = rest[:at] + rest[at + _ROW.size :]
    note(account, event, spec, currency)
    return others + _ROW.pack(key, *(getattr(account, name) for name in Account.__slots__)), account


def note(account: Account, event: Touchpoint, spec: DeliveredValue, currency: str) -> None:
    """What one event adds. A touchpoint is named as the event names it."""
    where, success = event.touchpoint, event.outcome == "success"
    if success:
        paid = money_of(event.amount, event.currency, currency)
        account.money += paid
        account.product = spec.worth_per_paid * max(0.0, account.money)
        account.service += spec.service_each.get(where, 0.0)
        account.personnel += spec.personnel_each.get(where, 0.0)
    elif event.outcome in ("failure", "abandoned"):
        account.worry += spec.worry_per_failure
    # The duration includes the waiting.
    hours = max(event.duration_seconds or 0.0, event.waiting_seconds or 0.0) / _HOUR
    account.time += spec.time_per_hour * hours
    account.effort += spec.effort_each.get(where, 0.0)
    if success and event.promised_at is not None and event.occurred_at > event.promised_at:
        account.worry += spec.worry_per_late_hour * (event.occurred_at - event.promised_at) / SECOND / _HOUR


def money_of(amount: Decimal | None, currency: str | None, wanted: str) -> float:
    """An amount that is in the pack's currency, or does not say in which; others count as none."""
    return float(amount) if amount is not None and currency in (None, "", wanted) else 0.0
