"""After a booking: check-in, lounge, departure and arrival (on time, delayed, cancelled; the same for all passengers), baggage."""

from typing import Final

from schemas.events import Outcome
from streams.simulate.customers import Person
from streams.simulate.matter import Flight, Matter
from streams.simulate.plan import US_PER_SECOND
from streams.simulate.reaction import react
from streams.simulate.voice import ask, may_praise
from streams.simulate.world import Step, World

_MINUTE: Final = 60.0
_MINUTE_US: Final = 60 * US_PER_SECOND
_DEPARTS_EVERY_US: Final = 10 * _MINUTE_US  # from each airport
_CHECK_IN_FAILS: Final = 0.03
_CANCELLED: Final = 0.008
_DELAYED: Final = 0.12
_DELAYED_IN_INCIDENT: Final = 0.9
_BAG_MISSING: Final = 0.015


def fly(world: World, person: Person, matter: Matter) -> int:
    """Books the next suitable flight. Returns its scheduled departure (µs)."""
    flight = _next_flight(world, person)
    matter.flight = flight
    matter.product = flight.number
    _at(world, flight.departs_at - int((10 + 35 * world.random()) * _MINUTE_US), check_in, person, matter)
    _at(world, flight.departs_at + (0 if flight.cancelled else flight.delay_us), depart, person, matter)
    if flight.delay_us > person.tolerates_late_seconds * US_PER_SECOND:
        _at(world, flight.departs_at + int(person.tolerates_late_seconds * US_PER_SECOND), wait, person, matter)
    return flight.departs_at


def _at(world: World, at_us: int, step: Step, person: Person, matter: Matter) -> None:
    world.later((at_us - world.now) / US_PER_SECOND, step, person, matter)


def _next_flight(world: World, person: Person) -> Flight:
    """One that leaves in an hour or two from the customer's airport; its fate is decided when it is first booked."""
    airport, since_start = person.district.name, world.now - world.plan.start_us
    slot = (since_start + int((50 + 60 * world.random()) * _MINUTE_US)) // _DEPARTS_EVERY_US + 1
    departs_at = world.plan.start_us + slot * _DEPARTS_EVERY_US
    known = world.flights.get((airport, departs_at))
    if known is not None:
        return known
    incident = world.incidents.at("departure", departs_at, airport)
    lands_at = departs_at + int((45 + 60 * world.random()) * _MINUTE_US)
    delay_us = 0
    if world.wrong(_DELAYED if incident is None else _DELAYED_IN_INCIDENT):
        delay_us = int((15 + 40 * world.random() + (0 if incident is None else 40)) * _MINUTE_US)
    numbers = world.company.products
    cancelled = world.wrong(_CANCELLED)
    name = None if incident is None else incident.name
    flight = Flight(f"{numbers[slot % len(numbers)]}-{airport}", departs_at, lands_at, delay_us, cancelled, name)
    for key in [key for key in world.flights if key[1] < world.now]:
        del world.flights[key]
    world.flights[airport, departs_at] = flight
    return flight


def _flight(matter: Matter) -> Flight:
    assert matter.flight is not None
    return matter.flight


def _operated(
    world: World, person: Person, matter: Matter, touchpoint: str, promised_at: int, outcome: Outcome = "success"
) -> str:
    return world.touch(
        person,
        matter,
        touchpoint,
        action="fly",
        outcome=outcome,
        channel="airport",
        promised_at=promised_at,
        unit=person.district.depot,
        source="operations",
    )


def check_in(world: World, person: Person, matter: Matter) -> None:
    """A step: online check-in, again until it works."""
    works = not world.wrong(_CHECK_IN_FAILS)
    event_id = world.touch(
        person,
        matter,
        "check_in",
        action="check_in",
        outcome="success" if works else "failure",
        duration=30 + 60 * world.random(),
        promised_at=_flight(matter).departs_at,
    )
    if not works:
        world.grieve(person, matter, "check_in", "check_in_failed", event_id)
        react(world, person, matter, asks=0.3)
        world.later((2 + 4 * world.random()) * _MINUTE, check_in, person, matter)
        return
    ask(world, person, matter, "check_in", event_id, 1.0)
    if person.tier == "gold":
        world.later((1 + 8 * world.random()) * _MINUTE, rest, person, matter)


def rest(world: World, person: Person, matter: Matter) -> None:
    """A step: in the lounge."""
    event_id = world.touch(person, matter, "lounge", action="visit", channel="airport", unit=person.district.site)
    ask(world, person, matter, "lounge", event_id, 1.5)


def wait(world: World, person: Person, matter: Matter) -> None:
    """A step: should have left, has not, and patience ends."""
    flight = _flight(matter)
    if flight.cancelled:
        return
    incident = world.incidents.named(flight.incident)
    world.grieve(person, matter, "departure", "overdue", matter.paid_event, incident=incident)
    react(world, person, matter, asks=0.2)


def depart(world: World, person: Person, matter: Matter) -> None:
    """A step: take-off, or the news that there is none."""
    flight = _flight(matter)
    incident = world.incidents.named(flight.incident)
    if flight.cancelled:
        event_id = _operated(world, person, matter, "departure", flight.departs_at, "failure")
        world.grieve(person, matter, "departure", "cancelled", event_id, incident=incident)
        react(world, person, matter, asks=0.6)
        world.later((120 + 400 * world.random()) * _MINUTE, refund, person, matter)
        return
    _operated(world, person, matter, "departure", flight.departs_at)
    if incident is not None and flight.delay_us:
        incident.meets(person.id)
    _at(world, flight.lands_at + flight.delay_us, land, person, matter)


def land(world: World, person: Person, matter: Matter) -> None:
    """A step: arrival."""
    flight = _flight(matter)
    event_id = _operated(world, person, matter, "arrival", flight.lands_at)
    late_seconds = flight.delay_us / US_PER_SECOND
    quality = 1.5
    if late_seconds > person.tolerates_late_seconds:
        incident = world.incidents.named(flight.incident)
        times = min(2.0, 0.5 + late_seconds / 3600)
        world.grieve(person, matter, "arrival", "late", event_id, times=times, incident=incident)
        react(world, person, matter, asks=0.15)
        quality = -3.0
    else:
        world.please(person, 0.35, "succeeded")
    ask(world, person, matter, "arrival", event_id, quality)
    if quality > 0:
        may_praise(world, person, matter, "arrival", event_id)
    world.later((12 + 15 * world.random()) * _MINUTE, fetch_bag, person, matter)


def fetch_bag(world: World, person: Person, matter: Matter) -> None:
    """A step: at the belt."""
    missing = world.wrong(_BAG_MISSING)
    event_id = world.touch(
        person,
        matter,
        "baggage_claim",
        action="fetch",
        outcome="failure" if missing else "success",
        channel="airport",
        waiting=(4 + 20 * world.random()) * _MINUTE,
        unit=person.district.depot,
        source="operations",
    )
    if missing:
        world.grieve(person, matter, "baggage_claim", "bag_missing", event_id)
        react(world, person, matter, asks=0.9)
    else:
        ask(world, person, matter, "baggage_claim", event_id, 1.0)


def refund(world: World, person: Person, matter: Matter) -> None:
    """A step: the fare is paid back at the desk."""
    amount = None if matter.amount is None else -matter.amount
    unit = person.district.site
    event_id = world.touch(person, matter, "service_desk", action="refund", channel="airport", amount=amount, unit=unit)
    world.please(person, 0.4, "refunded")
    ask(world, person, matter, "service_desk", event_id, 0.5)
