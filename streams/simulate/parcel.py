"""After a purchase: the promised slot, the parcel (on time, late, not handed over, damaged), pick-up, return and refund."""

from typing import Final

from streams.simulate.customers import Person
from streams.simulate.matter import Matter
from streams.simulate.plan import US_PER_SECOND
from streams.simulate.reaction import react
from streams.simulate.voice import ask, may_praise
from streams.simulate.world import World

_MINUTE: Final = 60.0
_PICKS_UP: Final = 0.15
_LATE: Final = 0.06
_LATE_IN_INCIDENT: Final = 0.85
_NOT_HANDED_OVER: Final = 0.015
_DAMAGED: Final = 0.02
_NOT_AS_DESCRIBED: Final = 0.03
_NOT_READY: Final = 0.05
_REFUND_LATE: Final = 0.12
_BUYS_AGAIN: Final = 0.2
_REASONS: Final = ("damaged", "not_as_described")  # on the form


def promise(world: World, person: Person, matter: Matter) -> int | None:
    """What is promised when paying: a delivery slot's end (µs), or nothing but a parcel that waits in the store."""
    if world.random() < _PICKS_UP:
        world.later((40 + 80 * world.random()) * _MINUTE, pick_up, person, matter)
        return None
    slot_seconds = (40 + 60 * world.random()) * _MINUTE
    incident = world.incidents.at("delivery", world.now, person.district.name)
    if world.wrong(_LATE if incident is None else _LATE_IN_INCIDENT):
        late_seconds = (12 + 40 * world.random() + (0 if incident is None else 30)) * _MINUTE
        matter.incident = None if incident is None else incident.name
        world.later(slot_seconds + late_seconds, deliver, person, matter)
        if late_seconds > person.tolerates_late_seconds:
            world.later(slot_seconds + person.tolerates_late_seconds, miss, person, matter)
    else:
        world.later(slot_seconds - 30 * _MINUTE * world.random(), deliver, person, matter)
    return world.now + int(slot_seconds * US_PER_SECOND)


def miss(world: World, person: Person, matter: Matter) -> None:
    """A step: the slot is over, nobody has come, and patience ends."""
    world.grieve(
        person, matter, "delivery", "overdue", matter.paid_event, incident=world.incidents.named(matter.incident)
    )
    react(world, person, matter, asks=0.35)


def deliver(world: World, person: Person, matter: Matter) -> None:
    """A step: the courier is at the door."""
    if world.wrong(_NOT_HANDED_OVER):
        event_id = _courier(world, person, matter, handed_over=False)
        world.grieve(person, matter, "delivery", "delivery_failed", event_id)
        react(world, person, matter, asks=0.4)
        world.later((60 + 60 * world.random()) * _MINUTE, deliver, person, matter)
        return
    event_id = _courier(world, person, matter, handed_over=True)
    matter.settled = True  # nobody asks where it is any more
    promised_at = matter.promised_at or world.now
    late_seconds = (world.now - promised_at) / US_PER_SECOND
    quality = 1.6
    incident = world.incidents.named(matter.incident)
    if incident is not None:
        incident.meets(person.id)
    if late_seconds > person.tolerates_late_seconds:
        times = min(2.0, 0.5 + late_seconds / 3600)
        world.grieve(person, matter, "delivery", "late", event_id, times=times, incident=incident)
        react(world, person, matter, asks=0.1)
        quality = -3.0
    else:
        world.please(person, 0.35, "succeeded")
    _unpack(world, person, matter, event_id, quality)


def _courier(world: World, person: Person, matter: Matter, *, handed_over: bool) -> str:
    return world.touch(
        person,
        matter,
        "delivery",
        action="deliver",
        outcome="success" if handed_over else "failure",
        channel="courier",
        promised_at=matter.promised_at,
        unit=person.district.depot,
        source="logistics",
    )


def _unpack(world: World, person: Person, matter: Matter, event_id: str, quality: float) -> None:
    draw = world.random() / max(world.plan.trouble, 1e-9)
    if draw < _DAMAGED + _NOT_AS_DESCRIBED:
        cause = "damaged" if draw < _DAMAGED else "not_as_described"
        world.grieve(person, matter, "delivery", cause, event_id)
        ask(world, person, matter, "delivery", event_id, -4.0)
        if world.random() < 0.75:
            world.later((15 + 90 * world.random()) * _MINUTE, send_back, person, matter)
        else:
            react(world, person, matter, asks=0.6)
        return
    ask(world, person, matter, "delivery", event_id, quality)
    if quality > 0:
        may_praise(world, person, matter, "delivery", event_id)
        if world.random() < _BUYS_AGAIN and not person.gone:
            world.come_again((30 + 200 * world.random()) * _MINUTE, person)


def pick_up(world: World, person: Person, matter: Matter) -> None:
    """A step: fetches the order from the store."""
    unit, staff = person.district.site, world.rng.choice(person.district.staff)
    ready = not world.wrong(_NOT_READY)
    event_id = world.touch(
        person,
        matter,
        "pickup",
        action="fetch",
        outcome="success" if ready else "failure",
        channel="store",
        waiting=(1 + 5 * world.random()) * _MINUTE,
        unit=unit,
        staff=staff,
        source="pos",
    )
    if ready:
        world.please(person, 0.35, "succeeded")
        _unpack(world, person, matter, event_id, 1.4)
        return
    world.grieve(person, matter, "pickup", "not_ready", event_id)
    ask(world, person, matter, "pickup", event_id, -4.0)
    react(world, person, matter, asks=0.4)
    world.later((60 + 60 * world.random()) * _MINUTE, pick_up, person, matter)


def send_back(world: World, person: Person, matter: Matter) -> None:
    """A step: asks to return the goods."""
    duration = 60 + 200 * world.random()
    reason = {"reason": matter.cause} if matter.cause in _REASONS else None
    world.touch(
        person, matter, "return_request", action="return", duration=duration, source="returns", attributes=reason
    )
    hours = 0.5 + 2 * world.random() if not world.wrong(_REFUND_LATE) else 6 + 40 * world.random()
    world.later(hours * 3600, refund, person, matter)
    tolerated_hours = 4 + 30 * person.patience
    if hours > tolerated_hours:
        world.later(tolerated_hours * 3600, _miss_refund, person, matter)


def _miss_refund(world: World, person: Person, matter: Matter) -> None:
    world.grieve(person, matter, "refund", "refund_late", matter.event_id or matter.paid_event)
    react(world, person, matter, asks=0.6)


def refund(world: World, person: Person, matter: Matter) -> None:
    """A step: the money is back."""
    amount = None if matter.amount is None else -matter.amount
    event_id = world.touch(person, matter, "refund", action="refund", amount=amount, source="payments")
    world.please(person, 0.4, "refunded")
    ask(world, person, matter, "refund", event_id, 0.5)
