"""What goes out: experiences, actions, episodes, and what the second job is told. One struct a schema file, with its fields in its order.

Instants are integers, µs since 1970 UTC; money is Decimal. A test compares structs and schema files field by field.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from schemas.events import FeedbackKind, Outcome, Respondent, SubjectType

ExpectationSource = Literal["unknown", "stated", "inherited", "none"]
Origin = Literal["unknown", "said", "inferred", "both"]
Emit = Literal["unknown", "now", "settled"]
EpisodeState = Literal["unknown", "open", "treated", "closed", "superseded_after_work"]
EpisodeStage = Literal["unknown", "listen", "respond", "compensate", "improve"]


class Context(msgspec.Struct, gc=False, kw_only=True):
    """The O state at the moment that the feedback is about."""

    event_id: str | None = None
    touchpoint: str | None = None
    outcome: Outcome = "unknown"
    waiting_seconds: float | None = None
    contacts: int
    failures: int
    channels: int
    score: float


class Evidence(msgspec.Struct, gc=False, kw_only=True):
    """One event that speaks for the decision."""

    event_id: str
    topic: str
    partition: int
    offset: int
    occurred_at: int
    signal: str
    origin: Origin
    weight: float
    text_start: int | None = None
    text_end: int | None = None
    detail: str | None = None


class Loser(msgspec.Struct, gc=False, kw_only=True):
    """Another action that wanted to reach the same customer and lost."""

    rule: str
    kind: str
    reason: str
    detail: str | None = None


class AspectTone(msgspec.Struct, gc=False, kw_only=True):
    """What the text says about one aspect."""

    aspect: str
    tone: float
    text_start: int
    text_end: int


class Experience(msgspec.Struct, gc=False, kw_only=True):
    """A feedback joined with what had happened at the moment that it is about. Topic cx-experiences."""

    event_id: str
    revision: int
    retracted: bool = False
    subject_type: SubjectType
    subject_id: str
    occurred_at: int
    about_at: int
    brand: str | None = None
    channel: str | None = None
    journey: str | None = None
    touchpoint: str
    matter: str | None = None
    unit: str | None = None
    kind: FeedbackKind
    respondent: Respondent
    dimension: str | None = None
    reason: str | None = None
    experience: float | None = None
    expectation: float | None = None
    expectation_source: ExpectationSource
    importance: float | None = None
    ideal: float | None = None
    satisfaction: float | None = None
    weighted: float | None = None
    gap: float | None = None
    sentiment: float | None = None
    text_start: int | None = None
    text_end: int | None = None
    context: Context
    score: float
    pack: str
    pack_version: str
    evidence: list[Evidence] = []
    losers: list[Loser] = []
    text_unsure: bool = False
    text_aspects: list[AspectTone] = []
    analyser: str | None = None
    trust: float = 1.0
    doubt: str | None = None


class Action(msgspec.Struct, gc=False, kw_only=True):
    """A follow-up action, with what led to it. A higher revision replaces a lower one; a retraction calls it back. Topic cx-actions."""

    action_id: str
    revision: int
    retracted: bool = False
    supersedes: str | None = None
    subject_type: SubjectType
    subject_id: str
    decided_at: int
    kind: str
    audience: str
    brand: str | None = None
    unit: str | None = None
    assignee: str | None = None
    channel: str | None = None
    template: str
    parameters: dict[str, str] = {}
    locale: str | None = None
    text: str | None = None
    solution: str | None = None
    amount: Decimal | None = None
    cost: Decimal | None = None
    currency: str | None = None
    journey: str | None = None
    touchpoint: str | None = None
    matter: str | None = None
    cause: str | None = None
    episode_id: str | None = None
    step: str
    due_at: int | None = None
    deliver_not_before_at: int | None = None
    expires_at: int | None = None
    origin: Origin
    score: float
    emit: Emit
    occasion: str
    rule: str
    rule_version: str
    pack: str
    pack_version: str
    evidence: list[Evidence] = []
    losers: list[Loser] = []


class Notification(msgspec.Struct, gc=False, kw_only=True):
    """An action as its audience gets it: what to do, for whom, by when; the evidence stands in cx-actions. Topics cx-notify-<audience>."""

    action_id: str
    revision: int
    retracted: bool = False
    supersedes: str | None = None
    subject_type: SubjectType
    subject_id: str
    decided_at: int
    kind: str
    audience: str
    brand: str | None = None
    unit: str | None = None
    assignee: str | None = None
    channel: str | None = None
    template: str
    parameters: dict[str, str] = {}
    locale: str | None = None
    text: str | None = None
    solution: str | None = None
    amount: Decimal | None = None
    cost: Decimal | None = None
    currency: str | None = None
    journey: str | None = None
    touchpoint: str | None = None
    matter: str | None = None
    cause: str | None = None
    episode_id: str | None = None
    step: str
    due_at: int | None = None
    deliver_not_before_at: int | None = None
    expires_at: int | None = None
    origin: Origin
    score: float


class Episode(msgspec.Struct, gc=False, kw_only=True):
    """A stretch of dissatisfaction of one subject in one journey, as it stands now. Topic cx-episodes."""

    episode_id: str
    revision: int
    retracted: bool = False
    subject_type: SubjectType
    subject_id: str
    brand: str | None = None
    journey: str
    touchpoint: str
    unit: str | None = None
    owner: str | None = None
    tier: str | None = None
    state: EpisodeState
    stage: EpisodeStage
    opened_at: int
    changed_at: int
    closed_at: int | None = None
    closed_by: str | None = None
    cause: str
    origin: Origin
    score: float
    peak_score: float
    reopened: int
    due_at: int | None = None
    missed: int
    actions: list[str] = []
    pack: str
    pack_version: str
    evidence: list[Evidence] = []
    losers: list[Loser] = []
    resumes_at: int | None = None
    recurrences: int = 0


class Holdout(msgspec.Struct, gc=False, kw_only=True):
    """An action that a held-out customer would have got at this instant, and did not: the other arm of the comparison. Nobody acts on it. A higher revision replaces a lower one. Topic cx-holdouts."""

    action_id: str
    revision: int
    retracted: bool = False
    subject_type: SubjectType
    subject_id: str
    decided_at: int
    experiment: str
    share: float
    salt: str
    kind: str
    audience: str
    brand: str | None = None
    unit: str | None = None
    channel: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    journey: str | None = None
    touchpoint: str | None = None
    matter: str | None = None
    cause: str | None = None
    episode_id: str | None = None
    step: str
    origin: Origin
    score: float
    emit: Emit
    occasion: str
    rule: str
    rule_version: str
    pack: str
    pack_version: str


class Suppression(msgspec.Struct, gc=False, kw_only=True):
    """An action that a customer would have got at this instant, and did not: why, and what would have made it happen. Only where no action won against it, and neither an episode nor an answer tells it (their `losers`). A higher revision replaces a lower one. Topic cx-suppressions."""

    action_id: str
    revision: int
    retracted: bool = False
    subject_type: SubjectType
    subject_id: str
    decided_at: int
    kind: str
    audience: str
    brand: str | None = None
    unit: str | None = None
    journey: str | None = None
    touchpoint: str | None = None
    matter: str | None = None
    cause: str | None = None
    step: str
    occasion: str
    rule: str
    rule_version: str
    pack: str
    pack_version: str
    reason: str
    detail: str | None = None


class Claim(msgspec.Struct, gc=False, kw_only=True):
    """What an action claims of a limit in a period, granted or not; the order of claims is (occurred_at, place)."""

    limit: str
    group: str = ""
    begins_at: int
    ends_at: int
    place: str
    amount: Decimal
    most: Decimal
    bound: bool = True


class Cause(msgspec.Struct, gc=False, kw_only=True):
    """One customer's contribution to a cause at a touchpoint, for the second job. Topic cx-causes."""

    cause_id: str
    revision: int
    retracted: bool = False
    touchpoint: str
    cause: str
    brand: str | None = None
    unit: str | None = None
    journey: str | None = None
    product: str | None = None
    subject_type: SubjectType
    subject_id: str
    event_id: str
    occurred_at: int
    origin: Origin
    weight: float
    pack: str
    pack_version: str
    value: float | None = None
    claim: Claim | None = None
    staff: str | None = None
    fixed: bool = False
