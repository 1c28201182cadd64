"""The world of a run: the clock, what is due next, and the records that steps of customers' lives leave behind.

A step is a function (world, person, matter) that runs at its moment, emits records of that moment and puts off others.
"""

from collections.abc import Callable
from decimal import Decimal
from heapq import heappush
from random import Random
from typing import Final, TypeAlias

from schemas.events import Event, Outcome, Touchpoint
from streams.simulate.company import Company
from streams.simulate.customers import Person, profile
from streams.simulate.incidents import Incident, Incidents
from streams.simulate.matter import Flight, Matter
from streams.simulate.mood import STRENGTHS, Grievance, annoy, end_spell, fade, relieve, tell_traits
from streams.simulate.plan import US_PER_SECOND, Plan
from streams.simulate.regulars import annoys, met
from streams.simulate.remarks import Remarks
from streams.simulate.rush import Rush
from streams.simulate.truth import Truth

Step: TypeAlias = Callable[["World", Person, Matter], None]
_REPLACED: Final = 0.3  # each time that somebody who is gone would have come


class World:
    """What every step sees."""

    def __init__(self, plan: Plan, company: Company, truth: Truth, visit: Step) -> None:
        self.plan = plan
        self.company = company
        self.truth = truth
        self.incidents = Incidents(plan, company)
        self.remarks = Remarks(plan.seed)
        self.rush = Rush(plan)
        self.rng = Random(f"{plan.seed}/{plan.company}/world")  # noqa: S311 - a simulation, reproducible on purpose
        self.random = self.rng.random
        self.now = plan.start_us
        self.queue: list[tuple[int, int, Step, Person, Matter]] = []
        self.emitted: list[Event] = []
        self.people: dict[str, Person] = {}
        self.flights: dict[tuple[str, int], Flight] = {}
        self.nobody = Person(-1, plan, plan.run, company)
        self._visit = visit
        self._slots: dict[int, Person] = {}
        self._newcomers = 0
        self._run = plan.run
        self._brand = company.brand
        self._sequence = 0
        self._ids = 0

    def wrong(self, chance: float) -> bool:
        """Does something go wrong that does so with this chance?"""
        return self.random() < chance * self.plan.trouble

    def later(self, seconds: float, step: Step, person: Person, matter: Matter) -> None:
        """Puts a step off."""
        self._sequence += 1
        heappush(self.queue, (self.now + int(seconds * US_PER_SECOND), self._sequence, step, person, matter))

    def new_id(self) -> str:
        """An event's id."""
        self._ids += 1
        return f"{self._run}-{self._ids}"

    def number(self, matter: Matter) -> str:
        """The matter's number, as customers and staff quote it."""
        if matter.id is None:
            self._ids += 1
            matter.id = f"m-{self._run}-{self._ids}"
        return matter.id

    def come_again(self, seconds: float, person: Person) -> None:
        """Puts a visit off."""
        self.later(seconds, self._visit, person, Matter(person.channel))

    def somebody(self) -> None:
        """The next of the customers turns up. Who has left makes room for somebody new."""
        self.incidents.tell_ended(self.truth, self.now)
        slot = int(self.random() * self.plan.customers)
        person = self._slots.get(slot)
        if person is None:
            person = self._slots[slot] = self._meet(slot)
        elif person.gone and self.random() < _REPLACED:
            fade(person, self.now, self.truth)
            end_spell(person, None, "left", self.truth)
            del self.people[person.id]
            self._newcomers += 1
            person = self._slots[slot] = self._meet(self.plan.customers + self._newcomers)
        self._visit(self, person, Matter(person.channel))

    def _meet(self, index: int) -> Person:
        """The directory and the truth learn of a customer."""
        person = Person(index, self.plan, self._run, self.company)
        self.people[person.id] = person
        self.emitted.append(profile(person, self.new_id(), self.now, self._brand, self.rng))
        tell_traits(person, self.truth)
        return person

    def touch(
        self,
        person: Person,
        matter: Matter,
        touchpoint: str,
        *,
        action: str,
        outcome: Outcome = "success",
        channel: str | None = None,
        waiting: float | None = None,
        duration: float | None = None,
        amount: Decimal | None = None,
        promised_at: int | None = None,
        unit: str | None = None,
        staff: str | None = None,
        source: str = "web",
        device: str | None = None,
        attributes: dict[str, str] | None = None,
    ) -> str:
        """Emits a touchpoint event of this moment. Returns its id."""
        self._ids += 1
        event_id = f"{self._run}-{self._ids}"
        district = person.district
        self.emitted.append(
            Touchpoint(
                event_id=event_id,
                subject_type="customer",
                subject_id=person.id,
                occurred_at=self.now,
                source=source,
                brand=self._brand,
                channel=channel or matter.channel,
                touchpoint=touchpoint,
                place=district.name,
                action=action,
                outcome=outcome,
                duration_seconds=None if duration is None else round(duration, 1),
                waiting_seconds=None if waiting is None else round(waiting, 1),
                promised_at=promised_at,
                amount=amount,
                currency=None if amount is None else district.currency,
                matter=matter.id,
                product=matter.product,
                unit=unit,
                staff=staff,
                device=device,
                attributes=attributes or {},
            )
        )
        return event_id

    def grieve(
        self,
        person: Person,
        matter: Matter,
        touchpoint: str,
        cause: str,
        event_id: str,
        *,
        times: float = 1.0,
        incident: Incident | None = None,
    ) -> None:
        """Something annoyed the customer now, `times` as much as usual."""
        matter.cause, matter.touchpoint, matter.event_id = cause, touchpoint, event_id
        name = None if incident is None else incident.name
        annoy(person, Grievance(self.now, touchpoint, cause, STRENGTHS[cause] * times, event_id, name), self.truth)

    def met(self, person: Person, matter: Matter, touchpoint: str, event_id: str, quality: float) -> float:
        """How good a contact was for this customer, which may annoy only beside those before."""
        if not person.course:
            return quality
        before, person.contacts = person.contacts, person.contacts + 1
        quality = met(person.course, before, quality)
        if annoys(person.course, before, quality):
            self.grieve(person, matter, touchpoint, person.course, event_id)
        return quality

    def please(self, person: Person, share: float, by: str) -> None:
        """Something good happened now; it does not please who has seen it better."""
        if person.course and person.contacts > 1:
            return
        relieve(person, share, self.now, self.truth, by)
