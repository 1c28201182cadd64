"""What a customer is worth to the company, and the tier that follows from it, with hysteresis.

`value = (Σ margin · revenue − cost, of the last year) · Σₜ 1/(1+d)ᵗ over the expected life + referrals + capability + potential`, where potential
is discounted and less the cost of cultivating it. Noted in order of event time. A year is thirteen stretches of four weeks.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec

from schemas.events import Touchpoint
from streams.experience.delivered import money_of
from streams.experience.pack_values import RelationValue

STRETCH: Final = 28 * 86_400_000_000  # µs
STRETCHES: Final = 13  # of a year


class Worth(msgspec.Struct, array_like=True, gc=False):
    """What is remembered of a customer's value. `told_tier`: as the company's systems say; `tier`: as it follows from the value."""

    stretches: list[tuple[int, float]] = []  # (number of the stretch, revenue that remained less cost), ascending
    referred: int = 0
    told_tier: str | None = None
    tier: str | None = None
    value: float = 0.0
    order: list[str] = []  # tiers, the best first


_decoder: Final = msgspec.msgpack.Decoder(Worth)
_encoder: Final = msgspec.msgpack.Encoder()


def load_worth(rest: bytes) -> Worth:
    """From its bytes; a new one from none."""
    return _decoder.decode(rest) if rest else Worth()


def dump_worth(worth: Worth) -> bytes:
    """Bytes, to rest in a fold."""
    return _encoder.encode(worth)


def note(worth: Worth, event: Touchpoint, spec: RelationValue, currency: str) -> None:
    """What one event adds."""
    net = -spec.cost_each.get(event.touchpoint, 0.0)
    if event.outcome == "success":
        if event.touchpoint in spec.revenue_at:
            net += spec.margin * money_of(event.amount, event.currency, currency)
        worth.referred += event.touchpoint == spec.referral_at
    number = event.occurred_at // STRETCH
    if worth.stretches and worth.stretches[-1][0] == number:
        worth.stretches[-1] = (number, worth.stretches[-1][1] + net)
    elif net:
        worth.stretches.append((number, net))


def settle(worth: Worth, attributes: Mapping[str, str], spec: RelationValue, at: int) -> None:
    """Value and tier at an instant (µs)."""
    oldest = at // STRETCH - STRETCHES
    worth.stretches = [one for one in worth.stretches if one[0] > oldest]
    a_year = sum(net for _, net in worth.stretches) + _number(attributes, spec.capability_attribute)
    potential = (
        _number(attributes, spec.potential_attribute) / (1.0 + spec.discount_per_year) ** spec.potential_in_years
    )
    worth.value = (
        a_year * annuity(spec.life_years, spec.discount_per_year)
        + worth.referred * spec.referral_each
        + potential
        - _number(attributes, spec.cultivation_attribute)
    )
    worth.order = sorted(spec.tiers, key=lambda tier: -spec.tiers[tier])
    worth.tier = tier_of(worth.value, worth.tier, spec)


@lru_cache(maxsize=64)
def annuity(years: float, discount: float) -> float:
    """What one a year is worth for so many years, paid at the end of each; a part of a year counts as its part."""
    whole = int(years)
    factor = sum(1.0 / (1.0 + discount) ** year for year in range(1, whole + 1))
    return float(factor + (years - whole) / (1.0 + discount) ** (whole + 1))


def tier_of(value: float, now: str | None, spec: RelationValue) -> str | None:
    """The tier that follows. A rise comes at once; a tier is lost only well below the value that it asks for."""
    earned = max((tier for tier in spec.tiers if value >= spec.tiers[tier]), key=spec.tiers.__getitem__, default=None)
    if now is None or now not in spec.tiers:
        return earned
    if earned is not None and spec.tiers[earned] >= spec.tiers[now]:
        return earned
    asked = spec.tiers[now]
    return now if value >= asked - spec.hysteresis * abs(asked) else earned


def tier_in_force(worth: Worth) -> str | None:
    """The better of what was told and what follows. A told tier that has no value to ask for (a contract) stays."""
    if worth.told_tier is None or worth.told_tier not in worth.order:
        return worth.told_tier or worth.tier
    told = worth.order.index(worth.told_tier)
    return worth.tier if worth.tier in worth.order[:told] else worth.told_tier


def _number(attributes: Mapping[str, str], name: str | None) -> float:
    """An attribute as money; 0 where it is missing or no number."""
    try:
        value = float(attributes.get(name, "0")) if name is not None else 0.0
    except ValueError:
        return 0.0
    return value if abs(value) < 1e12 else 0.0  # NaN fails here, too
