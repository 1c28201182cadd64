"""Incidents: for a while one touchpoint fails or is slow for many customers, everywhere or in one district.

They recur every few hours of a long run, at moments that the seed decides.
"""

from random import Random
from typing import Final

from streams.simulate.company import Company
from streams.simulate.plan import US_PER_HOUR, Plan
from streams.simulate.truth import Truth, when

_EVERY_HOURS: Final = 6.0
_AFTERMATH_US: Final = 6 * US_PER_HOUR  # until the last parcel of a late courier has come
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
    ("automotive", "payment_outage"): "appointment",
    ("automotive", "late_courier"): "hand_over",  # a workshop without parts
    ("automotive", "slow_hotline"): "adviser",
    ("telecom", "payment_outage"): "self_service",
    ("telecom", "late_courier"): "technician",  # a district with too few of them
    ("telecom", "slow_hotline"): "hotline",
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
    """Those of a run, by touchpoint, in order of time. One that is long over is told and forgotten."""

    def __init__(self, plan: Plan, company: Company) -> None:
        rng = Random(f"{plan.seed}/incidents")  # noqa: S311 - a simulation, reproducible on purpose
        blocks = max(1, round(plan.hours / _EVERY_HOURS))
        block_us = plan.hours * US_PER_HOUR / blocks
        self._by_touchpoint: dict[str, list[Incident]] = {}
        self._by_name: dict[str, Incident] = {}
        for number in range(blocks):
            for kind in _OF[plan.scenario]:
                first, last, length = _SPANS[kind]
                starts = plan.start_us + int((number + first + (last - first) * rng.random()) * block_us)
                district = rng.choice(company.districts).name if kind == "late_courier" else None
                touchpoint = _TOUCHPOINTS[plan.company, kind]
                name = f"{kind}-{number + 1}"
                incident = Incident(name, touchpoint, starts, starts + int(length * block_us), district)
                self._by_touchpoint.setdefault(touchpoint, []).append(incident)
                self._by_name[name] = incident

    def at(self, touchpoint: str, now_us: int, district: str) -> Incident | None:
        """The one that is going on there."""
        for incident in self._by_touchpoint.get(touchpoint, ()):
            if now_us < incident.starts_us:
                break
            if now_us < incident.ends_us and incident.district in (None, district):
                return incident
        return None

    def named(self, name: str | None) -> Incident | None:
        """The incident of that name, unless it is long over."""
        return None if name is None else self._by_name.get(name)

    def tell_ended(self, truth: Truth, now_us: int) -> None:
        """Those of which nothing can be felt any more."""
        for incidents in self._by_touchpoint.values():
            while incidents and incidents[0].ends_us + _AFTERMATH_US < now_us:
                incident = incidents.pop(0)
                del self._by_name[incident.name]
                _tell(incident, truth)

    def tell(self, truth: Truth, now_us: int) -> None:
        """At the end of the run, those that are left and have begun."""
        for incident in sorted(self._by_name.values(), key=lambda incident: (incident.starts_us, incident.name)):
            if incident.starts_us <= now_us:
                _tell(incident, truth)


def _tell(incident: Incident, truth: Truth) -> None:
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
