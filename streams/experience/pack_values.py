"""The parts of a pack that say how experience and value are measured."""

from typing import Literal

import msgspec

MeasureOf = Literal[
    "waiting_seconds", "duration_seconds", "late_seconds", "response_seconds", "steps", "failures", "completion"
]


class Measure(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Experience that nobody has to say: a level, 0–10, from what happened."""

    of: MeasureOf  # what is measured
    touchpoint: str  # where
    levels: list[tuple[float, float]]  # points (value, level), ascending in the value: [[0, 10], [60, 7], [600, 0]]
    dimension: str | None = None  # of which dimension it tells; null: the touchpoint's
    since: str | None = None  # with response_seconds: touchpoint at which the time begins, in the same matter


class DeliveredValue(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a matter (an order, a case) gives a customer and takes from him, in the pack's currency."""

    worth_per_paid: float  # product: what is bought is worth so many times what was paid for it
    image: float = 0.0  # once a matter: what it is worth to deal with this brand
    service_each: dict[str, float] = {}  # touchpoint → worth of a contact that succeeded
    personnel_each: dict[str, float] = {}  # touchpoint → worth of a person who helped
    time_per_hour: float = 0.0  # cost of an hour of waiting and being served
    effort_each: dict[str, float] = {}  # touchpoint → cost of the effort of each contact
    worry_per_failure: float = 0.0  # cost of a failure, or of what was given up
    worry_per_late_hour: float = 0.0  # cost of each hour beyond what was promised


class RelationValue(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a customer is worth to the company, in the pack's currency, and the tier that follows."""

    revenue_at: list[str]  # touchpoints whose amounts are revenue; paid back is negative
    margin: float  # share of revenue that remains, 0–1
    life_years: float  # how long a relation is expected to last
    cost_each: dict[str, float] = {}  # touchpoint → cost of serving a customer there
    discount_per_year: float = 0.0  # share by which money is worth less in a year
    referral_at: str | None = None  # touchpoint whose successes are customers who were referred
    referral_each: float = 0.0  # worth of one
    capability_attribute: str | None = None  # customer's attribute: what else he is worth a year, by what he can do
    potential_attribute: str | None = None  # customer's attribute: worth that he may come to
    potential_in_years: float = 0.0  # when
    cultivation_attribute: str | None = None  # customer's attribute: cost of bringing him there
    tiers: dict[str, float] = {}  # tier → value from which on a customer is in it; none: only the value is told
    hysteresis: float = 0.2  # a tier is lost only below this share under its value

    def touchpoints(self) -> frozenset[str]:
        """Where something happens that changes it."""
        return frozenset({*self.revenue_at, *self.cost_each, *([self.referral_at] if self.referral_at else [])})


class Fairness(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What holds for everybody, whatever the tier: packs that fall short of it are refused."""

    step_within_seconds: dict[Literal["listen", "respond", "compensate", "improve"], float] = {}  # no tier waits longer
    amount_at_least: float = 0.0  # no stated compensation is lower
    same_help: bool = True  # who is listened to, answered and passed on does not depend on tier or value
