"""The working object of one subject's fold: what it remembers, what is in force, and the facts that it derives.

A fact is something derived that others see: an experience, an action, an episode as it stands, a cause. Same inputs in the
same order of event time, same facts; when and whether they are emitted is the ledger's business.
"""

from typing import Literal, NamedTuple

from schemas.records import (
    Action,
    ActionUpdate,
    Cause,
    Customer,
    Episode,
    Experience,
    Feedback,
    Loser,
    SubjectType,
    Touchpoint,
)
from streams.engine.job import Message
from streams.experience.compiled import CompiledPack, CompiledRule
from streams.experience.conditions import Condition, EvaluationError, Expression
from streams.experience.controls import Controls
from streams.experience.frame import Frame
from streams.experience.state import Episode as EpisodeRow
from streams.experience.state import Fold, Pending, Sign
from streams.experience.text import Analyser

SECOND = 1_000_000

# The topics of the job's inputs by rank: ties of event time are folded in this order.
TOPICS = ("cx-customers", "cx-touchpoints", "cx-feedback", "cx-action-updates")


class Source(NamedTuple):
    """Where an input stands."""

    event_id: str
    rank: int
    partition: int
    offset: int
    at: int


class Input(NamedTuple):
    """One decoded input. `value` is the message's value as it came, `message` what brought it, where something has."""

    source: Source
    record: Touchpoint | Feedback | Customer | ActionUpdate
    value: bytes
    message: Message | None = None

    @property
    def order(self) -> tuple[int, int, str]:
        """Place in event time; ties go by topic, then by event id."""
        return (self.source.at, self.source.rank, self.source.event_id)


Kind = Literal["experience", "action", "episode", "cause"]


class Fact(NamedTuple):
    """Something derived. `step` tells apart the actions of one rule; `settle_at` (µs): not out before."""

    kind: Kind
    id: str
    at: int
    record: Experience | Action | Episode | Cause
    rule: str = ""
    step: str = ""
    settle_at: int | None = None


class Withdrawal(NamedTuple):
    """A settled action that must not go out any more."""

    action_id: str


class Candidate(NamedTuple):
    """An action that wants to happen, before the arbiter has decided."""

    rule: CompiledRule
    pack: CompiledPack
    episode: EpisodeRow | None
    sign: Sign | None
    occasion: str
    step: str


class Folding:
    """One subject's fold at work."""

    def __init__(
        self, key: str, fold: Fold, controls: Controls, analyser: Analyser, sunk: list[tuple[str, int]] | None = None
    ) -> None:
        self.key = key
        self.fold = fold
        self.controls = controls
        self.analyser = analyser
        self.sunk = sunk or []
        self.facts: list[Fact | Withdrawal] = []
        self.candidates: list[Candidate] = []
        self.losers: list[Loser] = []  # of the whole step, for who decides at a prompt
        self.about: tuple[str | None, str | None] = (None, None)  # brand and matter of the input being folded
        self.changed: dict[str, EpisodeRow] = {}
        self.errors: list[str] = []  # conditions that could not be evaluated: rule and reason

    def holds(self, rule: str, condition: Condition | None, frame: Frame) -> bool:
        """Does a condition hold? One that cannot be evaluated does not; that is recorded."""
        if condition is None:
            return True
        try:
            return condition(frame)
        except EvaluationError as error:
            self.errors.append(f"{rule}: {error}")
            return False

    def value(self, rule: str, value: Expression[float] | float | None, frame: Frame) -> float | None:
        """A value of a pack, computed where it is an expression; None where that fails."""
        if value is None or isinstance(value, float | int):
            return value
        try:
            return float(value(frame))
        except EvaluationError as error:
            self.errors.append(f"{rule}: {error}")
            return None

    @property
    def subject_type(self) -> SubjectType:
        """Kind of subject, as its latest event says."""
        return self.fold.subject_type

    def withdraw_pending(self, at: int) -> None:
        """An episode is open: what must not go out any more is withdrawn."""
        for pending in self.fold.pending:
            if pending.settle_at > at:
                self.facts.append(Withdrawal(pending.action_id))
        self.fold.pending = []

    def add_pending(self, action_id: str, settle_at: int, at: int) -> None:
        """Remembers an action that an episode would still withdraw."""
        self.fold.pending = [one for one in self.fold.pending if one.settle_at > at]
        self.fold.pending.append(Pending(action_id, settle_at))
