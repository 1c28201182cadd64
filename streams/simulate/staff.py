"""The staff: takes actions, and answers with receipts after some time; most are seen to, some declined, a few forgotten.

Pure: the same actions at the same times give the same receipts. What receipts do to customers is in `recovery.py`.
"""

from decimal import Decimal
from random import Random
from typing import Final

from schemas.decisions import Action
from schemas.events import ActionStatus, ActionUpdate
from streams.simulate.plan import US_PER_SECOND

_REMEMBERED: Final = 100_000  # actions
_FORGOTTEN: Final = 0.08
_DECLINED: Final = 0.05
_NOT_RESOLVED: Final = 0.12
_COMPENSATES: Final = 0.25  # where no amount is suggested


class Staff:
    """`deaf_to`: audiences that are no staff (messages that go to customers themselves)."""

    def __init__(self, seed: int, deaf_to: frozenset[str] = frozenset({"customers"})) -> None:
        self._seed = seed
        self._deaf_to = deaf_to
        self._taken: dict[str, None] = {}  # in order of arrival
        self._withdrawn: dict[str, None] = {}

    def receipts(self, action: Action, now_us: int) -> list[ActionUpdate]:
        """What will be done about an action, each with the time when it is done (after `now_us`).

        A further revision, or an action that supersedes one already taken, brings nothing new; a retraction withdraws.
        """
        if action.retracted:
            _remember(self._withdrawn, action.action_id)
            return []
        known = action.action_id in self._taken or action.supersedes in self._taken
        _remember(self._taken, action.action_id)
        if known or action.audience in self._deaf_to:
            return []
        rng = Random(f"{self._seed}/{action.action_id}")  # noqa: S311 - a simulation, reproducible on purpose
        draw = rng.random()
        if draw < _FORGOTTEN:
            return []
        if draw < _FORGOTTEN + _DECLINED:
            return [_receipt(action, "declined", now_us + _minutes(rng, 3, 30), rng)]
        return self._work(action, now_us, rng)

    def withdrawn(self, action_id: str) -> bool:
        """Has the action been called back meanwhile?"""
        return action_id in self._withdrawn

    @staticmethod
    def _work(action: Action, now_us: int, rng: Random) -> list[ActionUpdate]:
        at = now_us + _minutes(rng, 1, 10)
        done = [_receipt(action, "accepted", at, rng)]
        at += _minutes(rng, 2, 15)
        done.append(_receipt(action, "contacted", at, rng))
        if action.amount is not None or rng.random() < _COMPENSATES:
            at += _minutes(rng, 1, 8)
            cost = action.amount if action.amount is not None else Decimal(5 * rng.randint(1, 4))
            currency = action.currency or "EUR"
            receipt = _receipt(action, "compensated", at, rng)
            receipt.cost, receipt.currency = cost, currency
            done.append(receipt)
        if rng.random() >= _NOT_RESOLVED:
            done.append(_receipt(action, "resolved", at + _minutes(rng, 3, 40), rng))
        return done


def _remember(known: dict[str, None], action_id: str) -> None:
    known[action_id] = None
    if len(known) > _REMEMBERED:
        del known[next(iter(known))]


def _minutes(rng: Random, least: float, most: float) -> int:
    return int((least + (most - least) * rng.random()) * 60 * US_PER_SECOND)


def _receipt(action: Action, status: ActionStatus, at_us: int, rng: Random) -> ActionUpdate:
    return ActionUpdate(
        event_id=f"receipt-{action.action_id}-{status}",
        subject_type=action.subject_type,
        subject_id=action.subject_id,
        occurred_at=at_us,
        source="care-desk",
        action_id=action.action_id,
        status=status,
        by=action.assignee or f"{action.unit or action.audience}/{rng.randint(1, 4)}",
        unit=action.unit,
    )
