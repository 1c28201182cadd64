"""What is kept of a subject, as structs that rest as bytes (msgpack arrays: fields may only be added at the end).

A subject = base (folded up to the horizon) + a window of inputs as they came + the fold up to now + the ledger of what
was emitted. Instants are µs.
"""

from typing import Final, Literal
from zlib import crc32

import msgspec

from schemas.events import Outcome, SubjectType
from streams.experience.spent import Spent
from streams.experience.state_format import StateFormat

FORMAT: Final = 4
Order = tuple[int, int, str]  # event time, topic rank, event id
SIGNS_MAX: Final = 32
TRACE_BYTES: Final = 4
NEVER: Final = 1 << 62
NOTHING: Final = b""  # no fold yet
WATCHES_MAX: Final = 32
MEMBERS_MAX: Final = 32  # events of an episode that a receipt may refer to
ACTIONS_MAX: Final = 64  # actions of an episode, the latest ones
LOST_MAX: Final = 8  # what lost in the latest decision about an episode


class Row(msgspec.Struct, array_like=True, gc=False):
    """A struct that rests as a msgpack array."""


class Profile(Row):
    """What is known of a customer."""

    name: str | None = None
    tier: str | None = None
    value: float | None = None
    language: str | None = None
    preferred_channel: str | None = None
    time_zone: str | None = None
    owner: str | None = None
    unit: str | None = None
    consents: list[tuple[str, str, bool]] = []  # purpose, channel, granted
    attributes: dict[str, str] = {}


class Particulars(Row):
    """What a contact about a matter told, where it told something."""

    staff: str | None
    told: str  # names of what the customer told, sorted, with commas between
    price: float | None  # that was named
    currency: str | None
    promised_at: int | None
    tried: bool  # self-service that failed or was given up


class Touch(Row):
    """A touchpoint event, as much of it as later decisions look at."""

    at: int
    event_id: str
    journey: str
    touchpoint: str
    channel: str | None
    outcome: Outcome
    matter: str | None
    waiting_seconds: float | None
    asks_for_help: bool
    unit: str | None
    more: Particulars | None = None


class Sign(Row):
    """A signal that was given: one piece of evidence. It fades by half in `half_life_seconds`."""

    signal: str
    journey: str
    touchpoint: str
    cause: str
    event_id: str
    rank: int
    partition: int
    offset: int
    at: int
    weight: float
    half_life_seconds: float
    said: bool
    unit: str | None
    text_start: int | None
    text_end: int | None
    detail: str
    relieved: list[tuple[int, float]] = []  # (at, share taken away) by happy signals since
    by_text: bool = False  # nothing but what an analyser makes of a text speaks for it


class Clock(Row):
    """A statutory clock of an episode."""

    statute: str
    name: str
    due_at: int
    remind_at: int | None = None
    answered: bool = False
    times: int = 1  # that it has run: a complaint after the answer starts it anew


class Episode(Row):
    """A stretch of dissatisfaction in one journey. `opening` is the event that opened it."""

    id: str
    journey: str
    touchpoint: str
    opening: str
    opened_at: int
    changed_at: int
    brand: str | None
    unit: str | None
    matter: str | None
    tier: str | None
    pack: str
    pack_version: str
    cause: str
    state: Literal["open", "treated", "closed"]
    stage: Literal["listen", "respond", "compensate", "improve"]
    score: float
    peak_score: float
    acted_score: float  # score at the last opening or worsening
    fade_at: int  # closed as faded when no evidence has come by then
    due_at: int | None
    verify_by: int | None
    closed_at: int | None
    closed_by: str | None
    reopened: int
    worsened: int
    missed: int
    declined: int
    said: bool
    inferred: bool
    worked: bool  # somebody has sent a receipt
    members: list[str]
    done: list[tuple[str, str]]  # (rule, step with its count) of the actions so far
    actions: list[str]
    lost: list[tuple[str, str, str, str | None]] = []  # (rule, kind, reason, detail) in the latest decision about it
    held: tuple[str, float, str] | None = None  # (experiment, share, salt): colleagues were not asked, for comparison
    remind_at: int | None = None
    resumes_at: int | None = None  # the customer has the next word, at most until then: the clock stands still
    left_seconds: float | None = None  # of the step's time when the clock stopped; None: nothing was due
    owner: str | None = None  # to whom it was handed over
    handed: int = 0
    recurrences: int = 0  # how often its cause came back to its touchpoint after it was said to be put right
    clocks: list[Clock] = []  # statutory ones
    clock: str = ""  # that was told about last: statute/name
    clock_due_at: int | None = None
    missed_in_step: int = 0  # since somebody last moved it on
    folded: list[
        tuple[str, str]
    ] = []  # (rule, step with its count) of tasks that an incident does for it, the latest ones


class Fix(Row):
    """A cause that was said to be put right at a touchpoint."""

    touchpoint: str
    cause: str
    fixed_at: int
    recurrences: int = 0  # after this fix and earlier ones
    told: bool = False  # that it has come back after this fix


class OpenWatch(Row):
    """A promise or a silence that is being watched."""

    name: str
    pack: str
    pack_version: str
    brand: str | None
    due_at: int
    event_id: str
    rank: int
    partition: int
    offset: int
    opened_at: int
    journey: str
    touchpoint: str
    matter: str | None
    unit: str | None


class Pending(Row):
    """A settled action that is not out yet and must not go out once an episode is open."""

    action_id: str
    settle_at: int
    rule: str = ""
    kind: str = ""


class Fold(Row):
    """The decisions' memory of a subject: what folding its inputs in order of event time leaves."""

    at: int = 0  # event time of the last input folded or timer fired
    subject_type: SubjectType = "unknown"
    profile: Profile = msgspec.field(default_factory=Profile)
    recent: bytes = b""  # Touches, one after the other, oldest first; rest outside (folds.py), as the next two and `at`
    recent_count: int = 0
    forgotten: bytes = b""  # Touches that `recent` began with when it was loaded
    signs: list[Sign] = []
    episodes: list[Episode] = []
    watches: list[OpenWatch] = []
    pending: list[Pending] = []
    fired: dict[str, list[int]] = {}  # cap key → instants
    level_mean: float = 0.0  # mean level of the subject's own answers, 0–10
    level_count: int = 0
    spent: bytes = b""  # Spents: what was decided lately
    felt: bytes = b""  # Felts: how the customer's latest answers were, oldest first
    fixes: list[Fix] = []
    accounts: bytes = b""  # Accounts: what matters gave the customer and took, the latest last
    worth: bytes = b""  # Worth: what the customer is worth to the company
    successes: dict[str, int] = {}  # by touchpoint, for packs that ask
    # Of limits: instant of the latest claim, and how many there were before at this instant.
    asked: tuple[int, int] = (0, 0)


class Piece(Row):
    """One input in the window. `value` is the message's value as it came."""

    at: int
    rank: int
    id: str
    partition: int
    offset: int
    value: bytes

    def order(self) -> Order:
        """Place in event time; ties go by topic, then by event id."""
        return (self.at, self.rank, self.id)


class Entry(Row):
    """A fact that was derived, and what has been emitted of it."""

    kind: Literal["experience", "action", "episode", "cause", "holdout", "suppression"]
    id: str
    at: int  # event time at which it was derived
    revision: int  # 0: nothing is out yet
    hash: bytes
    value: bytes  # the record as it was emitted last, or waits to be
    rule: str
    step: str
    settle_at: int | None
    status: Literal["pending", "out", "final", "retracted"]
    episode: str = ""  # of an action that belongs to one


class Earlier(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A fold as it was, at rest. What it remembers of touches: `own`, then the first bytes of the subject's `recent`."""

    fold: bytes = NOTHING
    own: bytes = b""
    shared: int = 0  # bytes
    count: int = 0  # touches


class Subject(Row):
    """All that is kept of a subject."""

    format: int = FORMAT
    newest_at: int = 0  # the subject's newest event; lateness is judged by it
    ticked_to: int = 0
    base_at: int = 0  # event time up to which the base is folded
    base: Earlier = Earlier()
    mark_at: int = 0  # a later fold that becomes the base once the horizon has passed it; 0: none
    mark: Earlier = Earlier()
    window: bytes = b""  # Pieces, one after the other, in order; may reach back behind the horizon as far as the base
    window_count: int = 0
    window_last: Order = (0, 0, "")  # the last of them
    now: bytes = NOTHING  # Fold of base and window
    at: int = 0  # its instant
    recent: bytes = b""  # what it remembers of touches
    recent_count: int = 0
    subject_type: SubjectType = "unknown"
    # No episode waits for the customer, and all watches are of this pack version; empty: none is open.
    calm: str | None = None
    ledger: bytes = NOTHING  # list of Entry
    settle_at: int = 0  # when something in the ledger next may go out; 0: nothing waits
    due_at: int = NEVER  # when something in `now` is due by itself
    sunk: list[Spent] = []  # settled actions that went out and are not derived any more
    passed: bytes = b""  # Orders of inputs that have gone into the base, for duplicates
    ids: bytes = b""  # `trace` of the event id of each input in `passed` and in the window, in this order


load_subject: Final = StateFormat(Subject, FORMAT, "the changelog holds state").load
_fold_decoder = msgspec.msgpack.Decoder(Fold)
_ledger_decoder = msgspec.msgpack.Decoder(list[Entry])
_orders_decoder = msgspec.msgpack.Decoder(list[Order])
_encoder = msgspec.msgpack.Encoder()


def dump(row: Row) -> bytes:
    """Bytes of a row."""
    return _encoder.encode(row)


def load_fold(rest: bytes) -> Fold:
    """A fold from its bytes, without its touches; a new one from none."""
    return _fold_decoder.decode(rest) if rest else Fold()


def load_ledger(rest: bytes) -> list[Entry]:
    """Entries from their bytes."""
    return _ledger_decoder.decode(rest) if rest else []


def dump_ledger(entries: list[Entry]) -> bytes:
    """Bytes of entries, to rest in a subject."""
    return _encoder.encode(entries) if entries else NOTHING


def load_orders(orders: bytes) -> list[Order]:
    """Orders from their bytes."""
    return _orders_decoder.decode(orders) if orders else []


def dump_orders(orders: list[Order]) -> bytes:
    """Bytes of orders, to rest in a subject."""
    return _encoder.encode(orders) if orders else b""


def trace(event_id: str) -> bytes:
    """What is looked for before anything is decoded: where it is missing, the event id is not there."""
    return crc32(event_id.encode()).to_bytes(TRACE_BYTES, "big")


def as_array(rows: bytes, count: int) -> bytes:
    """Rows that rest one after the other as one msgpack array."""
    return b"\xdd" + count.to_bytes(4, "big") + rows
