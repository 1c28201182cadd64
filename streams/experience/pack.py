"""A pack as it is written: the configuration of one industry or brand, as structs. Unknown fields are errors.

Conditions and computed values are CEL text here; `compiled.py` turns a pack into what decisions run on.
"""

from typing import Literal

import msgspec

ByTier = dict[str, float]  # tier → value; `other` is for every tier that is not named
Texts = dict[str, str]  # locale → text with {parameters}

SignalOn = Literal["touchpoint", "feedback", "watch"]
ActionOn = Literal[
    "episode_opened", "episode_worsened", "episode_reopened", "episode_closed", "response_missed", "declined", "signal"
]
Step = Literal["listen", "respond", "compensate", "improve", "escalate", "recognise"]


class Part(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Any part of a pack."""


class Journey(Part):
    """The customer's way through touchpoints; an episode belongs to one journey."""

    title: Texts = {}


class TouchpointEntry(Part):
    """One place of contact."""

    journey: str
    title: Texts = {}
    owner: str | None = None  # audience that looks after the touchpoint
    dimension: str | None = None
    expectation: float | Literal["none"] | None = None  # inherited expectation, 0–10; "none": nothing to disappoint
    importance: float | None = None  # 0–10
    ideal: float | None = None  # 0–10
    asks_for_help: bool = False  # the customer turns to a person: counts as a contact about the matter
    waiting_promised_seconds: float | None = None


class Watch(Part):
    """Something that is due after an event: a promise to keep, or a customer from whom nothing more comes."""

    opens: str  # CEL on a touchpoint event
    kept: str  # CEL on a touchpoint event
    signal: str  # the signal that is given when it is not kept in time
    within_seconds: float | None = None
    by: Literal["promised_at"] | None = None  # the event's own promised_at
    same: Literal["matter", "touchpoint", "subject"] = "matter"  # what opening and keeping event must share
    touchpoint: str | None = None  # where a breach counts; null: where it was opened
    renews: bool = False  # a second opening starts the time anew


class Signal(Part):
    """Evidence for dissatisfaction (`unhappy`), or against it (`happy`)."""

    on: SignalOn
    when: str | None = None  # CEL; null: always (signals on a watch need none)
    mood: Literal["unhappy", "happy"] = "unhappy"
    weight: float | str = 0.0  # 0–1, or CEL that gives it
    half_life_seconds: float = 86_400.0
    relief: float = 0.0  # happy: share of the earlier evidence in the same journey that it takes away, 0–1
    verifies: bool = False  # happy: shows that a treated episode is really over
    cause: str | None = None  # name under which causes are counted; null: the signal's own name
    detail: str = ""  # the measure in words, with {parameters}


class Treatment(Part):
    """When an episode opens, how its steps are timed, when it closes."""

    opens_at: float
    worsens_by: float
    closes_below: float
    step_within_seconds: dict[Literal["listen", "respond", "compensate", "improve"], ByTier]
    verified_within_seconds: float  # treated, but not verified by then: re-opens
    reopens_within_seconds: float  # dissatisfied again by then: the same episode
    fades_after_seconds: float  # no evidence for so long: closed as faded
    escalates_most: int = 3


class Audience(Part):
    """Who acts. Its notification topic is cx-notify-<name>."""

    reaches: Literal["staff", "customer"]
    title: Texts = {}
    role: str | None = None  # staff role in the unit that is assigned; null: the customer's owner


class Cap(Part):
    """At most so many in a sliding time."""

    most: int
    per_seconds: float


class ActionRule(Part):
    """What follows from what."""

    on: ActionOn
    audience: str
    kind: str
    step: Step
    text: str
    signal: str | None = None  # with on: signal
    when: str | None = None
    emit: Literal["now", "settled"] = "now"
    settling_seconds: float = 120.0
    priority: int = 50
    channel: str | None = None  # null: the customer's preferred one, for audiences that reach customers
    solution: str | None = None
    amount: float | str | ByTier | None = None  # suggested compensation
    due_in_seconds: float | ByTier | None = None
    expires_in_seconds: float | None = None
    cap: Cap | None = None
    consent: str | None = None  # purpose that the customer must have agreed to
    never_with_open_episode: bool = False


class QuietHours(Part):
    """Customers are not contacted between these local times."""

    begin: str  # HH:MM
    end: str  # HH:MM
    time_zone: str = "UTC"  # where the customer's is unknown


class Incidents(Part):
    """When many customers with one cause at one touchpoint make an incident."""

    subjects: int
    within_seconds: float
    ends_after_seconds: float
    audience: str
    text: str
    kind: str = "incident"


class PackFile(Part):
    """A whole pack."""

    pack: str
    description: str
    default_locale: str
    currency: str
    journeys: dict[str, Journey]
    touchpoints: dict[str, TouchpointEntry]
    dimensions: list[str]
    signals: dict[str, Signal]
    treatment: Treatment
    audiences: dict[str, Audience]
    actions: dict[str, ActionRule]
    texts: dict[str, Texts]
    promises: dict[str, Watch] = {}
    silences: dict[str, Watch] = {}
    quiet_hours: QuietHours | None = None
    incidents: Incidents | None = None
