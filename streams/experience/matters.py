"""One matter over several contacts: what was told, who served, what was promised and what it was to cost.

Contacts and the event that is judged now in, counts and measures for conditions out. Earlier contacts count where they are about
the event's `matter`; an event without one has none. What a contact told rests in `Particulars`, only where there is something to tell.
"""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Final

from schemas.events import Touchpoint
from streams.experience.state import Particulars, Touch

SECOND: Final = 1_000_000
ITEMS_MAX: Final = 16  # of what a customer told in one contact
WAITS_LEAST: Final = 3  # fewer say nothing about how even they are


def particulars(event: Touchpoint, *, self_service: bool, names_price: bool) -> Particulars | None:
    """What later decisions look at of a contact about a matter; None where there is nothing."""
    tried = self_service and event.outcome in ("failure", "abandoned")
    told = (_items(event, "told") | _items(event, "asked_for")) if event.attributes else frozenset[str]()
    price = _price_named(event, names_price=names_price) if names_price or event.attributes else None
    if not (tried or told or price is not None or event.staff is not None or event.promised_at is not None):
        return None
    kept = ",".join(sorted(told)[:ITEMS_MAX])
    return Particulars(event.staff, kept, price, event.currency, event.promised_at, tried)


def _items(event: Touchpoint, attribute: str) -> frozenset[str]:
    listed = event.attributes.get(attribute)
    if not listed:
        return frozenset()
    return frozenset(item for item in (part.strip().lower() for part in listed.split(",")) if item)


def _price_named(event: Touchpoint, *, names_price: bool) -> float | None:
    estimate = _number(event.attributes.get("estimate"))
    if estimate is not None:
        return estimate
    return float(event.amount) if names_price and event.amount is not None else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0.0 < value < 1e12 else None


def self_service_failures(touches: Iterable[Touch], event: Touchpoint, since: float) -> int:
    """Times that self-service about this matter failed, or was given up."""
    return sum(1 for touch in _earlier(touches, event, since) if touch.more is not None and touch.more.tried)


def asked_again(touches: Iterable[Touch], event: Touchpoint) -> int:
    """Of what is asked for now, how much the customer has told about this matter before."""
    asked = _items(event, "asked_for") if event.attributes else frozenset[str]()
    if not asked:
        return 0
    told: set[str] = set()
    for touch in _earlier(touches, event, 0.0):
        if touch.more is not None and touch.more.told:
            told.update(touch.more.told.split(","))
    return len(asked & told)


def staff(touches: Iterable[Touch], event: Touchpoint, since: float) -> set[str]:
    """Who has served this matter, this event's own included."""
    served = {touch.more.staff for touch in _earlier(touches, event, since) if touch.more is not None}
    return {one for one in (*served, event.staff) if one is not None} if event.matter is not None else set()


def staff_changed(touches: Iterable[Touch], event: Touchpoint) -> bool:
    """Somebody who has not served this matter before, while others have."""
    before = {touch.more.staff for touch in _earlier(touches, event, 0.0) if touch.more is not None} - {None}
    return event.staff is not None and bool(before) and event.staff not in before


def price_rise(touches: Sequence[Touch], event: Touchpoint) -> float:
    """By what share the amount is above what was named for this matter last: 0.2 is a fifth; 0 where nothing was, or less."""
    named, currency = _number(event.attributes.get("estimate")), event.currency
    for touch in reversed(touches) if named is None else ():
        if _is_earlier(touch, event) and touch.more is not None and touch.more.price is not None:
            named, currency = touch.more.price, touch.more.currency
            break
    if named is None or event.amount is None or (currency and event.currency and currency != event.currency):
        return 0.0
    return max(0.0, round(float(event.amount) / named - 1.0, 9))  # 110 is no more than a tenth above 100


def promise_moved_seconds(touches: Iterable[Touch], event: Touchpoint, touchpoint: str) -> float:
    """How much later the promised time is now than when it was first told at this touchpoint about this matter."""
    if event.promised_at is None:
        return 0.0
    told = (
        touch.more.promised_at
        for touch in touches
        if touch.touchpoint == touchpoint
        and _is_earlier(touch, event)
        and touch.more is not None
        and touch.more.promised_at is not None
    )
    first = next(told, None)  # the oldest
    return 0.0 if first is None else max(0.0, (event.promised_at - first) / SECOND)


def waiting_spread(waits: Sequence[float]) -> float:
    """The longest wait less the middle one; 0 for fewer than three."""
    return max(waits) - median(waits) if len(waits) >= WAITS_LEAST else 0.0


def _is_earlier(touch: Touch, event: Touchpoint) -> bool:
    return event.matter is not None and touch.matter == event.matter and touch.event_id != event.event_id


def _earlier(touches: Iterable[Touch], event: Touchpoint, since: float) -> Iterable[Touch]:
    """Contacts about the same matter before the event, from an instant on (µs)."""
    return (touch for touch in touches if touch.at >= since and _is_earlier(touch, event))
