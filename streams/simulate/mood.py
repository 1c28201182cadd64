"""The hidden state: annoyance builds up from what happens against somebody's own expectation and patience, and fades.

From `UNHAPPY` on the customer really is unhappy, until it falls below `CALM`; such a stretch is a spell, and the truth tells it.
"""

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from streams.simulate.plan import US_PER_SECOND
from streams.simulate.truth import Line, Truth, when

if TYPE_CHECKING:
    from streams.simulate.customers import Person

UNHAPPY: Final = 1.0
CALM: Final = 0.4
_REMEMBERED: Final = 8  # grievances that a calm customer still remembers
_TOLD: Final = 30  # causes and words told of one spell

# How much one occurrence annoys an average customer.
STRENGTHS: Final = {
    "no_result": 0.1,
    "price_surprise": 0.35,
    "checkout_failed": 0.42,
    "payment_failed": 0.5,
    "long_wait": 0.45,
    "unsolved": 0.5,
    "asked_again": 0.35,
    "overdue": 0.45,
    "late": 0.4,
    "delivery_failed": 0.45,
    "damaged": 0.9,
    "not_as_described": 0.7,
    "not_ready": 0.5,
    "refund_late": 0.6,
    "unfriendly": 0.55,
    "check_in_failed": 0.4,
    "cancelled": 1.2,
    "bag_missing": 1.0,
    "booking_failed": 0.4,
    "no_progress": 0.12,
    "queue": 0.4,
    "not_ready_in_time": 0.5,
    "car_late": 0.4,
    "not_repaired": 1.0,
    "bill_higher": 0.6,
    "not_washed": 0.45,
    "stranded": 0.5,
    "self_service_failed": 0.4,
    "no_network": 0.45,
    "nobody_came": 0.8,
    "not_activated": 0.6,
    "bill_shock": 0.6,
    "still_broken": 0.7,
    "sinking": 0.45,
    "uneven": 0.5,
}


class Grievance(NamedTuple):
    """One thing that annoyed somebody. `event_id`: the touchpoint event that shows it, or that made the promise."""

    at_us: int
    touchpoint: str
    cause: str
    strength: float
    event_id: str
    incident: str | None


class Spell:
    """A stretch of real unhappiness."""

    __slots__ = ("actions", "causes", "churned_at", "gave_up", "peak", "said", "since_us")

    def __init__(self, since_us: int, causes: list[Grievance]) -> None:
        self.since_us = since_us
        self.causes = causes
        self.peak = 0.0
        self.gave_up = False
        self.churned_at: int | None = None
        self.said: list[Line] = []
        self.actions: list[Line] = []


def annoy(person: "Person", grievance: Grievance, truth: Truth) -> None:
    """Something went against the customer's expectation."""
    fade(person, grievance.at_us, truth)
    person.pleased = 0
    person.annoyance += grievance.strength * person.sensitivity
    spell = person.spell
    if spell is None:
        person.grievances.append(grievance)
        del person.grievances[:-_REMEMBERED]
        if person.annoyance < UNHAPPY:
            return
        spell = person.spell = Spell(grievance.at_us, person.grievances)
        person.grievances = []
    elif len(spell.causes) < _TOLD:
        spell.causes.append(grievance)
    spell.peak = max(spell.peak, person.annoyance)


def relieve(person: "Person", share: float, at_us: int, truth: Truth, by: str) -> None:
    """Something good: that share of the annoyance is gone. `by`: what ended the spell, if it ends."""
    fade(person, at_us, truth)
    person.annoyance *= 1.0 - share
    person.pleased += 1
    if person.annoyance < CALM:
        end_spell(person, at_us, by, truth)


def fade(person: "Person", at_us: int, truth: Truth) -> None:
    """Annoyance as it is at `at_us`. A spell that has faded meanwhile ended when it passed `CALM`."""
    before = person.annoyance
    if before == 0.0:
        person.felt_at = at_us
        return
    seconds = (at_us - person.felt_at) / US_PER_SECOND
    person.annoyance = before * 0.5 ** (seconds / person.fade_seconds)
    if person.annoyance < CALM:
        if person.spell is not None:
            calm_after = person.fade_seconds * math.log2(before / CALM)
            end_spell(person, person.felt_at + int(calm_after * US_PER_SECOND), "faded", truth)
        elif person.annoyance < CALM / 4:
            person.grievances.clear()
    person.felt_at = at_us


def end_spell(person: "Person", at_us: int | None, by: str, truth: Truth) -> None:
    """Tells the truth of a spell. `at_us` None: it goes on after the run."""
    spell = person.spell
    if spell is None:
        return
    person.spell = None
    causes: list[Line] = [
        {
            "at": when(cause.at_us),
            "touchpoint": cause.touchpoint,
            "cause": cause.cause,
            "strength": round(cause.strength * person.sensitivity, 3),
            "event_id": cause.event_id,
            "incident": cause.incident,
        }
        for cause in spell.causes
    ]
    truth.tell(
        "unhappy",
        customer=person.id,
        since=when(spell.since_us),
        until=when(at_us),
        ended_by=by,
        strength=round(spell.peak, 3),
        causes=causes,
        silent=not spell.said,
        said=spell.said,
        gave_up=spell.gave_up,
        churned_at=when(spell.churned_at),
        actions=spell.actions,
    )


def tell_traits(person: "Person", truth: Truth) -> None:
    """What nobody can see of a customer who turns up."""
    truth.tell(
        "customer",
        customer=person.id,
        language=person.language,
        tier=person.tier,
        expectation=round(person.expectation, 2),
        patience=round(person.patience, 2),
        outspoken=round(person.outspoken, 2),
        tolerates_waiting_seconds=round(person.tolerates_waiting_seconds),
        tolerates_late_seconds=round(person.tolerates_late_seconds),
    )
