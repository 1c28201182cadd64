"""What comes in: what customers do and say, who they are, what became of actions. One struct a schema file, with its fields in its order.

Instants are integers, µs since 1970 UTC; money is Decimal. A test compares structs and schema files field by field.
"""

from decimal import Decimal
from typing import Literal

import msgspec

SubjectType = Literal["unknown", "customer", "anonymous", "unit", "touchpoint"]
Outcome = Literal["unknown", "success", "failure", "abandoned"]
FeedbackKind = Literal["unknown", "nps", "csat", "ces", "stars", "dimension", "complaint", "praise", "comment"]
ScaleDirection = Literal["unknown", "higher_is_better", "lower_is_better"]
Respondent = Literal["unknown", "customer", "staff", "management"]
ActionStatus = Literal[
    "unknown",
    "accepted",
    "contacted",
    "compensated",
    "resolved",
    "declined",
    "waiting_for_customer",
    "handed_over",
]


class Touchpoint(msgspec.Struct, gc=False, kw_only=True):
    """Something that a customer did or that happened to a customer (O data). Topic cx-touchpoints."""

    event_id: str
    subject_type: SubjectType
    subject_id: str
    occurred_at: int
    source: str = ""
    brand: str | None = None
    channel: str | None = None
    journey: str | None = None
    touchpoint: str
    place: str | None = None
    action: str | None = None
    outcome: Outcome = "unknown"
    duration_seconds: float | None = None
    waiting_seconds: float | None = None
    promised_at: int | None = None
    amount: Decimal | None = None
    currency: str | None = None
    matter: str | None = None
    product: str | None = None
    unit: str | None = None
    staff: str | None = None
    device: str | None = None
    invitation_id: str | None = None
    action_id: str | None = None
    attributes: dict[str, str] = {}


class Feedback(msgspec.Struct, gc=False, kw_only=True):
    """Something that somebody said (X data): a score, a complaint, praise, a comment. Topic cx-feedback."""

    event_id: str
    subject_type: SubjectType
    subject_id: str
    occurred_at: int
    source: str = ""
    brand: str | None = None
    channel: str | None = None
    journey: str | None = None
    touchpoint: str | None = None
    place: str | None = None
    about_at: int | None = None
    about_event_id: str | None = None
    kind: FeedbackKind
    score: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    scale_direction: ScaleDirection = "higher_is_better"
    dimension: str | None = None
    reason: str | None = None
    expectation: float | None = None
    importance: float | None = None
    ideal: float | None = None
    respondent: Respondent = "customer"
    text: str | None = None
    language: str | None = None
    matter: str | None = None
    product: str | None = None
    unit: str | None = None
    staff: str | None = None
    device: str | None = None
    invitation_id: str | None = None
    action_id: str | None = None
    attributes: dict[str, str] = {}


class Consent(msgspec.Struct, gc=False, kw_only=True):
    """A customer's word on one purpose and channel."""

    purpose: str
    channel: str
    granted: bool


class Identifier(msgspec.Struct, gc=False, kw_only=True):
    """One name under which a system knows the customer."""

    type: str
    value: str


class Customer(msgspec.Struct, gc=False, kw_only=True):
    """What has become known of a customer. A null leaves what was known before, an empty text or list clears it. Topic cx-customers."""

    event_id: str
    subject_type: SubjectType
    subject_id: str
    occurred_at: int
    source: str = ""
    brand: str | None = None
    name: str | None = None
    identifiers: list[Identifier] | None = None
    tier: str | None = None
    value: Decimal | None = None
    currency: str | None = None
    consents: list[Consent] | None = None
    preferred_channel: str | None = None
    language: str | None = None
    time_zone: str | None = None
    owner: str | None = None
    unit: str | None = None
    attributes: dict[str, str] = {}


class ActionUpdate(msgspec.Struct, gc=False, kw_only=True):
    """A receipt: what became of an action, told by whoever carried it out. Topic cx-action-updates."""

    event_id: str
    subject_type: SubjectType
    subject_id: str
    occurred_at: int
    source: str = ""
    action_id: str
    status: ActionStatus
    by: str | None = None
    unit: str | None = None
    cost: Decimal | None = None
    currency: str | None = None
    note: str | None = None
    attributes: dict[str, str] = {}
    to: str | None = None


Event = Touchpoint | Feedback | Customer | ActionUpdate
CustomerEvent = Touchpoint | Feedback | Customer  # all but what colleagues did
