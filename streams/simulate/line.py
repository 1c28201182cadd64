"""A telecom operator's customers: self-service that works or not, the line, the technician, orders, bills and payments."""

from decimal import Decimal
from typing import Final

from schemas.events import Outcome
from streams.simulate.contact import call
from streams.simulate.customers import Person
from streams.simulate.leaving import give_up
from streams.simulate.matter import Matter
from streams.simulate.plan import US_PER_SECOND
from streams.simulate.reaction import react
from streams.simulate.technician import appoint
from streams.simulate.voice import ask, may_complain
from streams.simulate.world import Step, World

_MINUTE: Final = 60.0
_BUSY_US: Final = 300_000_000
_CHANGES: Final = 0.5  # of those who use self-service; the others only look
_FAILS: Final = 0.05
_FAILS_IN_OUTAGE: Final = 0.85
_NOT_FOUND: Final = 0.035
_PAYMENT_FAILS: Final = 0.025
_BILL_SHOCK: Final = 0.07
_ACTIVATED_LATE: Final = 0.12
_MENDS_ITSELF: Final = 0.6
_ERRANDS: Final = (("self_service", 0.68), ("bill", 0.86), ("order", 0.96), ("line", 1.0))  # cumulative


def visit(world: World, person: Person, matter: Matter) -> None:
    """A step: an errand, or the line goes down."""
    if person.gone or world.now < person.busy_until:
        return
    person.busy_until = world.now + _BUSY_US
    products = world.company.products
    matter.product = products[int(world.random() * len(products))]
    matter.looks = 2 + int(3 * world.random())
    draw = world.random()
    errand = next(name for name, up_to in _ERRANDS if draw < up_to)
    if errand == "line":
        world.later(1, go_down, person, matter)
        return
    first: Step = {"self_service": look, "bill": read_bill, "order": look}[errand]
    matter.asking = "ask" if errand != "order" else "order"
    world.later(1 + 4 * world.random(), first, person, matter)


def look(world: World, person: Person, matter: Matter) -> None:
    """A step: a page of the self-service; then a change, an order, or nothing more."""
    matter.looked += 1
    seconds = 10 + 80 * world.random()
    world.touch(person, matter, "self_service", action="view", duration=seconds, device=person.device)
    if matter.looked < matter.looks:
        world.later(8 + 60 * world.random(), look, person, matter)
    elif matter.asking == "order":
        matter.asking = "ask"
        world.later(20 + 60 * world.random(), order, person, matter)
    elif world.random() < _CHANGES:
        world.later(10 + 60 * world.random(), change, person, matter)


def change(world: World, person: Person, matter: Matter) -> None:
    """A step: a tariff, an address, a top-up, alone on the web."""
    if person.gone:
        return
    where = "self_service"
    incident = world.incidents.at(where, world.now, person.district.name)
    seconds = 30 + 120 * world.random()
    if incident is None and world.wrong(_NOT_FOUND):
        event_id = world.touch(
            person, matter, where, action="change", outcome="abandoned", duration=2 * seconds, device=person.device
        )
        world.grieve(person, matter, where, "self_service_failed", event_id, times=0.8)
        react(world, person, matter, asks=0.5)
        return
    fails = world.wrong(_FAILS if incident is None else _FAILS_IN_OUTAGE)
    outcome: Outcome = "failure" if fails else "success"
    event_id = world.touch(
        person, matter, where, action="change", outcome=outcome, duration=seconds, device=person.device
    )
    if not fails:
        world.please(person, 0.25, "succeeded")
        ask(world, person, matter, where, event_id, 1.2)
        return
    matter.attempts += 1
    if incident is not None:
        incident.meets(person.id)
    world.grieve(person, matter, where, "self_service_failed", event_id, incident=incident)
    if world.random() < (0.95 - 0.28 * matter.attempts) * (0.6 + 0.6 * person.patience):
        world.later(15 + 100 * world.random(), change, person, matter)
        return
    react(world, person, matter, asks=0.55)


def order(world: World, person: Person, matter: Matter) -> None:
    """A step: a new line, with the time at which it will work."""
    world.number(matter)
    hours = 1 + 3 * world.random()
    matter.amount = _price(world)
    matter.promised_at = world.now + int(hours * 3600 * US_PER_SECOND)
    matter.paid_event = world.touch(
        person, matter, "order", action="order", amount=matter.amount, promised_at=matter.promised_at
    )
    late_seconds = (30 + 150 * world.random()) * _MINUTE if world.wrong(_ACTIVATED_LATE) else 0.0
    if late_seconds > 2 * person.tolerates_late_seconds:
        world.later(hours * 3600 + 2 * person.tolerates_late_seconds, _miss_activation, person, matter)
    world.later(hours * 3600 + late_seconds - (0 if late_seconds else 1800 * world.random()), activate, person, matter)


def _miss_activation(world: World, person: Person, matter: Matter) -> None:
    world.grieve(person, matter, "activation", "not_activated", matter.paid_event)
    react(world, person, matter, asks=0.45)


def activate(world: World, person: Person, matter: Matter) -> None:
    """A step: the line works."""
    event_id = world.touch(
        person, matter, "activation", action="activate", channel="network", unit=person.district.depot, source="network"
    )
    matter.settled = True
    late_seconds = (world.now - (matter.promised_at or world.now)) / US_PER_SECOND
    late = late_seconds > 2 * person.tolerates_late_seconds
    if not late:
        world.please(person, 0.3, "succeeded")
    ask(world, person, matter, "activation", event_id, -2.5 if late else 1.6)


def read_bill(world: World, person: Person, matter: Matter) -> None:
    """A step: the bill has come; as agreed, or much more."""
    agreed = _price(world)
    shock = world.wrong(_BILL_SHOCK)
    rise = 0.25 + 1.2 * world.random() if shock else 0.02 * world.random()
    amount = (agreed * Decimal(str(round(1 + rise, 3)))).quantize(Decimal("0.01"))
    world.number(matter)
    matter.amount = amount
    event_id = world.touch(
        person, matter, "bill", action="read", amount=amount, device=person.device, attributes={"estimate": str(agreed)}
    )
    if rise > 0.1 + 0.3 * person.patience:
        world.grieve(person, matter, "bill", "bill_shock", event_id, times=min(1.8, 0.6 + rise))
        ask(world, person, matter, "bill", event_id, -4.0)
        react(world, person, matter, asks=0.5)
        return
    ask(world, person, matter, "bill", event_id, 0.3)
    world.later(20 + 100 * world.random(), pay, person, matter)


def pay(world: World, person: Person, matter: Matter) -> None:
    """A step: pays the bill."""
    fails = world.wrong(_PAYMENT_FAILS)
    outcome: Outcome = "failure" if fails else "success"
    waiting = 1 + 5 * world.random()
    event_id = world.touch(
        person,
        matter,
        "payment",
        action="pay",
        outcome=outcome,
        waiting=waiting,
        amount=matter.amount,
        source="payments",
    )
    if not fails:
        world.please(person, 0.1, "succeeded")
        return
    matter.attempts += 1
    world.grieve(person, matter, "payment", "payment_failed", event_id)
    if world.random() < (0.95 - 0.3 * matter.attempts) * (0.6 + 0.6 * person.patience):
        world.later(15 + 100 * world.random(), pay, person, matter)
    else:
        react(world, person, matter, asks=0.4)


def go_down(world: World, person: Person, matter: Matter) -> None:
    """A step: no connection. Some lines mend themselves, for others a technician has to come."""
    event_id = world.touch(
        person, matter, "network", action="line_down", outcome="failure", channel="network", source="network"
    )
    world.number(matter)
    matter.paid_event = event_id
    if world.random() < _MENDS_ITSELF:
        minutes = 3 + 90 * world.random() ** 2
        world.later(minutes * _MINUTE, come_up, person, matter)
        if minutes * _MINUTE > 2 * person.tolerates_waiting_seconds:
            times = min(1.6, 0.4 + minutes / 60)
            world.later(2 * person.tolerates_waiting_seconds, _mind(times), person, matter)
        return
    world.grieve(person, matter, "network", "no_network", event_id)
    world.later(300 + 900 * world.random(), report, person, matter)


def _mind(times: float) -> Step:
    def mind(world: World, person: Person, matter: Matter) -> None:
        world.grieve(person, matter, "network", "no_network", matter.paid_event, times=times)
        react(world, person, matter, asks=0.2)

    return mind


def come_up(world: World, person: Person, matter: Matter) -> None:
    """A step: connected again."""
    world.touch(person, matter, "network", action="line_up", channel="network", source="network")
    matter.settled = True
    world.please(person, 0.15, "succeeded")


def report(world: World, person: Person, matter: Matter) -> None:
    """A step: reports the fault on the web, or to a person, and gets an appointment."""
    if person.gone:
        return
    if world.random() < 0.5:
        fails = world.wrong(2 * _FAILS)
        outcome: Outcome = "failure" if fails else "success"
        event_id = world.touch(
            person, matter, "self_service", action="report", outcome=outcome, duration=200.0, channel="app"
        )
        if fails:
            world.grieve(person, matter, "self_service", "self_service_failed", event_id)
            if world.random() < 0.3:
                may_complain(world, person, matter)
                give_up(person)
                return
            call(world, person, matter)
    else:
        call(world, person, matter)
    world.later((10 + 20 * world.random()) * _MINUTE, appoint, person, matter)


def _price(world: World) -> Decimal:
    return Decimal(int(world.company.price_median * world.rng.lognormvariate(0, 0.3) * 100)).scaleb(-2)
