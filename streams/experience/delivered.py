"""Delivered value of an order or contact: what it gives a customer minus what it takes, from what happened, in money.

`value = (product + service + personnel + image) − (money + time + effort + worry)`. Below zero the customer may end the relation.
Events are noted in order of event time, each with the parameters of the pack in force then.
"""

from decimal import Decimal
from typing import Final

import msgspec

from schemas.records import Touchpoint
from streams.experience.pack_values import DeliveredValue

ACCOUNTS_MAX: Final = 16  # matters of a customer; the one that nothing has happened in for longest goes first
SECOND: Final = 1e6
_HOUR: Final = 3600.0


class Account(msgspec.Struct, array_like=True, gc=False):
    """A matter's components so far. `before`: the value before the last event."""

    matter: str
    product: float = 0.0
    service: float = 0.0
    personnel: float = 0.0
    image: float = 0.0
    money: float = 0.0
    time: float = 0.0
    effort: float = 0.0
    worry: float = 0.0
    before: float = 0.0

    @property
    def value(self) -> float:
        """What is left for the customer."""
        gives = self.product + self.service + self.personnel + self.image
        return gives - (self.money + self.time + self.effort + self.worry)

    def told(self) -> str:
        """The value with its components, for evidence."""
        gives = ("product", "service", "personnel", "image")
        takes = ("money", "time", "effort", "worry")
        signed = [(name, getattr(self, name)) for name in gives] + [(name, -getattr(self, name)) for name in takes]
        return f"{self.value:.2f}: " + ", ".join(f"{name} {part:+.2f}" for name, part in signed if part)


_decoder: Final = msgspec.msgpack.Decoder(list[Account])
_encoder: Final = msgspec.msgpack.Encoder()


def load_accounts(rest: bytes) -> list[Account]:
    """Accounts from their bytes."""
    return _decoder.decode(rest) if rest else []


def account_of(rest: bytes, matter: str | None) -> Account | None:
    """The account of a matter."""
    return next((one for one in load_accounts(rest) if one.matter == matter), None) if matter else None


def noted(rest: bytes, event: Touchpoint, spec: DeliveredValue, currency: str) -> bytes:
    """The accounts after an event, as bytes. One without a matter changes nothing."""
    if event.matter is None:
        return rest
    accounts = load_accounts(rest)
    account = next((one for one in accounts if one.matter == event.matter), None)
    if account is None:
        account = Account(event.matter, image=spec.image)
    else:
        accounts.remove(account)
        account.before = account.value
    note(account, event, spec, currency)
    return _encoder.encode([*accounts, account][-ACCOUNTS_MAX:])


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
    hours = (
        max(event.duration_seconds or 0.0, event.waiting_seconds or 0.0) / _HOUR
    )  # the duration includes the waiting
    account.time += spec.time_per_hour * hours
    account.effort += spec.effort_each.get(where, 0.0)
    if success and event.promised_at is not None and event.occurred_at > event.promised_at:
        account.worry += spec.worry_per_late_hour * (event.occurred_at - event.promised_at) / SECOND / _HOUR


def money_of(amount: Decimal | None, currency: str | None, wanted: str) -> float:
    """An amount that is in the pack's currency, or does not say in which; others count as none."""
    return float(amount) if amount is not None and currency in (None, "", wanted) else 0.0
