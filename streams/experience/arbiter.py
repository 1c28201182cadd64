"""Who may act: all that one input brings up competes in one decision, and what lost is told with its reason.

Actions for staff do not stand in each other's way; of those that would reach the customer, one may.
"""

from typing import Final

import msgspec

from schemas.decisions import Loser
from streams.experience.actions import action_of, assignee_of, grounds_of, wait_until
from streams.experience.caps import binding, full, in_figures, instant, matters, room
from streams.experience.channels import agreed, options
from streams.experience.compensation import NOTHING_GIVEN, Award, award_of
from streams.experience.compiled import CompiledPack, priority_of
from streams.experience.folding import SECOND, Candidate, Fact, Folding
from streams.experience.frame import open_episode
from streams.experience.holdout import Draw, draw_for, hold_out, is_protected
from streams.experience.ids import action_id
from streams.experience.members import fold_into_incident, not_asked
from streams.experience.pack import Cap
from streams.experience.period_limits import UNASKED, Answer, ask
from streams.experience.quiet_hours import goes_out
from streams.experience.score import dissatisfaction
from streams.experience.spent import Spent, dump_spent, load_spent
from streams.experience.state import ACTIONS_MAX, Pending
from streams.experience.suppression import suppress

NOBODY_TO_REACH: Final = {"unit": "the subject is a unit", "anonymous": "nobody knows who it was"}


def arbitrate(folding: Folding, at: int) -> None:
    """Decides among the candidates of one input: highest priority first, ties by name."""
    tier = folding.fold.profile.tier
    candidates = sorted(
        folding.candidates, key=lambda one: (-priority_of(one.rule.spec, tier), one.rule.name, one.step)
    )
    folding.candidates = []
    decision = _Decision(folding, at, candidates[0].pack)
    winners: list[tuple[Candidate, Spent, Award, Draw | None, Answer]] = []
    losers: list[Loser] = []
    told_nowhere: list[tuple[Candidate, Spent, Loser]] = []
    for candidate in candidates:
        claim = _claim(folding, candidate, at)
        lost = decision.why_not(candidate, claim)
        if lost is None:
            draw = None if decision.award.is_right else _held_out(folding, candidate, at, losers)
            claim.held = draw is not None
            winners.append((candidate, claim, decision.award, draw, decision.answer))
            if draw is None:
                folding.facts += decision.answer.claims
            decision.won(candidate, claim)
        else:
            if decision.answer.claims and not _would_be_held(folding, candidate, at):
                folding.facts += decision.answer.claims
            spec = candidate.rule.spec
            loser = Loser(rule=candidate.rule.name, kind=spec.kind, reason=lost[0], detail=lost[1])
            losers.append(loser)
            if candidate.episode is not None and loser.reason == "incident":
                fold_into_incident(candidate.episode, candidate.rule.name, candidate.step)
            about = candidate.episode or (open_episode(folding.fold) if loser.reason == "open_episode" else None)
            folding.lose(loser, about)
            if about is None and folding.experience is None:
                told_nowhere.append((candidate, claim, loser))
    decision.remember()
    if all(draw is not None for *_, draw, _ in winners):  # who wins tells what it won against
        for candidate, claim, loser in told_nowhere:
            suppress(folding, candidate, claim, loser)
    for winner, claim, award, draw, answer in winners:
        _act(folding, winner, claim, award, losers, draw, answer)


def _oldest(pack: CompiledPack, row: Spent, at: int) -> int:
    """Before this instant an action counts for nothing any more."""
    longest, rule = pack.remembers_seconds, pack.file.compensation
    if row.costs and rule is not None:
        longest = max(longest, rule.per_seconds)
    return at - int(longest * SECOND)


def _would_be_held(folding: Folding, candidate: Candidate, at: int) -> bool:
    """Nobody who is held out claims anything."""
    return draw_for(folding, candidate) is not None and not is_protected(
        candidate.pack, grounds_of(folding, candidate, at)
    )


def _held_out(folding: Folding, candidate: Candidate, at: int, losers: list[Loser]) -> Draw | None:
    """The last question, so that both arms have been asked all others: is this customer kept from it, for comparison?"""
    draw = draw_for(folding, candidate)
    if draw is None or is_protected(candidate.pack, grounds_of(folding, candidate, at)):
        return None
    rule = candidate.rule
    detail = f"{draw.share:g} of customers, experiment {draw.experiment}"
    loser = Loser(rule=rule.name, kind=rule.spec.kind, reason="holdout", detail=detail)
    losers.append(loser)
    folding.lose(loser, candidate.episode)
    return draw


def _claim(folding: Folding, candidate: Candidate, at: int) -> Spent:
    """What would be counted of a candidate; its channel is still open."""
    spec, about = candidate.rule.spec, candidate.about
    audience = candidate.pack.file.audiences[spec.audience]
    unit = (about.unit if about is not None else None) or folding.fold.profile.unit
    return Spent(
        candidate.rule.name,
        at,
        action_id(candidate.rule.name, folding.key, candidate.occasion, candidate.step),
        spec.kind,
        spec.audience,
        audience.reaches,
        spec.step,
        None,
        about.journey if about is not None else None,
        about.touchpoint if about is not None else None,
        candidate.episode.matter if candidate.episode is not None else folding.about[1],
        about.cause if about is not None else None,
        unit,
        episode=candidate.episode.id if candidate.episode is not None else "",
        brand=candidate.episode.brand if candidate.episode is not None else folding.about[0],
        assignee=assignee_of(folding, audience, candidate.episode, unit, at),
    )


def _sunk(folding: Folding, pack: CompiledPack, claim: Spent) -> list[Spent]:
    """What went out and is not derived any more, with whom it reached. An action does not stand in its own way: it may hold again."""
    audiences = pack.file.audiences
    return [
        msgspec.structs.replace(one, reaches=audiences[one.audience].reaches if one.audience in audiences else "")
        for one in folding.sunk
        if one.action_id != claim.action_id
    ]


class _Decision(msgspec.Struct):
    """One decision at work. What was decided before is looked at only where it counts: most decisions are tasks for staff.

    `rows`: what the fold remembers; `sunk`: what went out and is not derived any more, which counts as well.
    """

    folding: Folding
    at: int
    pack: CompiledPack
    known: list[Spent] | None = None
    new: bool = False
    award: Award = NOTHING_GIVEN  # to the candidate that was asked about last
    answer: Answer = UNASKED  # of the limits to it
    customer_taken: Candidate | None = None
    taken_by_nobody: bool = False  # by a message that is held out

    @property
    def rows(self) -> list[Spent]:
        """What was decided lately, this decision's winners included."""
        if self.known is None:
            self.known = load_spent(self.folding.fold.spent)
        return self.known

    def counted(self, claim: Spent) -> list[Spent]:
        """All that counts where something is claimed."""
        return [*self.rows, *_sunk(self.folding, self.pack, claim)] if self.folding.sunk else self.rows

    def remember(self) -> None:
        """Writes back what later decisions will count."""
        if self.new:
            kept = [row for row in self.rows if row.at > _oldest(self.pack, row, self.at)]
            self.folding.fold.spent = dump_spent(kept)

    def won(self, candidate: Candidate, claim: Spent) -> None:
        """Takes note of a winner: the next candidates find it counted."""
        if matters(candidate.pack.caps, claim):
            self.rows.append(claim)
            self.new = True
        if claim.reaches == "customer":
            self.customer_taken, self.taken_by_nobody = candidate, claim.held
        cap = candidate.rule.spec.cap
        if cap is not None:
            fired = self.folding.fold.fired.setdefault(candidate.rule.name, [])
            fired.append(self.at)
            del fired[: -cap.most]

    def why_not(self, candidate: Candidate, claim: Spent) -> tuple[str, str] | None:
        """(reason, in figures and with what would have won) why a candidate may not act; None: it may.

        Settles the claim's channel.
        """
        folding, spec = self.folding, candidate.rule.spec
        self.answer = UNASKED
        if claim.reaches == "customer" and folding.subject_type in NOBODY_TO_REACH:
            return "no_customer", NOBODY_TO_REACH[folding.subject_type]
        if spec.costs and (alone := _text_alone(folding, candidate, self.at)) is not None:
            return "text_alone", alone
        if spec.never_with_open_episode:
            episode = open_episode(folding.fold)
            if episode is not None:
                since = instant(episode.opened_at)
                return "open_episode", f"{episode.journey} since {since}; wins once it is closed"
        if claim.reaches == "customer" and (too_late := _outlived(folding, candidate, self.at)) is not None:
            return "quiet_hours", too_late
        if spec.cap is not None and (full_cap := self._rule_cap(claim, spec.cap)) is not None:
            return "cap", full_cap
        lost = self._no_channel(candidate, claim)
        if lost is not None:
            return lost
        self.award = award_of(folding, candidate, claim, self.counted(claim)) if spec.costs else NOTHING_GIVEN
        if self.award.lost is not None:
            return self.award.lost
        if not self.award.is_right and (many := not_asked(folding, candidate, self.at)) is not None:
            return "incident", many
        claim.amount = float(self.award.amount or 0)
        free = claim.reaches != "customer" or (self.taken_by_nobody and spec.never_hold_out)
        taken = None if free else self.customer_taken
        if taken is not None:
            rank = priority_of(taken.rule.spec, folding.fold.profile.tier)
            return "outranked", f"by {taken.rule.name} of priority {rank}; wins with more than {rank}"
        if candidate.pack.limits:
            self.answer = ask(folding, candidate, claim, is_right=self.award.is_right)
            claim.deferred_to = self.answer.not_before
        return self.answer.lost

    def _no_channel(self, candidate: Candidate, claim: Spent) -> tuple[str, str] | None:
        """Takes the best channel that consent and caps leave open; None: there is one, else why the best one is closed."""
        spec, profile = candidate.rule.spec, self.folding.fold.profile
        first: tuple[str, str] | None = None
        to_customer = claim.reaches == "customer"
        rows = self.rows if to_customer or spec.channels else []
        for channel in options(spec, profile, rows, self.at, to_customer):
            claim.channel = channel
            lost: tuple[str, str] | None = None
            if spec.consent is not None and not agreed(profile, spec.consent, channel):
                lost = "consent", f"no consent to {spec.consent}; wins with it, for {channel or 'all channels'}"
            elif caps := binding(candidate.pack.caps, claim, priority_of(spec, profile.tier), profile):
                held = full(caps, claim, self.counted(claim))
                lost = None if held is None else ("cap", held)
            if lost is None:
                return None
            first = first or lost
        return first

    def _rule_cap(self, claim: Spent, cap: Cap) -> str | None:
        sunk = (one for one in self.folding.sunk if one.rule == claim.rule and one.action_id != claim.action_id)
        times = [*self.folding.fold.fired.get(claim.rule, ()), *(one.at for one in sunk)]
        free_at, count = room(times, self.at, cap.most, cap.per_seconds)
        return None if free_at is None else in_figures("", count, cap.per_seconds, cap.most, free_at)


def _outlived(folding: Folding, candidate: Candidate, at: int) -> str | None:
    """Would a message make no sense any more when the quiet hours are over? In figures; None: no."""
    spec = candidate.rule.spec
    if spec.expires_in_seconds is None:
        return None
    begin, expires_at = (
        goes_out(candidate.pack, spec, folding.fold.profile, at),
        at + int(spec.expires_in_seconds * SECOND),
    )
    if begin is None or begin < expires_at:
        return None
    return f"until {instant(begin)}, it would expire at {instant(expires_at)}; wins outside of them"


def _text_alone(folding: Folding, candidate: Candidate, at: int) -> str | None:
    """Would nothing have come of it without what a text seems to say? In figures; None: there is other evidence.

    Other evidence must by itself have reached, at some instant, what opens an episode.
    """
    sign, episode = candidate.sign, candidate.episode
    if episode is None:
        return f"{sign.signal} goes by a text; wins with other evidence" if sign is not None and sign.by_text else None
    others = [one for one in folding.fold.signs if not one.by_text and one.at <= at]
    reached = max((dissatisfaction(others, episode.journey, one.at) for one in others), default=0.0)
    opens_at = candidate.pack.file.treatment.opens_at
    return None if reached >= opens_at else f"{reached:.2f} without what a text seems to say; wins from {opens_at:g}"


def _act(
    folding: Folding,
    candidate: Candidate,
    claim: Spent,
    award: Award,
    losers: list[Loser],
    held: Draw | None,
    answer: Answer,
) -> None:
    """The action as a fact; held out: what it would have been."""
    rule, spec, episode, at = candidate.rule, candidate.rule.spec, candidate.episode, claim.at
    record = action_of(folding, candidate, claim, award, losers)
    if answer.not_before is not None:
        wait_until(folding, record, candidate, claim, answer.not_before)
    settle_at = at + int(spec.settling_seconds * SECOND) if spec.emit == "settled" else None
    if episode is None and settle_at is not None and spec.never_with_open_episode:
        folding.add_pending(Pending(record.action_id, settle_at, rule.name, spec.kind), at)
    if held is not None:
        hold_out(folding, record, held, candidate, settle_at)
        return
    if episode is not None and (rule.name, candidate.step) not in episode.done:
        episode.done.append((rule.name, candidate.step))
        episode.actions.append(record.action_id)
        del episode.done[:-ACTIONS_MAX], episode.actions[:-ACTIONS_MAX]
        folding.changed[episode.id] = episode
    folding.facts.append(Fact("action", record.action_id, at, record, rule.name, candidate.step, settle_at))
