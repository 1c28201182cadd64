"""Buying: looking around, then checkout and payment; on the way things fail, cost more than said, or are given up."""

from decimal import Decimal
from typing import Final

from schemas.records import Outcome
from streams.simulate.customers import Person
from streams.simulate.flight import fly
from streams.simulate.leaving import give_up
from streams.simulate.matter import Matter
from streams.simulate.parcel import promise
from streams.simulate.reaction import react
from streams.simulate.site import drop_in
from streams.simulate.voice import ask
from streams.simulate.world import World

_NO_RESULT: Final = 0.02
_BUYS: Final = 0.4  # of those who looked around
_PRICE_SURPRISE: Final = 0.015
_CHECKOUT_FAILS: Final = 0.012
_PAYMENT_FAILS: Final = 0.02
_PAYMENT_FAILS_IN_OUTAGE: Final = 0.88
_TOP_UP: Final = 0.12  # of store visits among all, for those who rather click


def visit(world: World, person: Person, matter: Matter) -> None:
    """A step: turns up, online or in the store."""
    if person.gone or world.now < person.busy_until:
        return
    person.busy_until = world.now + 900_000_000
    if world.plan.company == "retail" and world.random() < (0.5 if person.prefers_site else _TOP_UP):
        drop_in(world, person, matter)
        return
    matter.looks = 2 + int(4 * world.random())
    products = world.company.products
    matter.product = products[int(world.random() * len(products))]
    world.later(1 + 4 * world.random(), look, person, matter)


def look(world: World, person: Person, matter: Matter) -> None:
    """A step: one search or one page."""
    searches = matter.attempts == 0
    matter.attempts += 1
    matter.looks -= 1
    airline = world.plan.company == "airline"
    if searches or (airline and matter.looks > 0):
        found = world.random() >= _NO_RESULT
        product, matter.product = matter.product, None
        outcome: Outcome = "success" if found else "failure"
        duration = 0.3 + world.random()
        device = person.device
        event_id = world.touch(
            person, matter, "search", action="search", outcome=outcome, duration=duration, device=device
        )
        matter.product = product
        if not found:
            world.grieve(person, matter, "search", "no_result", event_id)
    else:
        page = "booking" if airline else "product_page"
        world.touch(person, matter, page, action="view", duration=5 + 90 * world.random(), device=person.device)
    if matter.looks > 0:
        world.later(8 + 70 * world.random(), look, person, matter)
    elif world.random() < _BUYS:
        matter.attempts = 0
        price = world.company.price_median * world.rng.lognormvariate(0, 0.6)
        matter.amount = Decimal(int(price * 100)).scaleb(-2)
        world.number(matter)
        world.later(15 + 90 * world.random(), pay if airline else check_out, person, matter)


def check_out(world: World, person: Person, matter: Matter) -> None:
    """A step: the checkout."""
    draw = world.random()
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
    incident = world.incidents.at("payment", world.now, person.district.name)
    fails = _PAYMENT_FAILS if incident is None else _PAYMENT_FAILS_IN_OUTAGE
    amount = matter.amount
    if world.random() >= fails:
        matter.promised_at = (
            fly(world, person, matter) if world.plan.company == "airline" else promise(world, person, matter)
        )
        matter.paid_event = world.touch(
            person,
            matter,
            "payment",
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
        person, matter, "payment", action="pay", outcome="failure", waiting=waiting, amount=amount, source="payments"
    )
    matter.attempts += 1
    if incident is not None:
        incident.meets(person.id)
    world.grieve(person, matter, "payment", "payment_failed", event_id, incident=incident)
    _retry(world, person, matter, check_out=False)


def _retry(world: World, person: Person, matter: Matter, *, check_out: bool) -> None:
    """Once more, or not: some cancel, some turn to the help lines, most just go."""
    if world.random() < (0.95 - 0.28 * matter.attempts) * (0.6 + 0.6 * person.patience):
        world.later(12 + 100 * world.random(), _check_out_again if check_out else pay, person, matter)
        return
    if world.random() < 0.3:
        touchpoint = "checkout" if check_out else "payment"
        world.touch(person, matter, touchpoint, action="cancel", outcome="abandoned", duration=30 * world.random())
    react(world, person, matter, asks=0.45)


def _check_out_again(world: World, person: Person, matter: Matter) -> None:
    check_out(world, person, matter)
