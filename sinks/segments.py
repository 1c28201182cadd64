"""Updates of customers as rows: only what makes segments of them, the tier and the attributes that are asked for; nothing else of a person.

What an update does not tell is not in its map; an empty text is: it says that there is nothing any more.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from schemas.events import Customer, SubjectType
from sinks.database import Database, ask

TIER: Final = "tier"


class CustomerSegments(msgspec.Struct, gc=False, kw_only=True):
    """What an update tells of the segments of a customer. `segments`: `tier`, or the name of an attribute → its value."""

    event_id: str
    subject_type: SubjectType
    subject_id: str
    occurred_at: int
    segments: dict[str, str]


def names(listed: str) -> frozenset[str]:
    """Attributes out of the setting: names, separated by commas."""
    return frozenset(name.strip() for name in listed.split(",")) - {"", TIER}


def segments_of(customer: Customer, attributes: Iterable[str]) -> CustomerSegments:
    """The row of an update."""
    told = customer.attributes
    segments = {name: told[name] for name in sorted(attributes) if name in told}
    if customer.tier is not None:
        segments[TIER] = customer.tier
    return CustomerSegments(
        event_id=customer.event_id,
        subject_type=customer.subject_type,
        subject_id=customer.subject_id,
        occurred_at=customer.occurred_at,
        segments=segments,
    )


def read_customers(database: Database, segment: str) -> Iterator[Customer]:
    """Updates that tell a segment, with nothing besides; duplicates once, in the order of event time."""
    query = (
        "SELECT event_id, subject_type, subject_id, toUnixTimestamp64Micro(occurred_at), segments[%(segment)s] "
        "FROM customers_current WHERE mapContains(segments, %(segment)s) ORDER BY occurred_at, event_id"
    )
    for row in ask(database, query, {"segment": segment}):
        values: tuple[Any, ...] = tuple(row)
        event_id, subject_type, subject_id, occurred_at, value = values
        yield Customer(
            event_id=event_id,
            subject_type=subject_type,
            subject_id=subject_id,
            occurred_at=occurred_at,
            tier=value if segment == TIER else None,
            attributes={} if segment == TIER else {segment: value},
        )
