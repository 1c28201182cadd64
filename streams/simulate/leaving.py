"""Giving up a matter without a word, and leaving the company for good."""

from typing import Final

from streams.simulate.customers import Person
from streams.simulate.matter import Matter
from streams.simulate.truth import when
from streams.simulate.voice import may_complain
from streams.simulate.world import World

_LEAVES: Final = 0.65  # of those beyond their breaking point, each time


def may_leave(world: World, person: Person, matter: Matter) -> bool:
    """Beyond the breaking point a customer churns; nobody is told."""
    if person.spell is None or person.annoyance < person.breaking_point or world.random() > _LEAVES:
        return False
    may_complain(world, person, matter)
    person.gone = True
    person.spell.churned_at = world.now
    world.truth.tell("churn", customer=person.id, at=when(world.now), touchpoint=matter.touchpoint, cause=matter.cause)
    give_up(person)
    return True


def give_up(person: Person) -> None:
    """No more attempts in this matter."""
    if person.spell is not None:
        person.spell.gave_up = True
