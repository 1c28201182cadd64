"""From triggers to actions: rules propose candidates; arbiter.py chooses among them; what wins becomes an action, explained."""

from typing import TYPE_CHECKING, Final

from schemas.decisions import Action, Evidence, Loser
from schemas.validate import known_time_zone
from streams.experience import clocks, deadlines
from streams.experience.caps import instant
from streams.experience.compensation import Award
from streams.experience.compiled import CompiledPack, by_tier
from streams.experience.evidence import all_evidence_of, evidence, origin_of
from streams.experience.folding import SECOND, Candidate, Folding
from streams.experience.frame import Frame, SignalView, TouchpointView
from streams.experience.members import membership
from streams.experience.quiet_hours import after_quiet_hours, goes_out
from streams.experience.score import FADED, dissatisfaction
from streams.experience.solutions import solution_of
from streams.experience.spent import Spent
from streams.experience.state import Episode, Profile, Sign
from streams.experience.views import episode_view
from streams.experience.words import fill, local

NOT_KNOWN: Final = dict.fromkeys(("amount_reason", "recurrences", "clock", "deadline", "solution"), "–")
STATUTORY: Final = ("complaint_lodged", "statutory_due_soon", "statutory_missed")

if TYPE_CHECKING:
    from streams.experience.pack import Audience


def propose(
    folding: Folding,
    pack: CompiledPack,
    trigger: str,
    *,
    episode: Episode | None = None,
    sign: Sign | None = None,
    signal: SignalView | None = None,
    touchpoint: TouchpointView | None = None,
) -> None:
    """The rules that a trigger fires, whose conditions hold, become candidates."""
    for rule in pack.rules(trigger, signal.name if signal is not None else None):
        at = sign.at if sign is not None else folding.fold.at if episode is None else episode.changed_at
        name = episode.touchpoint if episode is not None else touchpoint.name if touchpoint is not None else None
        frame = Frame(folding.fold, at, pack.touchpoint(name), curve=pack.curve)
        frame.signal = signal
        frame.episode = episode_view(episode) if episode is not None else None
        if folding.holds(pack, rule.name, rule.when, frame):
            occasion = episode.opening if episode is not None else sign.event_id if sign is not None else ""
            folding.candidates.append(
                Candidate(rule, pack, episode, sign, occasion, _step(rule.spec.step, trigger, episode))
            )


def _step(step: str, trigger: str, episode: Episode | None) -> str:
    """The step with its count: an episode can worsen, be missed or re-open more than once. One event can open two episodes,
    in two journeys, so the journey belongs to it."""
    if episode is None:
        return step
    clock = clocks.told(episode)
    counts = {
        "episode_worsened": f"worsened-{episode.worsened}",
        "response_missed": f"{episode.reopened}-missed-{episode.missed}",
        "declined": f"declined-{episode.declined}",
        "step_due_soon": f"{episode.reopened}-soon-{episode.stage}-{episode.missed}",
        "handed_over": f"handed-{episode.handed}",
        "recurred": f"recurred-{episode.recurrences}",
        "episode_treated": f"treated-{episode.reopened}",
        "complaint_lodged": f"lodged-{clock}",
        "statutory_due_soon": f"soon-{clock}",
        "statutory_missed": f"late-{clock}",
    }
    return f"{episode.journey}/{step}/{counts.get(trigger, f'{trigger}-{episode.reopened}')}"


def action_of(folding: Folding, candidate: Candidate, claim: Spent, award: Award, losers: list[Loser]) -> Action:
    """The action of a candidate that won, against these, in the channel and with the amount that it was given."""
    at = claim.at
    rule, spec, pack, episode = candidate.rule, candidate.rule.spec, candidate.pack, candidate.episode
    profile, audience = folding.fold.profile, candidate.pack.file.audiences[spec.audience]
    about = candidate.about
    matter = episode.matter if episode is not None else folding.about[1]
    reaches_customer = audience.reaches == "customer"
    amount = award.amount
    score = dissatisfaction(folding.fold.signs, claim.journey, at, pack.curve)
    grounds = grounds_of(folding, candidate, at)
    parameters = {"subject": folding.key} | _parameters(candidate, profile, score, award, claim, matter)
    found = (
        solution_of(pack, about.cause, about.touchpoint, profile.language if reaches_customer else None)
        if about is not None
        else None
    )
    if spec.peak is not None:
        parameters["peak"] = spec.peak
    if found is not None:
        parameters |= {"solution": found[1], "solution_name": found[0]}
    template = spec.text
    if spec.text_in_incident is not None and episode is not None and membership(folding, pack, episode, at) is not None:
        template = spec.text_in_incident
    locale, text = pack.text(template, profile.language)
    return Action(
        action_id=claim.action_id,
        revision=1,
        subject_type=folding.subject_type,
        subject_id=folding.key,
        decided_at=at,
        kind=spec.kind,
        audience=spec.audience,
        brand=episode.brand if episode is not None else folding.about[0],
        unit=claim.unit,
        assignee=claim.assignee,
        channel=claim.channel,
        template=template,
        parameters=parameters,
        locale=locale,
        text=fill(text, NOT_KNOWN | parameters | _in_words(folding, candidate, claim, locale)),
        solution=spec.solution or (found[1] if found is not None and not reaches_customer else None),
        amount=amount,
        currency=pack.file.currency if amount is not None else None,
        journey=claim.journey,
        touchpoint=claim.touchpoint,
        matter=matter,
        cause=claim.cause,
        episode_id=episode.id if episode is not None else None,
        step=spec.step,
        due_at=_due(folding, candidate, claim, at),
        deliver_not_before_at=goes_out(pack, spec, profile, at) if reaches_customer else None,
        expires_at=None if spec.expires_in_seconds is None else at + int(spec.expires_in_seconds * SECOND),
        origin=origin_of(
            any(one.origin == "said" for one in grounds), any(one.origin == "inferred" for one in grounds)
        ),
        score=round(score, 6),
        emit=spec.emit,
        occasion=candidate.occasion,
        rule=rule.name,
        rule_version=rule.version,
        pack=pack.name,
        pack_version=pack.version,
        evidence=grounds,
        losers=[loser for loser in losers if loser.rule != rule.name],
    )


def _in_words(folding: Folding, candidate: Candidate, claim: Spent, locale: str) -> dict[str, str]:
    """What texts say otherwise than records do."""
    words, episode = {"cause": _because(candidate, claim, locale)}, candidate.episode
    if episode is not None and episode.clock_due_at is not None:
        words["deadline"] = local(episode.clock_due_at, _zone(folding, candidate.pack, claim))
    return words


def _zone(folding: Folding, pack: CompiledPack, claim: Spent) -> str:
    """The time zone of those who read it: of the customer; else of the unit, of the pack's working time, of its quiet hours."""
    own, file = folding.fold.profile.time_zone, pack.file
    if claim.reaches == "customer" and own and known_time_zone(own):
        return own
    unit = folding.controls.unit(claim.unit, claim.at)
    if unit is not None and known_time_zone(unit.time_zone):
        return unit.time_zone
    if file.treatment.calendar is not None:
        return file.calendars[file.treatment.calendar].time_zone
    return file.quiet_hours.time_zone if file.quiet_hours is not None else "UTC"


def _because(candidate: Candidate, claim: Spent, locale: str) -> str:
    """What it is about, in words: what has just happened, else the cause."""
    sign, pack = candidate.sign, candidate.pack
    if sign is not None and sign.signal in pack.signals and pack.signals[sign.signal].spec.title:
        return pack.signal(sign.signal, locale)
    return pack.cause(claim.cause or "–", locale)


def wait_until(folding: Folding, action: Action, candidate: Candidate, claim: Spent, at: int) -> None:
    """There is room for it only later: what it is due in counts from then, and so does the step that it is for; a message not in
    quiet hours then either."""
    if at <= (action.deliver_not_before_at or action.decided_at):
        return
    pack, episode = candidate.pack, candidate.episode
    if pack.file.audiences[action.audience].reaches == "customer":
        at = after_quiet_hours(pack.file.quiet_hours, folding.fold.profile, at) or at
    elif episode is not None and episode.stage == action.step:
        deadlines.wait(folding, pack, episode, claim.at, at)
    action.due_at = _due(folding, candidate, claim, at)
    action.deliver_not_before_at = at


def assignee_of(
    folding: Folding, audience: "Audience", episode: Episode | None, unit: str | None, at: int
) -> str | None:
    """Who is asked: who has the role, else the owner of the episode or of the customer, else the audience's fallback. None: it goes to the customer."""
    if audience.reaches == "customer":
        return None
    if audience.role is not None:
        above = max(0, episode.missed_in_step - 1) if audience.climbs and episode is not None else 0
        holder = folding.controls.staff(unit, audience.role, at, above)
        owner = holder.staff_id if holder is not None else None
    else:
        owner = (episode.owner if episode is not None else None) or folding.fold.profile.owner
    return owner or audience.fallback


def _due(folding: Folding, candidate: Candidate, claim: Spent, at: int) -> int | None:
    """By when, if it can be begun at an instant; a law's clock does not wait for that."""
    spec = candidate.rule.spec
    due = spec.due_in_seconds
    due_in = by_tier(due, folding.fold.profile.tier) if isinstance(due, dict) else due
    if due_in is None:
        of_law = spec.on in STATUTORY and candidate.episode is not None
        return candidate.episode.clock_due_at if of_law and candidate.episode is not None else None
    return (
        at + int(due_in * SECOND)
        if spec.round_the_clock
        else deadlines.later(folding, candidate.pack, at, due_in, claim.journey, claim.unit)
    )


def grounds_of(folding: Folding, candidate: Candidate, at: int) -> list[Evidence]:
    """What speaks for an action: the evidence in its journey, faded only where nothing else is left (an episode can live longer
    than what has opened it); for an action that good news has caused, that news first."""
    episode, sign = candidate.episode, candidate.sign
    journey = episode.journey if episode is not None else sign.journey if sign is not None else None
    rows = all_evidence_of(folding.fold.signs, journey, at)
    known = [row for row in rows if row.weight >= FADED]
    if sign is None:
        return known or rows
    caused = any((row.event_id, row.signal) == (sign.event_id, sign.signal) for row in known)
    return known if caused else [evidence(sign, at), *known]


def _parameters(
    candidate: Candidate,
    profile: Profile,
    score: float,
    award: Award,
    claim: Spent,
    matter: str | None,
) -> dict[str, str]:
    episode, pack, touchpoint = candidate.episode, candidate.pack, claim.touchpoint
    entry = pack.file.touchpoints.get(touchpoint or "")
    titles = entry.title if entry is not None else {}
    locale = (profile.language or pack.file.default_locale).partition("-")[0]
    values = {
        "name": profile.name,
        "touchpoint": titles.get(locale) or titles.get(pack.file.default_locale) or touchpoint,
        "journey": claim.journey,
        "matter": matter,
        "cause": claim.cause,
        "score": f"{score:.2f}",
        "tier": profile.tier,
        "unit": claim.unit,
        "amount": None if award.amount is None else f"{award.amount.normalize():f}",
        "currency": pack.file.currency,
        "missed": str(episode.missed) if episode is not None else None,
    }
    return {name: value or "–" for name, value in values.items()} | _if_known(episode, award)


def _if_known(episode: Episode | None, award: Award) -> dict[str, str]:
    """What only some actions have."""
    found = {"amount_reason": award.because}
    if episode is not None and episode.recurrences:
        found["recurrences"] = str(episode.recurrences)
    if episode is not None and episode.clock_due_at is not None:
        found |= {"clock": episode.clock, "deadline": instant(episode.clock_due_at)}
    return {name: value for name, value in found.items() if value}
