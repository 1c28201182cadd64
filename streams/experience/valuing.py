"""What an input changes in the values of a subject: of its matters to the customer, and of the customer to the company."""

import msgspec

from schemas.events import Customer, Touchpoint
from streams.experience.compiled import CompiledPack
from streams.experience.delivered import Account, noted
from streams.experience.pack_values import RelationValue
from streams.experience.relation import dump_worth, load_worth, note, settle, tier_in_force
from streams.experience.state import Fold


def value_touchpoint(fold: Fold, pack: CompiledPack, event: Touchpoint) -> Account | None:
    """Before the signals of the event look at it. The account of its matter, where the pack values matters."""
    account = None
    if pack.file.delivered_value is not None:
        fold.accounts, account = noted(fold.accounts, event, pack.file.delivered_value, pack.file.currency)
    if event.touchpoint in pack.valued_at and event.subject_type == "customer":
        _value_relation(fold, pack.file.relation_value, pack.file.currency, event)
    return account


def _value_relation(fold: Fold, spec: RelationValue | None, currency: str, event: Touchpoint) -> None:
    if spec is None:
        return
    worth = load_worth(fold.worth)
    if not fold.worth:
        worth.told_tier = fold.profile.tier
    note(worth, event, spec, currency)
    settle(worth, fold.profile.attributes, spec, event.occurred_at)
    fold.worth = dump_worth(worth)
    tier = tier_in_force(worth) if spec.tiers else worth.told_tier
    fold.profile = msgspec.structs.replace(fold.profile, value=worth.value, tier=tier)


def value_told(fold: Fold, update: Customer) -> None:
    """After the profile took over what was told of the customer: what follows from the value stays."""
    worth = load_worth(fold.worth)
    if update.tier is not None:
        worth.told_tier = update.tier or None
        fold.worth = dump_worth(worth)
    fold.profile = msgspec.structs.replace(fold.profile, value=worth.value, tier=tier_in_force(worth))
