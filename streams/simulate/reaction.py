"""What somebody does about a disappointment: leave for good, complain, ask for help, or give up without a word."""

from streams.simulate.contact import call
from streams.simulate.customers import Person
from streams.simulate.leaving import give_up, may_leave
from streams.simulate.matter import Matter
from streams.simulate.voice import may_complain
from streams.simulate.world import World


def react(world: World, person: Person, matter: Matter, *, asks: float) -> None:
    """After a grievance. `asks`: how likely it is to make an average customer ask for help."""
    if may_leave(world, person, matter):
        return
    may_complain(world, person, matter)
    if world.random() < asks * (0.6 + 0.8 * person.patience):
        matter.settled = False
        world.later(120 + 900 * world.random(), call, person, matter)
    else:
        give_up(person)
