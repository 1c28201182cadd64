"""Visits to a shop: served, or not well; and what people say there without a name, through the QR code at the door."""

from decimal import Decimal
from typing import Final

from schemas.events import Feedback
from streams.simulate.customers import Person
from streams.simulate.leaving import may_leave
from streams.simulate.matter import Matter
from streams.simulate.voice import ask, may_complain
from streams.simulate.world import World

_UNFRIENDLY: Final = 0.03
_LONG_QUEUE: Final = 0.06
_SCANS: Final = 0.01


def drop_in(world: World, person: Person, matter: Matter) -> None:
    """Goes to the shop of the district."""
    matter.channel = "store"
    world.later(60 + 600 * world.random(), be_served, person, matter)


def be_served(world: World, person: Person, matter: Matter) -> None:
    """A step: advice, the till, and the way out."""
    district = person.district
    queue = world.wrong(_LONG_QUEUE)
    full, usual = world.rush.now(world.now, district.time_zone), world.rush.usual(world.now, district.time_zone)
    waiting = 600 + 1200 * world.random() if queue else (20 + 160 * world.random()) * full
    buys = world.random() < 0.6
    price = world.company.price_median * (0.3 + world.random())
    event_id = world.touch(
        person,
        matter,
        "store_visit",
        action="buy" if buys else "look",
        waiting=waiting,
        duration=waiting + 200 + 900 * world.random(),
        amount=Decimal(int(price * 100)).scaleb(-2) if buys else None,
        unit=district.site,
        staff=district.staff[int(world.random() * len(district.staff))],
        source="pos",
    )
    quality = 1.8
    if (queue or full > usual) and waiting > 3 * person.tolerates_waiting_seconds * usual:
        world.grieve(person, matter, "store_visit", "long_wait", event_id)
        quality -= 4
    if world.wrong(_UNFRIENDLY):
        world.grieve(person, matter, "store_visit", "unfriendly", event_id)
        quality -= 5
    if quality < 0:
        if not may_leave(world, person, matter):
            may_complain(world, person, matter)
    else:
        world.please(person, 0.25, "succeeded")
    ask(world, person, matter, "store_visit", event_id, quality)
    if world.random() < _SCANS:
        world.emitted.append(_scan(world, person, quality))


def _scan(world: World, person: Person, quality: float) -> Feedback:
    """Somebody else in the shop, whom nobody knows."""
    event_id = world.new_id()
    pleased = quality > 0
    words = world.remarks
    if pleased:
        remark = words.happy(person.language, "store_visit")
    else:
        remark = words.unhappy(person.language, "unfriendly", "store_visit")
    return Feedback(
        event_id=event_id,
        subject_type="anonymous",
        subject_id=f"qr-{event_id}",
        occurred_at=world.now,
        source="qr",
        brand=world.company.brand,
        channel="store",
        touchpoint="store_visit",
        place=person.district.name,
        kind="stars",
        score=5.0 if pleased else 1.0,
        scale_min=1.0,
        scale_max=5.0,
        text=remark.text,
        language="zh-CN" if person.language == "zh" else "en",
        unit=person.district.site,
    )
