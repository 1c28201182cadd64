"""Lives of customers: random inputs of all topics with receipts, in order of event time or shuffled as they might arrive."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from streams.engine.job import Message, Output
from streams.experience.compiled import CompiledPack
from tests.builders import SECOND, START, actions, driver, message

LATE_SECONDS = 115  # just within the shortest settling time of retail, 120 s
HOUR = 3600


class Arrival(NamedTuple):
    """An input and when it arrives, in seconds after START."""

    at: int
    message: Message


TOUCHES: Sequence[dict[str, object]] = (
    {"touchpoint": "payment", "outcome": "failure", "channel": "web"},
    {"touchpoint": "payment", "outcome": "success", "channel": "web", "promised_at": START + 2 * HOUR * SECOND},
    {"touchpoint": "checkout", "outcome": "abandoned", "channel": "web"},
    {"touchpoint": "checkout", "outcome": "failure", "channel": "app", "waiting_seconds": 45.0},
    {"touchpoint": "hotline", "outcome": "success", "channel": "phone", "waiting_seconds": 400.0},
    {"touchpoint": "chat", "outcome": "failure", "channel": "web", "waiting_seconds": 20.0},
    {"touchpoint": "delivery", "outcome": "success", "channel": "courier"},
    {"touchpoint": "delivery", "outcome": "success", "channel": "courier", "promised_at": START},
    {"touchpoint": "return_request", "outcome": "success", "channel": "web", "attributes": {"reason": "damaged"}},
    {"touchpoint": "not_in_the_pack", "outcome": "failure", "channel": "web"},
    {"touchpoint": "checkout", "outcome": "success", "channel": "web", "amount": "50", "waiting_seconds": 3.0},
    {"touchpoint": "payment", "outcome": "success", "channel": "web", "amount": "60", "waiting_seconds": 2.0},
    {"touchpoint": "payment", "outcome": "success", "promised_at": START + 3 * HOUR * SECOND, "waiting_seconds": 25.0},
    {
        "touchpoint": "store_desk",
        "staff": "li",
        "channel": "store",
        "attributes": {"told": "address", "asked_for": "size"},
    },
    {"touchpoint": "dispatch", "action": "accept", "promised_at": START + 4 * HOUR * SECOND},
    {"touchpoint": "near_store", "unit": "shop", "channel": "app"},
    {
        "touchpoint": "hotline",
        "staff": "bo",
        "channel": "phone",
        "waiting_seconds": 75.0,
        "attributes": {"asked_for": "address, size"},
    },
)
ANSWERS: Sequence[dict[str, object]] = (
    {"kind": "csat", "score": 1.0, "scale_min": 1.0, "scale_max": 5.0, "touchpoint": "hotline"},
    {"kind": "csat", "score": 5.0, "scale_min": 1.0, "scale_max": 5.0, "touchpoint": "hotline"},
    {"kind": "nps", "score": 10.0, "touchpoint": "delivery"},
    {"kind": "nps", "score": 5.0, "touchpoint": "delivery"},
    {"kind": "nps", "score": 9.0, "touchpoint": "payment"},
    {"kind": "nps", "score": 6.0, "touchpoint": "store_visit", "expectation": 8.0},
    {"kind": "nps", "score": 7.0, "touchpoint": "store_visit", "expectation": 9.0},
    {"kind": "complaint", "text": "等了一个小时没人理，太差了", "touchpoint": "hotline"},
    {"kind": "complaint", "text": "The parcel is broken", "touchpoint": "delivery"},
    {"kind": "complaint", "channel": "regulator", "touchpoint": "delivery"},
    {"kind": "praise", "text": "很好，谢谢", "touchpoint": "store_visit"},
    {"kind": "comment", "text": "terrible", "touchpoint": "payment"},
)
UPDATES: Sequence[dict[str, object]] = (
    {"name": "Anna", "tier": "gold", "language": "zh"},
    {"name": "Anna", "tier": "basic", "language": "en", "preferred_channel": "mail"},
    {"consents": [{"purpose": "marketing", "channel": "*", "granted": True}]},
    {"attributes": {"merged_into": "another"}},
)
STATUSES = (
    "accepted",
    "contacted",
    "compensated",
    "resolved",
    "declined",
    "waiting_for_customer",
    "handed_over",
)


def inputs(rng: random.Random, count: int, subject: str, subject_type: str = "customer") -> list[Message]:
    """A day in the life of somebody: one topic's offsets follow its events roughly, not strictly."""
    drawn = []
    at = 0
    for number in range(count):
        at += rng.choice((1, 5, 30, 60, 300, 1200, 5400))
        kind = rng.choices(("touchpoint", "feedback", "customer"), (6, 3, 1))[0]
        fields = dict(rng.choice({"touchpoint": TOUCHES, "feedback": ANSWERS, "customer": UPDATES}[kind]))
        if kind != "customer":
            fields["matter"] = rng.choice((None, "order-1", "order-1", "order-2"))
        drawn.append((at + rng.uniform(0, LATE_SECONDS / 2), kind, f"{subject}-{number}", at, fields))
    drawn.sort(key=lambda one: one[0])
    return [
        message(kind, event_id, at, offset, subject, subject_type=subject_type, **fields)
        for offset, (_, kind, event_id, at, fields) in enumerate(drawn)
    ]


def receipts(rng: random.Random, messages: list[Message], subject: str) -> list[Message]:
    """Receipts for some actions: of a run that saw everything, and of ones that missed an input, so that ids have moved."""
    known = {}
    for seen in (messages, messages[1:], messages[:1] + messages[2:]):
        for action in actions(run(in_order(seen))):
            known[action.action_id] = action
    chosen = rng.sample(sorted(known), min(len(known), rng.randint(0, 4)))
    drawn = sorted(
        ((known[one].decided_at - START) // SECOND + rng.choice((30, 600, 4000)), one, rng.choice(STATUSES))
        for one in chosen
    )
    return [
        message(
            "action_update", f"{subject}-r{number}", at, number, subject, action_id=action_id, status=status, to="li"
        )
        for number, (at, action_id, status) in enumerate(drawn)
    ]


def event_at(one: Message) -> int:
    """Event time in seconds after START."""
    decoded = driver_job.decode(one)
    return int((decoded.at - START) // SECOND)


driver_job = driver().job


def in_order(messages: list[Message]) -> list[Arrival]:
    """Every input when it happens."""
    return sorted(
        (Arrival(event_at(one), one) for one in messages),
        key=lambda one: driver_job.decode(one.message).value.order,
    )


def shuffled(rng: random.Random, messages: list[Message]) -> list[Arrival]:
    """An arrival in which each topic keeps its own order, and nothing is later than LATE_SECONDS."""
    arrivals = []
    newest: dict[str, float] = {}
    for one in messages:  # in order of offset
        newest[one.topic] = max(newest.get(one.topic, 0.0), event_at(one) + rng.uniform(0, LATE_SECONDS / 2))
        arrivals.append((newest[one.topic], rng.random(), one))
    arrivals.sort(key=lambda item: item[:2])
    return [Arrival(int(at), one) for at, _, one in arrivals]


def run(arrivals: list[Arrival], until: int | None = None) -> list[Output]:
    """Outputs of one customer, with ticks as stream time goes on, and at the end up to `until` seconds."""
    return played(arrivals, until)[0]


def played(arrivals: list[Arrival], until: int | None, *packs: CompiledPack) -> tuple[list[Output], bytes]:
    """Outputs and the state at the end."""
    one = driver(*packs)
    outputs: list[Output] = []
    for arrival in arrivals:
        outputs += one.take(arrival.message)
    if until is not None:
        outputs += one.advance(START + until * SECOND)
    assert not one.rejected
    return outputs, one.states.get(b"anna", b"")


def life(seed: int, count: int, subject: str = "anna") -> list[Message]:
    """Inputs of all topics, by topic in order of offset. Some are of somebody whom nobody knows."""
    rng = random.Random(seed)
    messages = inputs(rng, count, subject, "anonymous" if seed % 8 == 7 else "customer")
    return messages + receipts(rng, messages, subject)
