"""Who may act: all that one input brings up competes in one decision, and what lost is told with its reason.

Actions for staff do not stand in each other's way; of those that would reach the customer, one may.
"""

from typing import Final

from schemas.records import Loser
from streams.experience.actions import action_of
from streams.experience.folding import SECOND, Candidate, Fact, Folding
from streams.experience.frame import open_episode
from streams.experience.score import dissatisfaction
from streams.experience.state import ACTIONS_MAX, Pending, Profile

NOBODY_TO_REACH: Final = {"unit": "the subject is a unit", "anonymous": "nobody knows who it was"}


def arbitrate(folding: Folding, at: int) -> None:
    """Decides among the candidates of one input: highest priority first, ties by name."""
    candidates = sorted(folding.candidates, key=lambda one: (-one.rule.spec.priority, one.rule.name, one.step))
    folding.candidates = []
    winners: list[Candidate] = []
    losers: list[Loser] = []
    customer_taken: str | None = None
    for candidate in candidates:
        spec = candidate.rule.spec
        reaches = candidate.pack.file.audiences[spec.audience].reaches
        if reaches == "customer" and folding.subject_type in NOBODY_TO_REACH:
            lost: tuple[str, str] | None = ("no_customer", NOBODY_TO_REACH[folding.subject_type])
        else:
            lost = _why_not(folding, candidate, at, customer_taken if reaches == "customer" else None)
        if lost is None:
            winners.append(candidate)
            if reaches == "customer":
                customer_taken = candidate.rule.name
            if spec.cap is not None:
                fired = folding.fold.fired.setdefault(candidate.rule.name, [])
                fired.append(at)
                del fired[: -spec.cap.most]
        else:
            loser = Loser(rule=candidate.rule.name, kind=spec.kind, reason=lost[0], detail=lost[1])
            losers.append(loser)
            about = candidate.episode or (open_episode(folding.fold) if loser.reason == "open_episode" else None)
            folding.lose(loser, about)
    for winner in winners:
        _act(folding, winner, at, losers)


def _text_alone(folding: Folding, candidate: Candidate, at: int) -> str | None:
    """Would nothing have come of it without what a text seems to say? In figures; None: there is other evidence.

    Other evidence must by itself have reached, at some instant, what opens an episode.
    """
    sign, episode = candidate.sign, candidate.episode
    if episode is None:
        return f"{sign.signal} goes by a text" if sign is not None and sign.by_text else None
    others = [one for one in folding.fold.signs if not one.by_text and one.at <= at]
    reached = max((dissatisfaction(others, episode.journey, one.at) for one in others), default=0.0)
    opens_at = candidate.pack.file.treatment.opens_at
    return (
        None
        if reached >= opens_at
        else f"{reached:.2f} without what a text seems to say, {opens_at:g} opens an episode"
    )


def _why_not(folding: Folding, candidate: Candidate, at: int, taken: str | None) -> tuple[str, str] | None:
    """(reason, in figures) why a candidate may not act; None: it may."""
    spec, profile = candidate.rule.spec, folding.fold.profile
    if spec.costs and (alone := _text_alone(folding, candidate, at)) is not None:
        return "text_alone", alone
    if spec.never_with_open_episode:
        episode = open_episode(folding.fold)
        if episode is not None:
            return "open_episode", f"{episode.journey} since {episode.opened_at} µs"
    if spec.consent is not None and not _agreed(profile, spec.consent, spec.channel or profile.preferred_channel):
        return "consent", f"no consent to {spec.consent}"
    if spec.cap is not None:
        since = at - int(spec.cap.per_seconds * SECOND)
        name = candidate.rule.name
        count = sum(one > since for one in folding.fold.fired.get(name, ())) + sum(
            one > since for rule, one in folding.sunk if rule == name
        )
        if count >= spec.cap.most:
            return "cap", f"{count} in {spec.cap.per_seconds:.0f} s, at most {spec.cap.most}"
    if taken is not None:
        return "outranked", f"by {taken}"
    return None


def _agreed(profile: Profile, purpose: str, channel: str | None) -> bool:
    """Has the customer agreed? A word on the channel counts before one on all channels."""
    words = {name: granted for what, name, granted in profile.consents if what == purpose}
    if channel is not None and channel in words:
        return words[channel]
    return words.get("*", False)


def _act(folding: Folding, candidate: Candidate, at: int, losers: list[Loser]) -> None:
    """The action as a fact."""
    rule, spec, episode = candidate.rule, candidate.rule.spec, candidate.episode
    record = action_of(folding, candidate, at, losers)
    settle_at = at + int(spec.settling_seconds * SECOND) if spec.emit == "settled" else None
    if episode is not None:
        if (rule.name, candidate.step) not in episode.done:
            episode.done.append((rule.name, candidate.step))
            episode.actions.append(record.action_id)
            del episode.done[:-ACTIONS_MAX], episode.actions[:-ACTIONS_MAX]
            folding.changed[episode.id] = episode
    elif settle_at is not None and spec.never_with_open_episode:
        folding.add_pending(Pending(record.action_id, settle_at, rule.name, spec.kind), at)
    folding.facts.append(Fact("action", record.action_id, at, record, rule.name, candidate.step, settle_at))
