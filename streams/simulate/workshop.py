"""A car and its workshop: appointment, drop-off with an estimate and a time, repair, hand-over, bill; breakdowns; faults that come back."""

from decimal import Decimal
from typing import Final

from schemas.events import Outcome
from streams.simulate.contact import call
from streams.simulate.customers import Person
from streams.simulate.leaving import give_up, may_leave
from streams.simulate.matter import Matter
from streams.simulate.plan import US_PER_SECOND
from streams.simulate.reaction import react
from streams.simulate.voice import ask, may_complain, may_praise
from streams.simulate.world import World

_MINUTE: Final = 60.0
_BOOKS: Final = 0.5  # of those who looked for a date
_BREAKS_DOWN: Final = 0.04
_PROGRESS_FAILS: Final = 0.015
_BOOKING_FAILS: Final = 0.05
_BOOKING_FAILS_IN_OUTAGE: Final = 0.85
_LONG_QUEUE: Final = 0.06
_LATE: Final = 0.1
_LATE_WITHOUT_PARTS: Final = 0.85
_NOT_REPAIRED: Final = 0.06
_BILL_HIGHER: Final = 0.08
_NOT_WASHED: Final = 0.05
_UNFRIENDLY: Final = 0.03
_STAYS_BROKEN: Final = 0.1  # of breakdowns: towed, not mended
_ASKS_PROGRESS: Final = 0.06  # without being late


def visit(world: World, person: Person, matter: Matter) -> None:
    """A step: wants something done to the car, has broken down, or looks how far the car is."""
    if person.gone:
        return
    products = world.company.products
    matter.product = products[int(world.random() * len(products))]
    matter.looks = 2 + int(2 * world.random())
    if world.now < person.busy_until:
        matter.looks = 2
        world.later(1, _look_again, person, matter)
    elif world.wrong(_BREAKS_DOWN):
        person.busy_until = world.now + 3600 * US_PER_SECOND
        world.number(matter)
        world.later(60 * (20 + 40 * world.random()), be_towed, person, matter)
        world.touch(person, matter, "appointment", action="report_breakdown", channel="app", device=person.device)
    else:
        world.later(1 + 5 * world.random(), look, person, matter)


def _look_again(world: World, person: Person, matter: Matter) -> None:
    """A step: how far is it?"""
    matter.looked += 1
    fails = world.wrong(_PROGRESS_FAILS)
    event_id = world.touch(
        person,
        matter,
        "appointment",
        action="view_progress",
        outcome="failure" if fails else "success",
        duration=10.0,
        device=person.device,
    )
    if fails:
        world.grieve(person, matter, "appointment", "no_progress", event_id)
    if matter.looked < matter.looks:
        world.later(60 + 600 * world.random(), _look_again, person, matter)


def look(world: World, person: Person, matter: Matter) -> None:
    """A step: looks for a date."""
    matter.looked += 1
    seconds = 15 + 60 * world.random()
    world.touch(person, matter, "appointment", action="view_dates", duration=seconds, device=person.device)
    if matter.looked < matter.looks:
        world.later(10 + 60 * world.random(), look, person, matter)
    elif world.random() < _BOOKS:
        world.number(matter)
        world.later(15 + 60 * world.random(), book, person, matter)


def book(world: World, person: Person, matter: Matter) -> None:
    """A step: books a date, online."""
    if person.gone:
        return
    where = "appointment"
    incident = world.incidents.at(where, world.now, person.district.name)
    fails = world.wrong(_BOOKING_FAILS if incident is None else _BOOKING_FAILS_IN_OUTAGE)
    drops_off_after = (30 + 90 * world.random()) * _MINUTE
    outcome: Outcome = "failure" if fails else "success"
    matter.promised_at = None if fails else world.now + int(drops_off_after * US_PER_SECOND)
    event_id = world.touch(
        person, matter, where, action="book", outcome=outcome, duration=40.0, promised_at=matter.promised_at
    )
    if not fails:
        person.busy_until = world.now + int((drops_off_after + 3600) * US_PER_SECOND)
        world.please(person, 0.15, "succeeded")
        ask(world, person, matter, where, event_id, 1.0)
        world.later(drops_off_after, drop_off, person, matter)
        return
    matter.attempts += 1
    if incident is not None:
        incident.meets(person.id)
    world.grieve(person, matter, where, "booking_failed", event_id, incident=incident)
    if world.random() < (0.95 - 0.28 * matter.attempts) * (0.6 + 0.6 * person.patience):
        world.later(15 + 120 * world.random(), book, person, matter)
    else:
        react(world, person, matter, asks=0.5)


def be_towed(world: World, person: Person, matter: Matter) -> None:
    """A step: help is there, at the side of the road."""
    waiting = (15 + 30 * world.random() + (40 * world.random() if world.wrong(0.2) else 0)) * _MINUTE
    mended = not world.wrong(_STAYS_BROKEN)
    event_id = world.touch(
        person,
        matter,
        "roadside",
        action="help",
        outcome="success" if mended else "failure",
        channel="road",
        waiting=waiting,
        duration=waiting + 1200,
        unit=person.district.depot,
        source="roadside",
    )
    if waiting > 1500 + 6 * person.tolerates_waiting_seconds:
        world.grieve(person, matter, "roadside", "long_wait", event_id, times=min(2.0, waiting / 2400))
    if mended:
        world.please(person, 0.3, "succeeded")
        ask(world, person, matter, "roadside", event_id, 2.0 if waiting < 2400 else -1.0)
        may_praise(world, person, matter, "roadside", event_id)
        return
    world.grieve(person, matter, "roadside", "stranded", event_id)
    world.later(30 * _MINUTE, drop_off, person, matter)


def drop_off(world: World, person: Person, matter: Matter) -> None:
    """A step: the key is handed in; an estimate and a time are told."""
    if person.gone:
        return
    long = world.wrong(_LONG_QUEUE)
    waiting = 900 + 1500 * world.random() if long else 60 + 300 * world.random()
    hours = 1.5 + 2.5 * world.random()
    price = world.company.price_median * world.rng.lognormvariate(0, 0.5)
    matter.amount = Decimal(int(price * 100)).scaleb(-2)
    matter.promised_at = world.now + int(hours * 3600 * US_PER_SECOND)
    staff = person.district.staff[int(world.random() * len(person.district.staff))]
    event_id = world.touch(
        person,
        matter,
        "drop_off",
        action="hand_in",
        channel="dealer",
        waiting=waiting,
        promised_at=matter.promised_at,
        unit=person.district.site,
        staff=staff,
        source="dealer",
        attributes={"estimate": str(matter.amount)},
    )
    matter.settled = False
    matter.paid_event = event_id
    if long and waiting > 500 + 2.5 * person.tolerates_waiting_seconds:
        world.grieve(person, matter, "drop_off", "queue", event_id)
        may_complain(world, person, matter)
    else:
        ask(world, person, matter, "drop_off", event_id, 1.0)
    incident = world.incidents.at("hand_over", world.now, person.district.name)
    late = world.wrong(_LATE if incident is None else _LATE_WITHOUT_PARTS)
    late_seconds = (20 + 100 * world.random() + (0 if incident is None else 40)) * _MINUTE if late else 0.0
    matter.incident = None if incident is None or not late else incident.name
    ready_after = hours * 3600 + late_seconds - (0 if late else 1500 * world.random())
    person.busy_until = world.now + int((ready_after + 1800) * US_PER_SECOND)
    # Washing, test drive, the bill.
    checks = 600 if late else min((15 + 75 * world.random()) * _MINUTE, ready_after / 2)
    world.later(ready_after - checks, finish_repair, person, matter)
    world.later(ready_after, hand_over, person, matter)
    tolerated = 1.5 * person.tolerates_late_seconds
    if late_seconds > tolerated:
        world.later(hours * 3600 + tolerated, miss, person, matter)
    if world.random() < _ASKS_PROGRESS + (0.2 if late else 0.0):
        world.later(hours * 3600 * (0.6 + 0.3 * world.random()), ask_progress, person, matter)


def ask_progress(world: World, person: Person, matter: Matter) -> None:
    """A step: nobody has told how far it is, so it is asked."""
    matter.asking = "ask_progress"
    call(world, person, matter)


def miss(world: World, person: Person, matter: Matter) -> None:
    """A step: stands in the yard, and the car is not ready."""
    incident = world.incidents.named(matter.incident)
    world.grieve(person, matter, "hand_over", "not_ready_in_time", matter.paid_event, incident=incident)
    matter.asking = "ask_progress"
    react(world, person, matter, asks=0.4)


def finish_repair(world: World, person: Person, matter: Matter) -> None:
    """A step: off the lift."""
    world.touch(
        person, matter, "repair", action="repair", channel="dealer", unit=person.district.depot, source="dealer"
    )


def hand_over(world: World, person: Person, matter: Matter) -> None:
    """A step: the car is fetched, and the bill paid; whether the fault is gone shows later."""
    promised_at = matter.promised_at or world.now
    late_seconds = (world.now - promised_at) / US_PER_SECOND
    event_id = world.touch(
        person,
        matter,
        "hand_over",
        action="fetch",
        channel="dealer",
        waiting=(1 + 10 * world.random()) * _MINUTE,
        promised_at=matter.promised_at,
        unit=person.district.site,
        staff=person.district.staff[int(world.random() * len(person.district.staff))],
        source="dealer",
    )
    matter.settled = True
    quality = 1.6
    incident = world.incidents.named(matter.incident)
    if incident is not None:
        incident.meets(person.id)
    if late_seconds > 1.5 * person.tolerates_late_seconds:
        times = min(2.0, 0.4 + late_seconds / 7200)
        world.grieve(person, matter, "hand_over", "car_late", event_id, times=times, incident=incident)
        may_complain(world, person, matter)
        quality = -2.5
    for cause, chance in (("not_washed", _NOT_WASHED), ("unfriendly", _UNFRIENDLY)):
        if world.wrong(chance):
            world.grieve(person, matter, "hand_over", cause, event_id)
            quality -= 3.5
    if quality > 0:
        world.please(person, 0.3, "succeeded")
        may_praise(world, person, matter, "hand_over", event_id)
    ask(world, person, matter, "hand_over", event_id, quality)
    world.later(120 + 300 * world.random(), pay, person, matter)
    if world.wrong(_NOT_REPAIRED):
        world.later((30 + 120 * world.random()) * _MINUTE, notice_the_fault, person, matter)


def pay(world: World, person: Person, matter: Matter) -> None:
    """A step: the bill, about as estimated, or far from it."""
    estimate = matter.amount or Decimal(0)
    rise = 0.12 + 0.5 * world.random() if world.wrong(_BILL_HIGHER) else world.rng.gauss(-0.02, 0.03)
    amount = (estimate * Decimal(str(round(1 + rise, 3)))).quantize(Decimal("0.01"))
    event_id = world.touch(
        person,
        matter,
        "bill",
        action="pay",
        channel="dealer",
        amount=amount,
        unit=person.district.site,
        source="dealer",
    )
    if rise > 0.05 + 0.2 * person.patience:
        world.grieve(person, matter, "bill", "bill_higher", event_id, times=min(2.0, 0.6 + 2 * rise))
        ask(world, person, matter, "bill", event_id, -4.0)
        react(world, person, matter, asks=0.35)
        return
    ask(world, person, matter, "bill", event_id, 0.8)


def notice_the_fault(world: World, person: Person, matter: Matter) -> None:
    """A step: the same noise again. The workshop learns of it when the customer comes back."""
    if person.gone:
        return
    world.grieve(person, matter, "repair", "not_repaired", matter.paid_event)
    if may_leave(world, person, matter):
        return
    may_complain(world, person, matter)
    draw = world.random()
    if draw < 0.55:
        world.later((20 + 100 * world.random()) * _MINUTE, come_back, person, matter)
    elif draw < 0.8:
        matter.settled = False
        world.later(300 + 1200 * world.random(), call, person, matter)
    else:
        give_up(person)


def come_back(world: World, person: Person, matter: Matter) -> None:
    """A step: with the car, once more."""
    unit = person.district.depot
    world.touch(
        person, matter, "repair", action="come_back", outcome="failure", channel="dealer", unit=unit, source="dealer"
    )
    world.later(10 * _MINUTE, drop_off, person, matter)
