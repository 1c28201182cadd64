"""Asking for help: hotline, chat or desk; waiting, being helped or not, calling again, changing the channel."""

import math
from typing import Final

from schemas.events import Outcome
from streams.simulate.company import HelpLine
from streams.simulate.customers import Person
from streams.simulate.incidents import Incident
from streams.simulate.leaving import give_up, may_leave
from streams.simulate.matter import Matter
from streams.simulate.voice import ask, may_complain, may_praise
from streams.simulate.world import Step, World

_SLOW: Final = 12.0  # how much longer one waits during an incident
_HOPS: Final = 0.6  # of those who must ask again
_SOLVED: Final = 0.74
_MOST_CONTACTS: Final = 4
_ASKED_AGAIN: Final = 0.3  # of those who call once more and get somebody else


def call(world: World, person: Person, matter: Matter) -> None:
    """A step: turns to a help line, and waits there."""
    if person.gone or matter.settled:
        return
    line = _choose(world, person, matter)
    matter.lines.append(line.touchpoint)
    matter.contacts += 1
    incident = world.incidents.at(line.touchpoint, world.now, person.district.name)
    full, usual = _fullness(world, person)
    median = line.waiting_median_seconds * (_SLOW if incident is not None else 1.0) * full
    waiting = median * math.exp(world.rng.gauss(0, 0.7))
    tolerated = person.tolerates_waiting_seconds * (1.2 + world.random()) * (3 if line.unit is None else 1) * usual
    if waiting > tolerated:
        if incident is not None:
            incident.meets(person.id)
        world.later(tolerated, _hang_up(line, tolerated, incident), person, matter)
    else:
        if incident is not None and waiting > line.waiting_median_seconds:
            incident.meets(person.id)
        talk = line.talk_median_seconds * (0.5 + world.random())
        world.later(waiting + talk, _be_served(line, waiting, waiting + talk, incident, usual), person, matter)


def _fullness(world: World, person: Person) -> tuple[float, float]:
    """How full it is, and how full one reckons that it is, as times of a quiet hour."""
    zone = person.district.time_zone
    return world.rush.now(world.now, zone), world.rush.usual(world.now, zone)


def _choose(world: World, person: Person, matter: Matter) -> HelpLine:
    lines = world.company.help_lines
    if matter.lines and world.random() < _HOPS:
        others = [line for line in lines if line.touchpoint not in matter.lines] or list(lines)
        return others[int(world.random() * len(others))]
    if matter.lines:
        return next(line for line in lines if line.touchpoint == matter.lines[-1])
    draw = world.random()
    for line in lines[:-1]:
        if draw < line.chosen:
            return line
        draw -= line.chosen
    return lines[-1]


def _hang_up(line: HelpLine, waited: float, incident: Incident | None) -> Step:
    def hang_up(world: World, person: Person, matter: Matter) -> None:
        event_id = _event(world, person, matter, line, "abandoned", waited, waited, None)
        world.grieve(person, matter, line.touchpoint, "long_wait", event_id, incident=incident)
        _try_again(world, person, matter, 0.6)

    return hang_up


def _be_served(line: HelpLine, waiting: float, duration: float, incident: Incident | None, usual: float) -> Step:
    def be_served(world: World, person: Person, matter: Matter) -> None:
        people = line.staff or person.district.staff
        staff = people[int(world.random() * len(people))]
        solved = world.random() < 1 - (1 - _SOLVED) * world.plan.trouble
        outcome: Outcome = "success" if solved else "failure"
        event_id = _event(world, person, matter, line, outcome, waiting, duration, staff)
        beyond = waiting / (person.tolerates_waiting_seconds * usual)
        if beyond > 1:
            world.grieve(
                person, matter, line.touchpoint, "long_wait", event_id, times=min(beyond, 2), incident=incident
            )
        if len(matter.lines) > 1:
            world.grieve(person, matter, line.touchpoint, "asked_again", event_id)
        if not solved:
            world.grieve(person, matter, line.touchpoint, "unsolved", event_id)
            ask(world, person, matter, line.touchpoint, event_id, -4.0)
            _try_again(world, person, matter, 0.75)
            return
        matter.settled = True
        world.please(person, 0.6, "solved")
        ask(world, person, matter, line.touchpoint, event_id, 1.5 - 2 * min(beyond, 2))
        may_praise(world, person, matter, line.touchpoint, event_id)

    return be_served


def _event(
    world: World,
    person: Person,
    matter: Matter,
    line: HelpLine,
    outcome: Outcome,
    waiting: float,
    duration: float,
    staff: str | None,
) -> str:
    world.number(matter)
    told, asked_for = _particulars(world, matter)
    return world.touch(
        person,
        matter,
        line.touchpoint,
        action=matter.asking,
        outcome=outcome,
        channel=line.channel,
        waiting=waiting,
        duration=duration,
        unit=line.unit or person.district.site,
        staff=staff,
        source="service",
        attributes={"told": told, "asked_for": asked_for} if asked_for else {"told": told} if told else None,
    )


def _particulars(world: World, matter: Matter) -> tuple[str, str]:
    """What is told in a contact, and what is asked for though it was told before; only where the company notes it."""
    if not world.company.notes_questions:
        return "", ""
    again = matter.contacts > 1 and (len(set(matter.lines)) > 1 or world.wrong(_ASKED_AGAIN))
    return "number,address,problem", "number,problem" if again else ""


def _try_again(world: World, person: Person, matter: Matter, chance: float) -> None:
    if may_leave(world, person, matter):
        return
    may_complain(world, person, matter)
    if matter.contacts < _MOST_CONTACTS and world.random() < chance * (0.5 + person.patience):
        world.later(240 + 1500 * world.random(), call, person, matter)
    else:
        give_up(person)
