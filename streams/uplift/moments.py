"""What comes back of messages to customers: how many answer, how many do what was offered, how soon; by the moment of the message.

A feedback answers a message, an event that succeeds redeems it, when its `invitation_id` or `action_id` is the message's action id,
and it came later.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from schemas.decisions import Action
from schemas.events import Feedback, Touchpoint
from streams.replay.calibration import wilson

SECOND: Final = 1_000_000
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Message(msgspec.Struct, frozen=True):
    """A message that went out. `at`: when it could be read first (µs)."""

    action_id: str
    at: int
    rule: str
    kind: str
    channel: str | None = None
    touchpoint: str | None = None
    journey: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """Something that names a message. `said`: a feedback; else something was done."""

    action_id: str
    at: int
    said: bool


class Moment(msgspec.Struct, frozen=True):
    """Messages of one moment. Shares are of messages whose time is over, with their 95 % interval (Wilson's, for one look)."""

    moment: str
    sent: int
    over: int
    answered: int
    answered_share: float | None
    answered_interval: tuple[float, float] | None
    redeemed: int
    redeemed_share: float | None
    redeemed_interval: tuple[float, float] | None
    hours: float | None  # median time to the first reply


def messages(records: Iterable[msgspec.Struct], audiences: set[str]) -> list[Message]:
    """Of the actions in force those for these audiences."""
    latest: dict[str, Action] = {}
    for record in records:
        if isinstance(record, Action) and record.audience in audiences:
            before = latest.get(record.action_id)
            if before is None or record.revision > before.revision:
                latest[record.action_id] = record
    return [
        Message(
            one.action_id,
            one.deliver_not_before_at or one.decided_at,
            one.rule,
            one.kind,
            one.channel,
            one.touchpoint,
            one.journey,
        )
        for one in latest.values()
        if not one.retracted
    ]


def replies(records: Iterable[msgspec.Struct]) -> list[Reply]:
    """What names a message: by both of its ids once."""
    return [
        Reply(name, record.occurred_at, isinstance(record, Feedback))
        for record in records
        if isinstance(record, Feedback) or (isinstance(record, Touchpoint) and record.outcome == "success")
        for name in {record.invitation_id, record.action_id} - {None, ""}
        if name is not None
    ]


def last(records: Iterable[msgspec.Struct]) -> int:
    """How far anything is known (µs)."""
    inputs = (one for one in records if isinstance(one, Feedback | Touchpoint))
    return max((one.occurred_at for one in inputs), default=0)


def grouping(by: Sequence[str], zone: ZoneInfo) -> Callable[[Message], str]:
    """The name of a message's moment: some of rule, kind, channel, touchpoint, journey, weekday, hour. Raises KeyError."""
    keys = [_KEYS[name] for name in by]
    return lambda message: ", ".join(key(message, zone) for key in keys)


def _local(message: Message, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(message.at // SECOND, UTC).astimezone(zone)


_KEYS: Final[Mapping[str, Callable[[Message, ZoneInfo], str]]] = {
    "rule": lambda message, _: message.rule,
    "kind": lambda message, _: message.kind,
    "channel": lambda message, _: message.channel or "no channel named",
    "touchpoint": lambda message, _: message.touchpoint or "no touchpoint",
    "journey": lambda message, _: message.journey or "no journey",
    "weekday": lambda message, zone: WEEKDAYS[_local(message, zone).weekday()],
    "hour": lambda message, zone: f"{_local(message, zone).hour:02}:00",
}
BY: Final = tuple(_KEYS)


def moments(
    sent: Sequence[Message], came: Iterable[Reply], name_of: Callable[[Message], str], within: int, ends_at: int
) -> list[Moment]:
    """By moment, the most messages first. `within`: µs after which a reply is none any more; what is younger is not over."""
    by_id = {one.action_id: one for one in sent}
    said: dict[str, int] = {}
    done: dict[str, int] = {}
    for reply in came:
        message = by_id.get(reply.action_id)
        if message is not None and message.at < reply.at <= message.at + within:
            first = said if reply.said else done
            first[reply.action_id] = min(reply.at, first.get(reply.action_id, reply.at))
    groups: dict[str, list[Message]] = {}
    for message in sent:
        groups.setdefault(name_of(message), []).append(message)
    found = [_moment(name, some, said, done, within, ends_at) for name, some in groups.items()]
    return sorted(found, key=lambda one: (-one.sent, one.moment))


def _moment(
    name: str, some: list[Message], said: Mapping[str, int], done: Mapping[str, int], within: int, ends_at: int
) -> Moment:
    over = [one for one in some if one.at + within <= ends_at]
    answered = sum(one.action_id in said for one in over)
    redeemed = sum(one.action_id in done for one in over)
    waits = [
        min(said.get(one.action_id, ends_at), done.get(one.action_id, ends_at)) - one.at
        for one in over
        if one.action_id in said or one.action_id in done
    ]
    count = len(over)
    return Moment(
        name,
        len(some),
        count,
        answered,
        answered / count if count else None,
        wilson(answered, count) if count else None,
        redeemed,
        redeemed / count if count else None,
        wilson(redeemed, count) if count else None,
        median(waits) / SECOND / 3600 if waits else None,
    )
