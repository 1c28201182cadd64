"""Buying: looking around, then checkout and payment; on the way things fail, cost more than said, or are given up."""

from decimal import Decimal
from typing import Final

from schemas.events import Outcome
from streams.simulate.customers import Person
from streams.simulate.flight import fly
from streams.simulate.leaving import give_up
from streams.simulate.matter import Matter
from streams.simulate.parcel import promise
from streams.simulate.reaction import react
from streams.simulate.site import drop_in
from streams.simulate.voice import ask
from streams.simulate.world import World

_BUSY_US: Final = 300_000_000  # nobody turns up twice within five minutes
_NO_RESULT: Final = 0.02
_BUYS: Final = 0.4  # of those who looked around
_PRICE_SURPRISE: Final = 0.015
_CHECKOUT_FAILS: Final = 0.012
_PAYMENT_FAILS: Final = 0.02
_PAYMENT_FAILS_IN_OUTAGE: Final = 0.88
_DROPS_IN: Final = 0.12  # of store visits among all, for those who rather click


def visit(world: World, person: Person, matter: Matter) -> None:
    """A step: turns up, online or in the store."""
    if person.gone or world.now < person.busy_until:
        return
    person.busy_until = world.now + _BUSY_US
    if world.plan.company == "retail" and world.random() < (0.5 if person.prefers_site else _DROPS_IN):
        drop_in(world, person, matter)
        return
    matter.looks = 2 + int(4 * world.random())
    products = world.company.products
    matter.product = products[int(world.random() * len(products))]
    world.later(1 + 4 * world.random(), look, person, matter)


def look(world: World, person: Person, matter: Matter) -> None:
    """A step: one search or one page."""
    if person.gone:
        return
    company = world.company
    first = matter.looked == 0
    matter.looked += 1
    if first:
        _search(world, person, matter)
    else:
        world.touch(person, matter, company.page, action="view", duration=5 + 90 * world.random(), device=person.device)
    if matter.looked < matter.looks:
        world.later(8 + 70 * world.random(), look, person, matter)
    elif world.random() < _BUYS:
        price = company.price_median * world.rng.lognormvariate(0, 0.6)
        matter.amount = Decimal(int(price * 100)).scaleb(-2)
        world.number(matter)
        has_checkout = world.plan.company == "retail"
        world.later(15 + 90 * world.random(), check_out if has_checkout else pay, person, matter)


def _search(world: World, person: Person, matter: Matter) -> None:
    found = not world.wrong(_NO_RESULT)
    outcome: Outcome = "success" if found else "failure"
    duration, device, where = 0.3 + world.random(), person.device, world.company.search
    product, matter.product = matter.product, None  # nothing is chosen yet
    event_id = world.touch(person, matter, where, action="search", outcome=outcome, duration=duration, device=device)
    matter.product = product
    if not found:
        world.grieve(person, matter, where, "no_result", event_id)


def check_out(world: World, person: Person, matter: Matter) -> None:
    """A step: the checkout."""
    if person.gone:
        return
    draw = world.random() / max(world.plan.trouble, 1e-9)
    seconds = 20 + 120 * world.random()
    if draw < _PRICE_SURPRISE:
        event_id = world.touch(
            person, matter, "checkout", action="check_out", outcome="abandoned", duration=seconds, amount=matter.amount
        )
        world.grieve(person, matter, "checkout", "price_surprise", event_id)
        give_up(person)
        return
    waiting = 0.5 + 3 * world.random()
    if draw < _PRICE_SURPRISE + _CHECKOUT_FAILS:
        event_id = world.touch(
            person, matter, "checkout", action="check_out", outcome="failure", waiting=waiting, duration=seconds
        )
        matter.attempts += 1
        world.grieve(person, matter, "checkout", "checkout_failed", event_id)
        _retry(world, person, matter, check_out=True)
        return
    event_id = world.touch(
        person, matter, "checkout", action="check_out", waiting=waiting, duration=seconds, amount=matter.amount
    )
    if world.random() < 0.2:
        ask(world, person, matter, "checkout", event_id, 1.0)
    world.later(10 + 40 * world.random(), pay, person, matter)


def pay(world: World, person: Person, matter: Matter) -> None:
    """A step: the payment."""
    if person.gone:
        return
    where = world.company.payment
    incident = world.incidents.at(where, world.now, person.district.name)
    fails = _PAYMENT_FAILS if incident is None else _PAYMENT_FAILS_IN_OUTAGE
    amount = matter.amount
    if not world.wrong(fails):
        matter.promised_at = (
            fly(world, person, matter) if world.plan.company == "airline" else promise(world, person, matter)
        )
        matter.paid_event = world.touch(
            person,
            matter,
            where,
            action="pay",
            waiting=1 + 5 * world.random(),
            amount=amount,
            promised_at=matter.promised_at,
            source="payments",
        )
        world.please(person, 0.3, "succeeded")
        return
    waiting = 6 + 25 * world.random()
    event_id = world.touch(
        person, matter, where, action="pay", outcome="failure", waiting=waiting, amount=amount, source="payments"
    )
    matter.attempts += 1
    if incident is not None:
        incident.meets(person.id)
    world.grieve(person, matter, where, "payment_failed", event_id, incident=incident)
    _retry(world, person, matter, check_out=False)


def _retry(world: World, person: Person, matter: Matter, *, check_out: bool) -> None:
    """Once more, or not: some cancel, some turn to the help lines, most just go."""
    if world.random() < (0.95 - 0.28 * matter.attempts) * (0.6 + 0.6 * person.patience):
        world.later(12 + 100 * world.random(), _check_out_again if check_out else pay, person, matter)
        return
    if world.random() < 0.3:
        world.later(3 + 40 * world.random(), _cancel, person, matter)
    react(world, person, matter, asks=0.45)


def _cancel(world: World, person: Person, matter: Matter) -> None:
    world.touch(person, matter, matter.touchpoint, action="cancel", outcome="abandoned")


def _check_out_again(world: World, person: Person, matter: Matter) -> None:
    check_out(world, person, matter)
