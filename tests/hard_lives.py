"""Lives made to hurt: ties within and across topics, timers at the same instant as inputs, delays at the bound, repeated ids
with other content, brands with packs of their own, units and packs that change in the middle.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from schemas.controls import Control, Staff, Unit
from streams.engine.job import Message, Output, Refold
from streams.experience.compiled import CompiledPack
from streams.replay.driver import Driver
from tests.builders import SECOND, START, actions, control_message, driver, message, pack, pack_control
from tests.lives import ANSWERS, STATUSES, TOUCHES, UPDATES

LATENESS_SECONDS = 115  # the bound, and as late as the settling time of retail allows
STEPS = (0, 0, 0, 1, 1, 30, 60, 114, 115, 116, 900, 3600, 3600)
LEAPS = (86_400, 7 * 86_400, 40 * 86_400)


class Life(NamedTuple):
    """Inputs by topic in order of offset, the controls that steer them, and when everything is over (seconds after START)."""

    messages: list[Message]
    controls: list[Control]
    until: int


def hard_life(seed: int, count: int) -> Life:
    """A life with receipts for what a run in order, and one that missed an input, would emit."""
    rng = random.Random(seed)
    at, drawn = 0, []
    ids: dict[str, int] = {}  # with the time at which each came first
    for number in range(count):
        at += rng.choice(LEAPS) if rng.random() < 0.03 else rng.choice(STEPS)
        drawn.append(_input(rng, number, at, ids))
    messages = _numbered(rng, drawn)
    controls = _controls(rng, at)
    known = {}
    for seen in (messages, messages[1:], messages[:1] + messages[2:]):
        for action in actions(play(Life(seen, controls, at), in_event_order(seen)).outputs):
            known[action.action_id] = action
    chosen = rng.sample(sorted(known), min(len(known), rng.randint(0, 5)))
    receipts = []
    for action_id in chosen:
        told_at = (known[action_id].decided_at - START) // SECOND + rng.choice((-30, 0, 1, 60, 600, 3600))
        fields = {"action_id": action_id, "status": rng.choice(STATUSES), "to": "li"}
        receipts.append(("action_update", f"r{len(receipts)}", max(0, told_at), fields))
    messages = messages + _numbered(rng, receipts)
    return Life(messages, controls, max(event_at(one) for one in messages) + 20 * 3600)


def _input(rng: random.Random, number: int, at: int, ids: dict[str, int]) -> tuple[str, str, int, dict[str, object]]:
    kind = rng.choices(("touchpoint", "feedback", "customer"), (6, 3, 1))[0]
    fields = dict(rng.choice({"touchpoint": TOUCHES, "feedback": ANSWERS, "customer": UPDATES}[kind]))
    if kind != "customer":
        fields["matter"] = rng.choice((None, "order-1", "order-1", "order-2"))
        fields["unit"] = rng.choice((None, "berlin-1", "berlin-2"))
        if rng.random() < 0.2:
            fields["brand"] = "wings"
        if rng.random() < 0.2:
            fields["journey"] = rng.choice(("purchase", "fulfilment", "no_such_journey"))
    if "promised_at" in fields:
        fields["promised_at"] = START + (at + rng.choice((0, 60, 900, 3600))) * SECOND
    if kind == "feedback" and rng.random() < 0.4:
        back = {"about_at": START + max(0, at - rng.choice((0, 60, 3600))) * SECOND}
        fields.update(back if rng.random() < 0.5 or not ids else {"about_event_id": rng.choice(list(ids))})
    event_id = f"e{rng.randrange(10**6)}-{number}"  # so that ties are not in order of arrival
    near = [one for one, first_at in ids.items() if at - first_at <= LATENESS_SECONDS]
    if near and rng.random() < 0.1:
        event_id = rng.choice(near)  # again, with another content and mostly another time
    ids.setdefault(event_id, at)
    return kind, event_id, at, fields


def _numbered(rng: random.Random, drawn: list[tuple[str, str, int, dict[str, object]]]) -> list[Message]:
    """In order of offset, which is nearly that of event time."""
    placed = sorted(drawn, key=lambda one: (one[2] + rng.choice((0, 0, 1, LATENESS_SECONDS)), rng.random()))
    return [message(kind, event_id, at, offset, **fields) for offset, (kind, event_id, at, fields) in enumerate(placed)]


def _controls(rng: random.Random, last: int) -> list[Control]:
    """Another pack for a brand, or for all from some instant on; units whose staff changes."""
    found = [pack_control(pack("airline"), 0, brand="wings")]
    if rng.random() < 0.5:
        found.append(pack_control(pack("airline"), START + rng.randint(0, last + 1) * SECOND))
    for number in range(rng.randint(0, 3)):
        at = START + rng.randint(0, last + 1) * SECOND
        staff = [Staff(staff_id=f"boss-{number}", role="manager")]
        unit = Unit(unit_id=rng.choice(("berlin-1", "berlin-2")), staff=staff)
        found.append(Control(control_id=f"unit-{number}", in_force_at=at, written_at=START + number, unit=unit))
    return found


def event_at(one: Message) -> int:
    """Event time in seconds after START."""
    return int((_job.decode(one).at - START) // SECOND)


def in_event_order(messages: Sequence[Message]) -> list[Message]:
    """By event time; of what comes again only the first, as offsets have it."""
    return sorted(first_of_each(messages), key=lambda one: _job.decode(one).value.order)


def first_of_each(messages: Sequence[Message]) -> list[Message]:
    """Without what repeats an event id within twice the lateness."""
    kept: list[Message] = []
    for one in messages:
        source = _job.decode(one).value.source
        if not any(
            (other.rank, other.event_id) == (source.rank, source.event_id)
            and (abs(other.at - source.at) <= LATENESS_SECONDS * SECOND)
            for other in (_job.decode(each).value.source for each in kept)
        ):
            kept.append(one)
    return kept


def shuffled(rng: random.Random, messages: Sequence[Message]) -> list[Message]:
    """An arrival in which each topic keeps its own order and nothing is later than the bound; many things exactly at it."""
    slots: list[tuple[int, float, str]] = []
    topics: dict[str, list[Message]] = {}
    for one in messages:
        topics.setdefault(one.topic, []).append(one)
    for topic, own in topics.items():
        times = [event_at(one) for one in own]
        newest = 0
        for number, at in enumerate(times):
            arrival = at + rng.choice((0, 0, rng.randint(0, LATENESS_SECONDS), LATENESS_SECONDS))
            latest = min(times[number:]) + LATENESS_SECONDS  # what follows must not come too late either
            newest = max(newest, min(arrival, latest))
            slots.append((newest, rng.random(), topic))
    return [topics[topic].pop(0) for _, _, topic in sorted(slots)]


class Played(NamedTuple):
    """What came out, and the driver as it is at the end."""

    outputs: list[Output]
    driver: Driver


def play(life: Life, arrivals: Sequence[Message], late_control: int | None = None, window: int = 500) -> Played:
    """Takes the arrivals; the control of this number comes only when its time has been passed by some inputs, and refolds."""
    packs: tuple[CompiledPack, ...] = (pack("retail"), pack("airline"))
    one = driver(*packs, lateness_seconds=LATENESS_SECONDS, window=window)
    late = None if late_control is None else life.controls[late_control]
    for control in life.controls:
        if control is not late:
            one.control(control_message(control))
    outputs: list[Output] = []
    for arrival in arrivals:
        horizon = START + (event_at(arrival) - LATENESS_SECONDS) * SECOND
        if late is not None and horizon > late.in_force_at:  # the last moment at which it is not refused
            outputs += refold(one, late)
            late = None
        outputs += one.take(arrival)
    if late is not None:
        outputs += refold(one, late)
    outputs += one.advance(START + life.until * SECOND)
    return Played(outputs, one)


def refold(one: Driver, control: Control) -> list[Output]:
    """A control that comes after its time: what was judged without it is judged again."""
    concerned = one.job.control(one.controls, control_message(control), one.stream_time)
    outputs: list[Output] = []
    if concerned is not None:
        for key in list(one.keys()):
            outputs += one._step(key, [Refold(concerned.since_at)])
    return outputs


_job = driver().job
