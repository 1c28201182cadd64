"""A technician for a line that does not work: the appointment, the crew, the visit in time, late or not at all, and once more."""

from typing import Final

from streams.simulate.customers import Person
from streams.simulate.matter import Matter
from streams.simulate.plan import US_PER_SECOND
from streams.simulate.reaction import react
from streams.simulate.voice import ask, may_praise
from streams.simulate.world import World

_MINUTE: Final = 60.0
_LATE: Final = 0.14
_LATE_IN_INCIDENT: Final = 0.85
_NOBODY: Final = 0.05
_NOT_MENDED: Final = 0.1
_MOST_VISITS: Final = 3


def appoint(world: World, person: Person, matter: Matter) -> None:
    """A step: a time is promised, and somebody is assigned to it."""
    if person.gone or matter.attempts >= _MOST_VISITS:
        return
    matter.attempts += 1
    matter.settled = False
    minutes = 90 + 120 * world.random()
    matter.promised_at = world.now + int(minutes * _MINUTE * US_PER_SECOND)
    crew = person.district.depot
    matter.paid_event = world.touch(
        person, matter, "appointment", action="book", channel="phone", promised_at=matter.promised_at, unit=crew
    )
    world.touch(
        person,
        matter,
        "dispatch",
        action="assign",
        channel="network",
        promised_at=matter.promised_at,
        unit=crew,
        source="dispatch",
    )
    incident = world.incidents.at("technician", world.now, person.district.name)
    matter.incident = None
    if world.wrong(_NOBODY):
        world.later((minutes + 40) * _MINUTE, miss, person, matter)
        world.later((minutes + 90 + 120 * world.random()) * _MINUTE, appoint, person, matter)
        return
    late_minutes = 0.0
    if world.wrong(_LATE if incident is None else _LATE_IN_INCIDENT):
        late_minutes = 15 + 50 * world.random() + (0 if incident is None else 50)
        matter.incident = None if incident is None else incident.name
        if late_minutes * _MINUTE > person.tolerates_late_seconds:
            world.later((minutes * _MINUTE) + person.tolerates_late_seconds, miss, person, matter)
    arrives = minutes + late_minutes - (0 if late_minutes else 20 * world.random())
    world.later((arrives - 35) * _MINUTE, set_out, person, matter)
    world.later(arrives * _MINUTE, come, person, matter)


def set_out(world: World, person: Person, matter: Matter) -> None:
    """A step: on the way."""
    world.touch(
        person, matter, "dispatch", action="set_out", channel="network", unit=person.district.depot, source="dispatch"
    )


def miss(world: World, person: Person, matter: Matter) -> None:
    """A step: waits at home, and nobody comes."""
    incident = world.incidents.named(matter.incident)
    world.grieve(person, matter, "technician", "nobody_came", matter.paid_event, incident=incident)
    react(world, person, matter, asks=0.5)


def come(world: World, person: Person, matter: Matter) -> None:
    """A step: at the door."""
    mended = not world.wrong(_NOT_MENDED)
    late_seconds = (world.now - (matter.promised_at or world.now)) / US_PER_SECOND
    crew = person.district.depot
    event_id = world.touch(
        person,
        matter,
        "technician",
        action="visit",
        outcome="success" if mended else "failure",
        channel="home",
        promised_at=matter.promised_at,
        duration=1200 + 2400 * world.random(),
        unit=crew,
        staff=f"{crew}/1",
        source="dispatch",
    )
    incident = world.incidents.named(matter.incident)
    if incident is not None:
        incident.meets(person.id)
    if not mended:
        world.grieve(person, matter, "technician", "still_broken", event_id)
        ask(world, person, matter, "technician", event_id, -4.5)
        react(world, person, matter, asks=0.4)
        world.later((20 + 40 * world.random()) * _MINUTE, appoint, person, matter)
        return
    matter.settled = True
    world.touch(person, matter, "network", action="line_up", channel="network", source="network")
    late = late_seconds > person.tolerates_late_seconds
    world.please(person, 0.2 if late else 0.45, "solved")
    ask(world, person, matter, "technician", event_id, -2.0 if late else 2.2)
    may_praise(world, person, matter, "technician", event_id)
