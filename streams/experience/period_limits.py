"""Limits across customers, as one decision asks them: a budget of the period, the capacity of a team.

What is left shows only over all customers, so a decision goes by the words on what is used up (`used_up.py`), and tells job 2 what it
claims, *granted or not*: what is claimed up to an instant depends on the words up to that instant alone, so there is one answer, and
any order of arrival ends in it.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Final, NamedTuple

from schemas.codec import money
from schemas.decisions import Cause, Claim
from streams.experience.caps import SECOND, instant
from streams.experience.compiled import CompiledPack, by_tier, priority_of
from streams.experience.folding import Candidate, Fact, Folding
from streams.experience.ids import digest
from streams.experience.pack import PeriodLimit
from streams.experience.periods import NOMINAL_SECONDS, Period, fixed_period_of, period_of
from streams.experience.spent import Spent
from streams.experience.used_up import NOTHING

PREFIX: Final = "limit/"
ONE: Final = Decimal(1)


class Answer(NamedTuple):
    """May it act as far as limits go? `claims`: what job 2 is told; `not_before` (µs): it waits for room until then."""

    lost: tuple[str, str] | None = None
    claims: Sequence[Fact] = ()
    not_before: int | None = None


UNASKED: Final = Answer()


class _Turn(NamedTuple):
    """A period in which there may be room."""

    period: Period
    most: Decimal
    refused: bool
    refused_before: bool  # by claims before this one alone
    left: Decimal = NOTHING  # where it is refused: so much would still go


class _Asked(NamedTuple):
    """One limit that counts an action, and the periods in which it may have its turn, in order."""

    name: str
    spec: PeriodLimit
    group: str
    brand: str | None
    amount: Decimal
    free: bool  # it is granted whatever is left, and counts
    turns: list[_Turn]

    def granted(self) -> int | None:
        """Which turn it gets; None: none."""
        return next((number for number, turn in enumerate(self.turns) if not turn.refused), None)

    def granted_before(self) -> bool:
        """Would it get one, as far as earlier claims go?"""
        return not all(turn.refused_before for turn in self.turns)


def is_claim(cause: str) -> bool:
    """Is a cause a claim on a limit, and no signal?"""
    return cause.startswith(PREFIX)


def ask(folding: Folding, candidate: Candidate, claim: Spent, *, is_right: bool) -> Answer:
    """Asks all limits that count an action. What somebody has a right to is counted, and never refused."""
    pack, at = candidate.pack, claim.at
    binding = [(name, spec) for name, spec in pack.limits if _counts(spec, claim)]
    if not binding:
        return UNASKED
    folding.controls.claimants.note(folding.key, at)
    order = (at, _place(folding, at))
    rule = candidate.rule.spec
    priority = priority_of(rule, folding.fold.profile.tier)
    until = at + int(rule.expires_in_seconds * SECOND) if rule.expires_in_seconds is not None else None
    asked = []
    for name, spec in binding:
        free = is_right or (spec.below_priority is not None and priority >= spec.below_priority)
        asked.append(_asked(folding, pack, (name, spec), claim, order, free=free, until=until))
    claims = [fact for number in range(len(asked)) for fact in _claims(folding, candidate, claim, asked, number, order)]
    refusing = next((one for one in asked if one.granted() is None), None)
    if refusing is not None:
        return Answer(_why(refusing, pack), claims)
    later = [one.turns[turn].period[0] for one in asked if (turn := one.granted())]
    return Answer(None, claims, max(later, default=None))


def give_back(folding: Folding, pack: CompiledPack, row: Spent, amount: Decimal | None, at: int) -> None:
    """Something that was granted is not used after all, from an instant on. `amount`: of money; None: all of it, and its place in
    a capacity.
    """
    for name, spec in pack.limits:
        if row.held or not _counts(spec, row) or (amount is not None and spec.counts != "money"):
            continue
        back = amount if amount is not None else _amount(spec, row)
        if back == 0:
            continue
        when = row.deferred_to if row.deferred_to is not None and spec.defers else row.at
        group = _group(spec, row)
        most, period = _in_force(folding, pack, name, spec, group, row.brand, when)
        place = _place(folding, at)
        told = Claim(
            limit=name,
            group=group,
            begins_at=period[0],
            ends_at=period[1],
            place=place,
            amount=-back,
            most=most,
            bound=False,
        )
        folding.facts.append(_fact(folding, pack, told, _of_brand(spec, row), row.action_id, row.action_id, at))


def _of_brand(spec: PeriodLimit, row: Spent) -> str | None:
    return row.brand if "brand" in spec.same else None


def _counts(spec: PeriodLimit, row: Spent) -> bool:
    """Is this an action of the sort that a limit counts?"""
    return (
        (spec.counts != "money" or row.amount > 0)
        and (spec.reaches is None or row.reaches == spec.reaches)
        and (not spec.kinds or row.kind in spec.kinds)
        and (not spec.channels or row.channel in spec.channels)
        and (not spec.audiences or row.audience in spec.audiences)
        and (not spec.steps or row.step in spec.steps)
    )


def _amount(spec: PeriodLimit, row: Spent) -> Decimal:
    return money(round(row.amount, 4)) if spec.counts == "money" else ONE


def _group(spec: PeriodLimit, row: Spent) -> str:
    """What is counted apart, by the values of these fields; the brand stands by itself."""
    return "/".join(str(getattr(row, name) or "") for name in spec.same if name != "brand")


def _place(folding: Folding, at: int) -> str:
    """Where a claim stands among those of one instant: by subject, then in the order in which the subject asks."""
    last, count = folding.fold.asked
    count = count + 1 if last == at else 0
    folding.fold.asked = (at, count)
    return f"{blake2b(folding.key.encode(), digest_size=8).hexdigest()}{count:04x}"


def _asked(
    folding: Folding,
    pack: CompiledPack,
    limit: tuple[str, PeriodLimit],
    claim: Spent,
    order: tuple[int, str],
    *,
    free: bool,
    until: int | None,
) -> _Asked:
    name, spec = limit
    group, of_brand, amount = _group(spec, claim), _of_brand(spec, claim), _amount(spec, claim)
    used, when = folding.controls.used, claim.at
    turns: list[_Turn] = []
    while len(turns) <= spec.defers and (until is None or not turns or when < until):
        most, period = _in_force(folding, pack, name, spec, group, claim.brand, when)
        if not free and amount > most:
            turns.append(_Turn(period, most, refused=True, refused_before=True))
        elif free or (by := used.refusing(of_brand, name, group, period[0], order, amount)) is None:
            turns.append(_Turn(period, most, refused=False, refused_before=False))
            break
        else:
            turns.append(_Turn(period, most, refused=True, refused_before=by.begin < order, left=by.room))
        when = period[1]
    return _Asked(name, spec, group, of_brand, amount, free, turns)


def _in_force(
    folding: Folding, pack: CompiledPack, name: str, spec: PeriodLimit, group: str, brand: str | None, at: int
) -> tuple[Decimal, Period]:
    """The most, and the period: as cx-controls says it, else as the pack does."""
    currency = pack.file.currency if spec.counts == "money" else None
    told = folding.controls.limits.find(name, group, brand, currency, at)
    if told is not None and told.period_seconds != NOMINAL_SECONDS[spec.per]:
        return told.most, fixed_period_of(at, told.period_seconds)
    most = by_tier(spec.most, group) if isinstance(spec.most, dict) else spec.most
    return told.most if told is not None else money(most), period_of(at, spec.per, spec.time_zone)


def _claims(
    folding: Folding, candidate: Candidate, claim: Spent, asked: list[_Asked], number: int, order: tuple[int, str]
) -> Iterator[Fact]:
    """What one of the limits is told: nothing where another refuses anyway. Of limits that the same claim fills, those before are
    asked first; so there is one answer.
    """
    one = asked[number]
    if any(other.granted() is None for other in asked[:number]):
        return
    if not all(other.granted_before() for other in asked[number + 1 :]):
        return
    for turn in one.turns:
        if not one.free and one.amount > turn.most:
            continue  # it fits into no period: nothing to count
        told = Claim(
            limit=one.name,
            group=one.group,
            begins_at=turn.period[0],
            ends_at=turn.period[1],
            place=order[1],
            amount=one.amount,
            most=turn.most,
            bound=not one.free,
        )
        yield _fact(folding, candidate.pack, told, one.brand, claim.action_id, candidate.occasion, claim.at)


def _fact(
    folding: Folding, pack: CompiledPack, told: Claim, brand: str | None, action: str, event: str, at: int
) -> Fact:
    """The claim as a fact; it belongs to its action."""
    record = Cause(
        cause_id=digest("claim", action, told.limit, told.group, str(told.begins_at), str(at), told.place),
        revision=1,
        touchpoint=told.group,
        cause=PREFIX + told.limit,
        brand=brand,
        subject_type=folding.subject_type,
        subject_id=folding.key,
        event_id=event,
        occurred_at=at,
        origin="inferred",
        weight=0.0,
        pack=pack.name,
        pack_version=pack.version,
        claim=told,
    )
    return Fact("cause", record.cause_id, at, record, step=action)


def _why(refusing: _Asked, pack: CompiledPack) -> tuple[str, str]:
    """(reason, in figures and with what would have won)."""
    spec, turn = refusing.spec, refusing.turns[-1]
    of_money = spec.counts == "money"
    name = f"{refusing.name}/{refusing.group}" if refusing.group else refusing.name
    unit = f" {pack.file.currency}" if of_money else ""
    most = f"{turn.most.normalize():f}{unit} a {spec.per}"
    reason = "budget" if of_money else "capacity"
    if refusing.amount > turn.most:
        return reason, f"{name}: {refusing.amount.normalize():f}{unit} of at most {most}; wins with less"
    urgent = f", or with priority {spec.below_priority}" if spec.below_priority is not None else ""
    later = f"wins from {instant(turn.period[1])}{urgent}"
    if turn.left > 0:
        left = f"{turn.left.normalize():f}{unit}"
        return reason, f"{name}: at most {left} left of {most}; wins with {left} or less; {later}"
    return reason, f"{name}: {most} used up; {later}"
