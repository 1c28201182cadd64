"""What has been decided for a subject lately, as caps, budgets and the choice of a channel count it.

Rows rest one after the other as bytes: most inputs decide nothing and never look at them.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from schemas.decisions import Action, Holdout

SPENT_MAX: Final = 64  # actions that a fold remembers; no cap allows more
SPENT_SECONDS: Final = 30 * 86_400  # how long at least: what is learnt of channels
_encoder = msgspec.msgpack.Encoder()


class Spent(msgspec.Struct, array_like=True, gc=False):
    """An action that has won. The first two fields are all that is known of one that an earlier version has recorded."""

    rule: str
    at: int  # µs
    action_id: str = ""
    kind: str = ""
    audience: str = ""
    reaches: str = "staff"
    step: str = ""
    channel: str | None = None
    journey: str | None = None
    touchpoint: str | None = None
    matter: str | None = None
    cause: str | None = None
    unit: str | None = None
    amount: float = 0.0  # what it gives away, in the pack's currency
    answered_at: int | None = None  # µs; the customer has answered to it, or done what it asked for
    held: bool = False  # the customer is held out: it counts, but never went out
    episode: str = ""  # that it belongs to
    deferred_to: int | None = None  # µs; it waits for room in a limit
    brand: str | None = None
    assignee: str | None = None  # the colleague who is asked

    @property
    def costs(self) -> bool:
        """Does it give something away?"""
        return self.step == "compensate" or self.amount > 0


_decoder = msgspec.msgpack.Decoder(list[Spent])


def load_spent(rest: bytes) -> list[Spent]:
    """Rows from their bytes, oldest first."""
    return _decoder.decode(rest) if rest else []


def dump_spent(rows: list[Spent]) -> bytes:
    """Bytes of the latest rows."""
    return _encoder.encode(rows[-SPENT_MAX:]) if rows else b""


def with_ids(rest: bytes, renamed: Mapping[str, str]) -> bytes:
    """The rows' bytes with other ids of actions."""
    rows = load_spent(rest)
    for row in rows:
        row.action_id = renamed.get(row.action_id, row.action_id)
    return dump_spent(rows)


def spent_of(action: Action | Holdout, rule: str, at: int) -> Spent:
    """What counts of an action that is out; whom it reached, its pack says."""
    return Spent(
        rule,
        at,
        action.action_id,
        action.kind,
        action.audience,
        "",
        action.step,
        action.channel,
        action.journey,
        action.touchpoint,
        action.matter,
        action.cause,
        action.unit,
        float(action.amount or 0),
        brand=action.brand,
        assignee=action.assignee if isinstance(action, Action) else None,
    )
