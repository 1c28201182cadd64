"""What an evaluation is made of, wherever it comes from: deeds (done, or held out), costs, answers and visits of customers."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from schemas.decisions import Action, Experience, Holdout
from schemas.events import ActionUpdate, Feedback, Touchpoint


class Deed(NamedTuple):
    """An action in force, or what a held-out customer would have got. `held_for`: the experiment of the draw, None: it went out."""

    action_id: str
    subject: str
    at: int  # µs
    rule: str
    version: str  # of the rule
    held_for: str | None = None
    share: float = 0.0
    salt: str = ""
    signals: tuple[str, ...] = ()  # that spoke for it, where it went out
    cost: float | None = None  # as the action itself says: its cost, else what it gives away
    gives: bool = False  # it gives something away


class Answer(NamedTuple):
    """What a customer said, as a level 0–10."""

    subject: str
    at: int
    level: float


class Visit(NamedTuple):
    """A touchpoint event."""

    subject: str
    at: int
    touchpoint: str
    outcome: str


class Rows(msgspec.Struct):
    """All of it. `costs`: action id → what carrying it out has cost, by the receipts. `ends_at`: how far anything is known (µs)."""

    deeds: list[Deed]
    answers: list[Answer]
    visits: list[Visit]
    costs: dict[str, float]
    ends_at: int

    def known_at(self, until: int | None) -> "Rows":
        """As it was known at an instant (µs); costs as they are known now."""
        ends_at = self.ends_at if until is None else min(self.ends_at, until - 1)
        return Rows(
            [one for one in self.deeds if one.at <= ends_at],
            [one for one in self.answers if one.at <= ends_at],
            [one for one in self.visits if one.at <= ends_at],
            self.costs,
            ends_at,
        )


def of_records(records: Iterable[msgspec.Struct]) -> Rows:
    """From records in any order: of those with revisions the highest, if it is not retracted; events once by their id."""
    latest: dict[tuple[type, str], Action | Holdout | Experience] = {}
    events: dict[tuple[type, str, str], Touchpoint | ActionUpdate] = {}
    ends_at = 0
    for record in records:
        if isinstance(record, Action | Holdout | Experience):
            name = record.event_id if isinstance(record, Experience) else record.action_id
            before = latest.get((type(record), name))
            if before is None or record.revision > before.revision:
                latest[type(record), name] = record
        elif isinstance(record, Touchpoint | ActionUpdate):
            events.setdefault((type(record), record.subject_id, record.event_id), record)
        if isinstance(record, Touchpoint | Feedback | ActionUpdate | Experience):
            ends_at = max(ends_at, record.occurred_at)
        elif isinstance(record, Action | Holdout):
            ends_at = max(ends_at, record.decided_at)
    rows = Rows([], [], [], {}, ends_at)
    for one in latest.values():
        if not one.retracted:
            _take(rows, one)
    for event in events.values():
        if isinstance(event, Touchpoint):
            rows.visits.append(Visit(event.subject_id, event.occurred_at, event.touchpoint, event.outcome))
        elif event.cost is not None:
            rows.costs[event.action_id] = rows.costs.get(event.action_id, 0.0) + float(event.cost)
    return rows


def _take(rows: Rows, one: Action | Holdout | Experience) -> None:
    if isinstance(one, Experience):
        if one.experience is not None and one.respondent == "customer":
            rows.answers.append(Answer(one.subject_id, one.about_at, one.experience))
    elif one.subject_type != "customer":
        return
    elif isinstance(one, Holdout):
        held = Deed(one.action_id, one.subject_id, one.decided_at, one.rule, one.rule_version, one.experiment)
        rows.deeds.append(held._replace(share=one.share, salt=one.salt))
    else:
        worth = one.cost if one.cost is not None else one.amount
        signals = tuple(dict.fromkeys(row.signal for row in one.evidence))
        done = Deed(one.action_id, one.subject_id, one.decided_at, one.rule, one.rule_version)
        rows.deeds.append(
            done._replace(signals=signals, cost=None if worth is None else float(worth), gives=one.amount is not None)
        )
