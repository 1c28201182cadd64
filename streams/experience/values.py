"""What all matters of some events gave and took, and what the customers in them are worth, by the decisions' own code."""

from collections.abc import Iterable, Sequence

import msgspec

from schemas.events import Customer, Touchpoint
from streams.experience.compiled import CompiledPack
from streams.experience.delivered import Account, note
from streams.experience.fold import updated
from streams.experience.relation import load_worth
from streams.experience.state import Fold
from streams.experience.valuing import value_told, value_touchpoint


class MatterValue(msgspec.Struct, frozen=True):
    """One order or case of a customer, in the pack's currency."""

    subject: str
    matter: str
    value: float
    product: float
    service: float
    personnel: float
    image: float
    money: float
    time: float
    effort: float
    worry: float


class CustomerValue(msgspec.Struct, frozen=True):
    """`told_tier`: as the company's systems say; `earned_tier`: as it follows from the value; `tier`: the one in force."""

    customer: str
    value: float
    tier: str | None
    earned_tier: str | None
    told_tier: str | None


def matters(events: Iterable[Touchpoint | Customer], pack: CompiledPack) -> list[MatterValue]:
    """The least value first; none where the pack does not say how to value."""
    spec = pack.file.delivered_value
    if spec is None:
        return []
    accounts: dict[tuple[str, str], Account] = {}
    for event in _ordered(events):
        if isinstance(event, Touchpoint) and event.matter is not None:
            key = (event.subject_id, event.matter)
            if key not in accounts:
                accounts[key] = Account(0.0, 0.0, 0.0, spec.image, 0.0, 0.0, 0.0, 0.0, 0.0)
            note(accounts[key], event, spec, pack.file.currency)
    found = [
        MatterValue(
            subject=subject,
            matter=matter,
            value=one.value,
            product=one.product,
            service=one.service,
            personnel=one.personnel,
            image=one.image,
            money=one.money,
            time=one.time,
            effort=one.effort,
            worry=one.worry,
        )
        for (subject, matter), one in accounts.items()
    ]
    return sorted(found, key=lambda one: (one.value, one.subject, one.matter))


def customers(events: Iterable[Touchpoint | Customer], pack: CompiledPack) -> list[CustomerValue]:
    """The highest value first; none where the pack does not say how to value."""
    if pack.file.relation_value is None:
        return []
    folds: dict[str, Fold] = {}
    for event in _ordered(events):
        fold = folds.setdefault(event.subject_id, Fold())
        if isinstance(event, Touchpoint):
            value_touchpoint(fold, pack, event)
        else:
            fold.profile = updated(fold.profile, event)
            if fold.worth:
                value_told(fold, event)
    found = []
    for customer, fold in folds.items():
        if fold.worth:
            worth = load_worth(fold.worth)
            found.append(CustomerValue(customer, worth.value, fold.profile.tier, worth.tier, worth.told_tier))
    return sorted(found, key=lambda one: (-one.value, one.customer))


def _ordered(events: Iterable[Touchpoint | Customer]) -> Sequence[Touchpoint | Customer]:
    """In order of event time, each once."""
    once = {(type(one), one.event_id): one for one in events}
    return sorted(once.values(), key=lambda one: (one.occurred_at, isinstance(one, Touchpoint), one.event_id))
