"""The working object of one subject's fold: what it remembers, what is in force, and the facts that it derives.

A fact is something derived that others see: an experience, an action, an episode as it stands, a cause. Same inputs in the
same order of event time, same facts; when and whether they are emitted is the ledger's business.
"""

from typing import Literal, NamedTuple

import msgspec

from schemas.decisions import Action, Cause, Episode, Experience, Holdout, Loser, Suppression
from schemas.events import Event, SubjectType
from streams.engine.job import Message
from streams.experience.compiled import CompiledPack, CompiledRule
from streams.experience.conditions import Condition, EvaluationError, Expression
from streams.experience.controls import Controls
from streams.experience.frame import Frame
from streams.experience.spent import Spent, dump_spent, load_spent
from streams.experience.state import LOST_MAX, Fold, Pending, Sign
from streams.experience.state import Episode as EpisodeRow
from streams.experience.text import Analyser

SECOND = 1_000_000
VALUE_MAX = 1e12  # computed weights and amounts; beyond it is an error of the pack

# The topics of the job's inputs by rank: ties of event time are folded in this order.
TOPICS = ("cx-customers", "cx-touchpoints", "cx-feedback", "cx-action-updates")


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where an input stands."""

    event_id: str
    rank: int
    partition: int
    offset: int
    at: int


class Input(msgspec.Struct, frozen=True, gc=False):
    """One decoded input. `value` is the message's value as it came, `message` what brought it, where something has."""

    source: Source
    record: Event
    value: bytes
    message: Message | None = None

    @property
    def order(self) -> tuple[int, int, str]:
        """Place in event time; ties go by topic, then by event id."""
        return (self.source.at, self.source.rank, self.source.event_id)


Kind = Literal["experience", "action", "episode", "cause", "holdout", "suppression"]


class Fact(NamedTuple):
    """Something derived. `step` tells apart the actions of one rule; `settle_at` (µs): not out before."""

    kind: Kind
    id: str
    at: int
    record: Experience | Action | Episode | Cause | Holdout | Suppression
    rule: str = ""
    step: str = ""
    settle_at: int | None = None


class Withdrawal(NamedTuple):
    """A settled action that must not go out any more."""

    action_id: str


class Failure(NamedTuple):
    """A condition or value that could not be evaluated: the rule did not fire. `rule`: of a signal, a watch or an action."""

    pack: str
    rule: str
    what: str


class Candidate(NamedTuple):
    """An action that wants to happen, before the arbiter has decided."""

    rule: CompiledRule
    pack: CompiledPack
    episode: EpisodeRow | None
    sign: Sign | None
    occasion: str
    step: str

    @property
    def about(self) -> EpisodeRow | Sign | None:
        """Whose touchpoint and cause it is about: what has come back may not be what the episode is about."""
        if self.sign is not None and self.rule.spec.on == "recurred":
            return self.sign
        return self.episode or self.sign


class Folding(msgspec.Struct):
    """One subject's fold at work."""

    key: str
    fold: Fold
    controls: Controls
    analyser: Analyser
    sunk: list[Spent] = []  # settled actions that went out and are not derived any more
    facts: list[Fact | Withdrawal] = []
    candidates: list[Candidate] = []
    losers: list[Loser] = []  # of the whole step: counted, and told at a prompt
    experience: Experience | None = None  # of the feedback being folded
    lost_now: set[str] = set()  # episodes about which something has lost in this decision
    about: tuple[str | None, str | None] = (None, None)  # brand and matter of the input being folded
    changed: dict[str, EpisodeRow] = {}
    errors: list[Failure] = []  # conditions that could not be evaluated

    def holds(self, pack: CompiledPack, rule: str, condition: Condition | None, frame: Frame) -> bool:
        """Does a condition hold? One that cannot be evaluated does not; that is recorded."""
        if condition is None:
            return True
        try:
            return condition.run(frame)
        except EvaluationError as error:
            self.errors.append(Failure(pack.name, rule, str(error)))
            return False

    def value(
        self, pack: CompiledPack, rule: str, value: Expression[float] | float | None, frame: Frame
    ) -> float | None:
        """A value of a pack, computed where it is an expression; None where that fails."""
        if value is None or isinstance(value, float | int):
            return value
        try:
            result = float(value.run(frame))
        except EvaluationError as error:
            self.errors.append(Failure(pack.name, rule, str(error)))
            return None
        if not -VALUE_MAX < result < VALUE_MAX:  # NaN fails here, too
            self.errors.append(Failure(pack.name, rule, f"{value.place}: {result} is no value that can be used"))
            return None
        return result

    def turn_to(self, about: tuple[str | None, str | None]) -> None:
        """Another input, or something due, is folded from now on: of this brand and matter."""
        self.about, self.experience = about, None
        self.lost_now.clear()

    @property
    def subject_type(self) -> SubjectType:
        """Kind of subject, as its latest event says."""
        return self.fold.subject_type

    def withdraw_pending(self, at: int, episode: EpisodeRow) -> list[Spent]:
        """An episode is open: what must not go out any more is withdrawn. Gives what had been counted of it."""
        waiting, self.fold.pending = [one for one in self.fold.pending if one.settle_at > at], []
        withdrawn: list[Spent] = []
        if waiting:
            gone = {one.action_id for one in waiting}
            rows = load_spent(self.fold.spent)
            withdrawn = [row for row in rows if row.action_id in gone]
            self.fold.spent = dump_spent([row for row in rows if row.action_id not in gone])
        for one in waiting:
            self.facts.append(Withdrawal(one.action_id))
            lost = Loser(rule=one.rule, kind=one.kind, reason="open_episode", detail="withdrawn before it went out")
            self.lose(lost, episode)
        return withdrawn

    def add_pending(self, pending: Pending, at: int) -> None:
        """Remembers an action that an episode would still withdraw."""
        self.fold.pending = [one for one in self.fold.pending if one.settle_at > at]
        self.fold.pending.append(pending)

    def lose(self, loser: Loser, episode: EpisodeRow | None) -> None:
        """Records an action that may not happen: on the episode that it was about or that stood in its way, else on the
        feedback that brought it up; always in the count. What has neither is told by itself (suppression.py).
        """
        self.losers.append(loser)
        if episode is not None:
            earlier = episode.lost if episode.id in self.lost_now else []
            episode.lost = [*earlier, (loser.rule, loser.kind, loser.reason, loser.detail)][-LOST_MAX:]
            self.lost_now.add(episode.id)
            self.changed[episode.id] = episode
        elif self.experience is not None:
            self.experience.losers.append(loser)
