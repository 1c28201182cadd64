"""What an input changes in the values of a subject: of its matters to the customer, and of the customer to the company."""

import msgspec

from schemas.records import Customer, Touchpoint
from streams.experience.compiled import CompiledPack
from streams.experience.delivered import noted
from streams.experience.relation import dump_worth, load_worth, note, settle, tier_in_force
from streams.experience.state import Fold


def value_touchpoint(fold: Fold, pack: CompiledPack, event: Touchpoint) -> None:
    """Before the signals of the event look at it."""
    if pack.file.delivered_value is not None:
        fold.accounts = noted(fold.accounts, event, pack.file.delivered_value, pack.file.currency)
    spec = pack.file.relation_value
    if spec is None or event.subject_type != "customer":
        return
    worth = load_worth(fold.worth)
    if not fold.worth:
        worth.told_tier = fold.profile.tier
    note(worth, event, spec, pack.file.currency)
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
