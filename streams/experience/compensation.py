"""What is given for a trouble: what the rule suggests or a broken promise owes, within what a customer of the tier gets in a period.

Never twice for one cause: the same episode; the same matter; or, where one of the two names no matter, the same cause at the same
touchpoint. What a promise owes is a right: the ceiling does not cut it.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from schemas.codec import money
from streams.experience.caps import SECOND, instant
from streams.experience.compiled import CompiledPack, by_tier
from streams.experience.folding import Candidate, Folding
from streams.experience.frame import Frame, SignalView
from streams.experience.spent import Spent
from streams.experience.views import episode_view

LEAST_DIFFERENCE = 1e-9
DAY_SECONDS = 86_400


class Award(NamedTuple):
    """An amount and why it is this one. `lost`: (reason, in figures) why nothing is given after all."""

    amount: Decimal | None = None
    because: str = ""
    lost: tuple[str, str] | None = None
    is_right: bool = False  # a broken promise owes it


NOTHING_GIVEN = Award()


def award_of(folding: Folding, candidate: Candidate, claim: Spent, counted: Sequence[Spent]) -> Award:
    """What a candidate may give away."""
    tier = folding.fold.profile.tier
    owed, promise = _owed(folding, candidate.pack, claim.journey, tier, counted, claim.at)
    given_for_it = next(
        (
            row
            for row in counted
            if row.costs and row.at <= claim.at and _one_cause(row, claim) and not (owed > 0 and row.held)
        ),
        None,
    )
    if given_for_it is not None:
        when = f"{given_for_it.rule} at {instant(given_for_it.at)}"
        return Award(lost=("compensated", f"by {when}, for the same cause; wins for another cause"))
    wished = _suggested(folding, candidate, claim.at)
    if wished is None:
        return NOTHING_GIVEN
    reasons = [f"{tier or 'other'} {wished:g}"]
    if promise:
        reasons.append(f"promise {promise} {owed:g}")
    rule = candidate.pack.file.compensation
    amount = max(wished, owed)
    if rule is not None:
        most, since = by_tier(rule.ceiling, tier), claim.at - int(rule.per_seconds * SECOND)
        given = [row for row in counted if row.amount > 0 and since < row.at <= claim.at]
        left = max(0.0, most - sum(row.amount for row in given))
        amount = max(min(wished, left), owed)
        reasons.append(f"{left:g} of {most:g} left")
        if amount < rule.least - LEAST_DIFFERENCE or (amount <= 0 < wished):
            if 0 < wished < rule.least - LEAST_DIFFERENCE:
                return Award(
                    lost=("ceiling", f"{wished:g} is less than the least that is offered; wins with {rule.least:g}")
                )
            days = rule.per_seconds / DAY_SECONDS
            free = f"; wins from {instant(_free_at(given, most, rule.least, rule.per_seconds))}" if given else ""
            return Award(lost=("ceiling", f"{left:g} of {most:g} left in {days:g} days, at least {rule.least:g}{free}"))
    return Award(money(round(amount, 4)), "; ".join(reasons), is_right=owed > 0)


def _free_at(given: Sequence[Spent], most: float, least: float, per_seconds: float) -> int:
    """When enough of what was given is so long ago that something can be given again (µs)."""
    total = sum(row.amount for row in given)
    for row in sorted(given, key=lambda one: one.at):
        total -= row.amount
        if most - total >= max(least, LEAST_DIFFERENCE) - LEAST_DIFFERENCE:
            break
    return row.at + int(per_seconds * SECOND)


def _one_cause(row: Spent, claim: Spent) -> bool:
    if row.episode and row.episode == claim.episode:
        return True
    if row.matter is not None and claim.matter is not None:
        return row.matter == claim.matter
    return (row.touchpoint, row.cause) == (claim.touchpoint, claim.cause)


def _suggested(folding: Folding, candidate: Candidate, at: int) -> float | None:
    amount = candidate.rule.spec.amount
    if isinstance(amount, dict):
        return by_tier(amount, folding.fold.profile.tier)
    if candidate.rule.amount is None:
        return float(amount) if isinstance(amount, float | int) else None
    about = candidate.episode or candidate.sign
    name = about.touchpoint if about is not None else None
    frame = Frame(folding.fold, at, candidate.pack.touchpoint(name), curve=candidate.pack.curve)
    frame.episode = episode_view(candidate.episode) if candidate.episode is not None else None
    sign = candidate.sign
    if sign is not None:
        frame.signal = SignalView(sign.signal, sign.journey, sign.touchpoint, sign.weight, sign.said)
    value = folding.value(candidate.pack, candidate.rule.name, candidate.rule.amount, frame)
    return None if value is None or value < 0 else value


def _owed(
    folding: Folding, pack: CompiledPack, journey: str | None, tier: str | None, counted: Sequence[Spent], at: int
) -> tuple[float, str]:
    """The most that a broken promise of this journey owes, and which: (0, "") for none. What was broken before something was last
    given in this journey was paid then."""
    if not pack.owing:
        return 0.0, ""
    given = (row.at for row in counted if row.amount > 0 and not row.held and row.journey == journey and row.at <= at)
    paid = max(given, default=-1)
    signals = {sign.signal for sign in folding.fold.signs if sign.journey == journey and sign.at > paid}
    broken = [
        (by_tier(owes, tier) if isinstance(owes, dict) else float(owes), name)
        for name, owes, signal in pack.owing
        if signal in signals
    ]
    return max(broken, default=(0.0, ""))
