"""Incidents: for a while one touchpoint fails or is slow for many customers, everywhere or in one district.

They recur every few hours of a long run, at moments that the seed decides.
"""

from random import Random
from typing import Final

from streams.simulate.company import Company
from streams.simulate.plan import US_PER_HOUR, Plan
from streams.simulate.truth import Truth, when

_EVERY_HOURS: Final = 6.0
_OF: Final = {
    "quiet": (),
    "outage": ("payment_outage",),
    "late-courier": ("late_courier",),
    "slow-hotline": ("slow_hotline",),
    "all": ("payment_outage", "late_courier", "slow_hotline"),
}
# Of the run, or of each `_EVERY_HOURS` of a longer one: (earliest start, latest start, length), as shares.
_SPANS: Final = {
    "payment_outage": (0.3, 0.4, 0.12),
    "late_courier": (0.15, 0.25, 0.5),
    "slow_hotline": (0.5, 0.6, 0.25),
}
_TOUCHPOINTS: Final = {
    ("retail", "payment_outage"): "payment",
    ("retail", "late_courier"): "delivery",
    ("retail", "slow_hotline"): "hotline",
    ("airline", "payment_outage"): "booking",
    ("airline", "late_courier"): "departure",  # an airport where flights leave late
    ("airline", "slow_hotline"): "hotline",
}


class Incident:
    """One of them. `district` None: everywhere. `hit` are the customers whom it met, whether they mind or not."""

    __slots__ = ("district", "ends_us", "events", "hit", "name", "starts_us", "touchpoint")

    def __init__(self, name: str, touchpoint: str, starts_us: int, ends_us: int, district: str | None) -> None:
        self.name = name
        self.touchpoint = touchpoint
        self.starts_us = starts_us
        self.ends_us = ends_us
        self.district = district
        self.hit: set[str] = set()
        self.events = 0

    def meets(self, customer: str) -> None:
        """Counts one event that would have gone better without it."""
        self.hit.add(customer)
        self.events += 1


class Incidents:
    """Those of a run, by touchpoint."""

    def __init__(self, plan: Plan, company: Company) -> None:
        rng = Random(f"{plan.seed}/incidents")  # noqa: S311 - a simulation, reproducible on purpose
        blocks = max(1, round(plan.hours / _EVERY_HOURS))
        block_us = plan.hours * US_PER_HOUR / blocks
        self._by_touchpoint: dict[str, list[Incident]] = {}
        for number in range(blocks):
            for kind in _OF[plan.scenario]:
                first, last, length = _SPANS[kind]
                starts = plan.start_us + int((number + first + (last - first) * rng.random()) * block_us)
                district = rng.choice(company.districts).name if kind == "late_courier" else None
                touchpoint = _TOUCHPOINTS[plan.company, kind]
                name = f"{kind}-{number + 1}"
                incident = Incident(name, touchpoint, starts, starts + int(length * block_us), district)
                self._by_touchpoint.setdefault(touchpoint, []).append(incident)

    def at(self, touchpoint: str, now_us: int, district: str) -> Incident | None:
        """The one that is going on there."""
        incidents = self._by_touchpoint.get(touchpoint)
        if incidents:
            for incident in incidents:
                if incident.starts_us <= now_us < incident.ends_us and incident.district in (None, district):
                    return incident
        return None

    def named(self, name: str | None) -> Incident | None:
        """The incident of that name."""
        return None if name is None else next(incident for incident in self.all() if incident.name == name)

    def all(self) -> list[Incident]:
        """By start."""
        listed = [incident for incidents in self._by_touchpoint.values() for incident in incidents]
        return sorted(listed, key=lambda incident: (incident.starts_us, incident.name))

    def tell(self, truth: Truth, now_us: int) -> None:
        """What they did, at the end of the run; those that had begun by then."""
        for incident in self.all():
            if incident.starts_us > now_us:
                continue
            truth.tell(
                "incident",
                incident=incident.name,
                touchpoint=incident.touchpoint,
                district=incident.district,
                since=when(incident.starts_us),
                until=when(incident.ends_us),
                customers=sorted(incident.hit),
                events=incident.events,
            )
