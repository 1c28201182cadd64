"""What follow-up does to customers: a message, a call, a compensation, a solution take the edge off, or win them back."""

from typing import Final

from schemas.decisions import Action
from schemas.events import ActionUpdate
from streams.simulate.customers import Person
from streams.simulate.matter import Matter
from streams.simulate.mood import fade
from streams.simulate.staff import Staff
from streams.simulate.truth import Line, when
from streams.simulate.voice import answer_about_recovery
from streams.simulate.world import Step, World

_RELIEF: Final = {"contacted": 0.25, "compensated": 0.4, "resolved": 0.65}
_MESSAGE_RELIEF: Final = 0.12
_WON_BACK: Final = 0.5  # of those who have left and whose matter is resolved


def follow_up(world: World, staff: Staff, action: Action) -> None:
    """An action has gone out: staff begin to work on it, or the customer gets a message."""
    receipts = staff.receipts(action, world.now)
    person = world.people.get(action.subject_id)
    if not action.retracted and person is not None and action.audience == "customers":
        _feel(world, person, action.action_id, "message", _MESSAGE_RELIEF)
    for receipt in receipts:
        seconds = (receipt.occurred_at - world.now) / 1e6
        world.later(seconds, _carry_out(staff, receipt, action), person or world.nobody, Matter("phone"))


def _carry_out(staff: Staff, receipt: ActionUpdate, action: Action) -> Step:
    def carry_out(world: World, person: Person, matter: Matter) -> None:
        if staff.withdrawn(action.action_id):
            return
        receipt.occurred_at = world.now
        world.emitted.append(receipt)
        if person is world.nobody or receipt.status not in _RELIEF:
            return
        _feel(world, person, action.action_id, receipt.status, _RELIEF[receipt.status])
        if receipt.status == "resolved":
            if person.gone and world.random() < _WON_BACK:
                person.gone = False
            matter.touchpoint = action.touchpoint or ""
            answer_about_recovery(world, person, matter, action)

    return carry_out


def _feel(world: World, person: Person, action_id: str, what: str, relief: float) -> None:
    fade(person, world.now, world.truth)
    if person.spell is not None:
        told: Line = {"at": when(world.now), "action_id": action_id, "what": what}
        person.spell.actions.append(told)
    world.please(person, relief, "recovered")
