"""After a booking: check-in, the flight (on time, delayed, cancelled; the same for all its passengers), the baggage, a refund."""

from typing import Final

from schemas.records import Outcome
from streams.simulate.customers import Person
from streams.simulate.matter import Flight, Matter
from streams.simulate.plan import US_PER_SECOND
from streams.simulate.reaction import react
from streams.simulate.voice import ask, may_praise
from streams.simulate.world import World

_MINUTE: Final = 60.0
_MINUTE_US: Final = 60 * US_PER_SECOND
_DEPARTS_EVERY_US: Final = 10 * _MINUTE_US  # from each airport
_CHECK_IN_FAILS: Final = 0.03
_CANCELLED: Final = 0.008
_DELAYED: Final = 0.12
_DELAYED_IN_INCIDENT: Final = 0.9
_BAG_MISSING: Final = 0.012


def fly(world: World, person: Person, matter: Matter) -> int:
    """Books the next suitable flight. Returns its scheduled arrival (µs)."""
    ahead_us = int((50 + 60 * world.random()) * _MINUTE_US)
    slot = (world.now - world.plan.start_us + ahead_us) // _DEPARTS_EVERY_US + 1
    departs_at = world.plan.start_us + slot * _DEPARTS_EVERY_US
    flight = _flight(world, person, departs_at)
    matter.flight = flight
    matter.product = flight.number
    world.later((departs_at - world.now) / US_PER_SECOND - 40 * _MINUTE * world.random(), check_in, person, matter)
    lands_at = departs_at if flight.cancelled else flight.arrives_at
    world.later((lands_at - world.now) / US_PER_SECOND, land, person, matter)
    if flight.arrives_at > flight.scheduled_at:
        patient_us = int(person.tolerates_late_seconds * US_PER_SECOND)
        overdue_at = flight.scheduled_at + patient_us
        if overdue_at < flight.arrives_at and not flight.cancelled:
            world.later((overdue_at - world.now) / US_PER_SECOND, miss, person, matter)
    return flight.scheduled_at


def _flight(world: World, person: Person, departs_at: int) -> Flight:
    """The flight that leaves then from the customer's airport; its fate is decided when it is first booked."""
    airport = person.district.name
    known = world.flights.get((airport, departs_at))
    if known is not None:
        return known
    incident = world.incidents.at("flight", departs_at, airport)
    scheduled_at = departs_at + int((45 + 60 * world.random()) * _MINUTE_US)
    delay_us = 0
    if world.random() < (_DELAYED if incident is None else _DELAYED_IN_INCIDENT):
        delay_us = int((15 + 40 * world.random() + (0 if incident is None else 40)) * _MINUTE_US)
    numbers = world.company.products
    number = f"{numbers[(departs_at - world.plan.start_us) // _DEPARTS_EVERY_US % len(numbers)]}-{airport}"
    cancelled = world.random() < _CANCELLED
    flight = Flight(
        number, scheduled_at, scheduled_at + delay_us, cancelled, None if incident is None else incident.name
    )
    for key in [key for key in world.flights if key[1] < world.now]:
        del world.flights[key]
    world.flights[airport, departs_at] = flight
    return flight


def check_in(world: World, person: Person, matter: Matter) -> None:
    """A step: online check-in, or the attempt."""
    works = world.random() >= _CHECK_IN_FAILS
    outcome: Outcome = "success" if works else "failure"
    event_id = world.touch(
        person, matter, "check_in", action="check_in", outcome=outcome, duration=30 + 60 * world.random()
    )
    if works:
        ask(world, person, matter, "check_in", event_id, 1.0)
        return
    world.grieve(person, matter, "check_in", "check_in_failed", event_id)
    react(world, person, matter, asks=0.5)


def miss(world: World, person: Person, matter: Matter) -> None:
    """A step: should have landed, has not, and patience ends."""
    flight = matter.flight
    assert flight is not None
    world.grieve(
        person, matter, "flight", "overdue", matter.paid_event, incident=world.incidents.named(flight.incident)
    )
    react(world, person, matter, asks=0.15)


def land(world: World, person: Person, matter: Matter) -> None:
    """A step: arrival, or the news that there is none."""
    flight = matter.flight
    assert flight is not None
    event_id = world.touch(
        person,
        matter,
        "flight",
        action="fly",
        outcome="failure" if flight.cancelled else "success",
        channel="airport",
        promised_at=flight.scheduled_at,
        unit=person.district.depot,
        source="operations",
    )
    incident = world.incidents.named(flight.incident)
    if incident is not None:
        incident.meets(person.id)
    if flight.cancelled:
        world.grieve(person, matter, "flight", "cancelled", event_id, incident=incident)
        react(world, person, matter, asks=0.6)
        world.later((120 + 400 * world.random()) * _MINUTE, refund, person, matter)
        return
    late_seconds = (world.now - flight.scheduled_at) / US_PER_SECOND
    quality = 1.5
    if late_seconds > person.tolerates_late_seconds:
        times = min(2.0, 0.5 + late_seconds / 3600)
        world.grieve(person, matter, "flight", "late", event_id, times=times, incident=incident)
        react(world, person, matter, asks=0.15)
        quality = -3.0
    else:
        world.please(person, 0.35, "succeeded")
    ask(world, person, matter, "flight", event_id, quality)
    if quality > 0:
        may_praise(world, person, matter, "flight", event_id)
    world.later((12 + 15 * world.random()) * _MINUTE, fetch_bag, person, matter)


def fetch_bag(world: World, person: Person, matter: Matter) -> None:
    """A step: at the belt."""
    missing = world.random() < _BAG_MISSING
    event_id = world.touch(
        person,
        matter,
        "baggage",
        action="fetch",
        outcome="failure" if missing else "success",
        channel="airport",
        waiting=(4 + 20 * world.random()) * _MINUTE,
        unit=person.district.depot,
        source="operations",
    )
    if missing:
        world.grieve(person, matter, "baggage", "bag_missing", event_id)
        react(world, person, matter, asks=0.9)
    else:
        ask(world, person, matter, "baggage", event_id, 1.0)


def refund(world: World, person: Person, matter: Matter) -> None:
    """A step: the fare is paid back."""
    amount = None if matter.amount is None else -matter.amount
    event_id = world.touch(person, matter, "refund", action="refund", amount=amount, source="payments")
    world.please(person, 0.4, "refunded")
    ask(world, person, matter, "refund", event_id, 0.5)
