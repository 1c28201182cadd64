"""Episodes: a stretch of dissatisfaction in one journey opens, worsens, is treated, and is closed only when something verifies it.

listen → respond → compensate → improve: receipts (receipts.py) move it on; a step that is not done in time (deadlines.py) is
missed and escalates.
"""

from typing import Final

from schemas.decisions import Episode as EpisodeRecord
from schemas.decisions import Loser
from streams.experience import clocks, deadlines, statutory
from streams.experience.actions import propose
from streams.experience.compiled import CompiledPack
from streams.experience.evidence import evidence_of, origin_of
from streams.experience.folding import SECOND, Fact, Folding
from streams.experience.holdout import kept_from_all
from streams.experience.ids import episode_id
from streams.experience.members import membership
from streams.experience.period_limits import give_back
from streams.experience.score import dissatisfaction
from streams.experience.state import MEMBERS_MAX, Episode, Fix, Fold, Sign
from streams.experience.treated import pack_of, touch

CLOSED_MAX: Final = 8  # closed episodes that a fold remembers


def worsened(
    folding: Folding,
    pack: CompiledPack,
    sign: Sign,
    statute: str | None = None,
    came_back: tuple[Fix, Sign] | None = None,
    *,
    protected: bool = False,
) -> None:
    """New evidence: an episode opens, worsens or re-opens, or only takes note of it. `statute`: it was lodged with a regulator.
    `came_back`: it was said to be put right. `protected`: nothing for which it speaks may be held out.
    """
    fold, at = folding.fold, sign.at
    trigger: str | None
    episode = _current(fold, sign.journey)
    judge = pack if episode is None else pack_of(folding, episode)
    score = dissatisfaction(fold.signs, sign.journey, at, judge.curve)
    if episode is None:
        if score < pack.file.treatment.opens_at and statute is None:
            return
        episode = _recently_closed(folding, sign.journey, at)
        if episode is None:
            episode = _opened(folding, pack, sign, score)
            trigger = "episode_opened"
        else:
            trigger = _reopen(folding, episode, at)
    else:
        before = [one for one in fold.signs if (one.event_id, one.at) != (sign.event_id, at)]
        faded = dissatisfaction(before, sign.journey, at, judge.curve)
        episode.acted_score = min(episode.acted_score, faded)  # what has faded meanwhile is not compared with
        trigger = _note(folding, episode, score, at, lodged=statute is not None)
        if trigger is None and protected and kept_from_all(episode, pack_of(folding, episode)):
            trigger = _worse(folding, episode, at)  # now they hear of it, however high the score was
    episode.score, episode.peak_score = score, max(episode.peak_score, score)
    episode.said, episode.inferred = episode.said or sign.said, episode.inferred or not sign.said
    episode.fade_at = _fades_at(pack_of(folding, episode), at)
    if sign.event_id not in episode.members and len(episode.members) < MEMBERS_MAX:
        episode.members.append(sign.event_id)
    touch(folding, episode, at)
    if trigger is not None:
        episode.acted_score = score
        for row in folding.withdraw_pending(at, episode):
            give_back(folding, folding.controls.pack(row.brand, at), row, None, at)
        propose(folding, pack_of(folding, episode), trigger, episode=episode, sign=sign)
    if statute is not None:
        statutory.lodged(folding, pack, episode, sign, statute)
    if came_back is not None:
        fix, again = came_back
        episode.recurrences = fix.recurrences
        if not fix.told:
            fix.told = True
            propose(folding, pack_of(folding, episode), "recurred", episode=episode, sign=again)


def _note(folding: Folding, episode: Episode, score: float, at: int, *, lodged: bool) -> str | None:
    treatment = pack_of(folding, episode).file.treatment
    if episode.state == "treated":
        return _reopen(folding, episode, at) if lodged or score >= treatment.opens_at else None
    return _worse(folding, episode, at) if score >= episode.acted_score + treatment.worsens_by else None


def _fades_at(pack: CompiledPack, at: int) -> int:
    return at + int(pack.file.treatment.fades_after_seconds * SECOND)


def _worse(folding: Folding, episode: Episode, at: int) -> str:
    episode.worsened += 1
    if episode.due_at is None and episode.resumes_at is None:  # all escalations were in vain: it begins again
        episode.missed_in_step = 0
        deadlines.begin(folding, pack_of(folding, episode), episode, at)
    return "episode_worsened"


def _opened(folding: Folding, pack: CompiledPack, sign: Sign, score: float) -> Episode:
    tier = folding.fold.profile.tier
    episode = Episode(
        episode_id(folding.key, sign.journey, sign.event_id),
        sign.journey,
        sign.touchpoint,
        sign.event_id,
        sign.at,
        sign.at,
        folding.about[0],
        sign.unit,
        folding.about[1],
        tier,
        pack.name,
        pack.version,
        sign.cause,
        "open",
        "listen",
        score,
        score,
        score,
        sign.at,
        None,
        None,
        None,
        None,
        0,
        0,
        0,
        0,
        False,
        False,
        False,
        [],
        [],
        [],
    )
    episode.members.extend(dict.fromkeys(one.event_id for one in folding.fold.signs if one.journey == sign.journey))
    del episode.members[:-MEMBERS_MAX]
    deadlines.begin(folding, pack, episode, sign.at)
    folding.fold.episodes.append(episode)
    return episode


def _reopen(folding: Folding, episode: Episode, at: int) -> str:
    episode.state, episode.stage = "open", "listen"
    episode.reopened += 1
    episode.missed = episode.missed_in_step = 0
    episode.worked = False
    deadlines.end(episode)
    deadlines.begin(folding, pack_of(folding, episode), episode, at)
    episode.verify_by = episode.closed_at = episode.closed_by = None
    return "episode_reopened"


def relieved(folding: Folding, sign: Sign, *, verifies: bool) -> None:
    """Something good: it may verify that an episode is over."""
    episode = _current(folding.fold, sign.journey)
    if episode is None:
        return
    judge = pack_of(folding, episode)
    episode.score = dissatisfaction(folding.fold.signs, sign.journey, sign.at, judge.curve)
    if (
        verifies
        and not clocks.run(episode)
        and (episode.state == "treated" or episode.score < judge.file.treatment.closes_below)
    ):
        _close(folding, episode, sign.at, sign.event_id)
    else:
        touch(folding, episode, sign.at)


def give_up(folding: Folding, at: int, by: str) -> None:
    """Closes what is open, and proposes nothing: there is nobody to thank. What is owed to an authority stays open."""
    for episode in folding.fold.episodes[:]:
        if episode.state != "closed" and not clocks.run(episode):
            _end(folding, episode, at, by)


def _close(folding: Folding, episode: Episode, at: int, by: str) -> None:
    _end(folding, episode, at, by)
    propose(folding, pack_of(folding, episode), "episode_closed", episode=episode)


def _end(folding: Folding, episode: Episode, at: int, by: str) -> None:
    episode.state, episode.closed_at, episode.closed_by = "closed", at, by
    deadlines.end(episode)
    episode.verify_by = None
    touch(folding, episode, at)
    closed = [one for one in folding.fold.episodes if one.state == "closed"]
    for old in closed[:-CLOSED_MAX]:
        folding.fold.episodes.remove(old)


def fire(folding: Folding, due: int) -> None:
    """What is due happens: a step was missed, a treatment stayed unverified, an episode has faded. One that is treated does not
    fade: it is verified, or re-opens."""
    waiting = [one for one in folding.fold.episodes if one.state != "closed" and deadlines.next_of(one) == due]
    episode = min(waiting, key=lambda one: one.id)
    pack = pack_of(folding, episode)
    episode.score = dissatisfaction(folding.fold.signs, episode.journey, due, pack.curve)
    if episode.clocks and clocks.next_of(episode) == due:
        touch(folding, episode, due)
        statutory.fire(folding, pack, episode, due)
    elif episode.fade_at == due and (clocks.run(episode) or episode.state == "treated"):
        episode.fade_at = _fades_at(pack, due)
    elif episode.fade_at == due:
        _end(folding, episode, due, "quiet")
        propose(folding, pack, "episode_faded", episode=episode)
    elif episode.verify_by == due:
        trigger = _reopen(folding, episode, due)
        episode.fade_at, episode.acted_score = _fades_at(pack, due), episode.score
        touch(folding, episode, due)
        propose(folding, pack, trigger, episode=episode)
    elif episode.resumes_at == due:
        deadlines.resume(folding, pack, episode, due)
        touch(folding, episode, due)
    elif episode.remind_at == due:
        episode.remind_at = None
        touch(folding, episode, due)
        propose(folding, pack, "step_due_soon", episode=episode)
    elif membership(folding, pack, episode, due) is not None:
        deadlines.end(episode)  # nobody was asked, nobody has missed anything
        touch(folding, episode, due)
    else:
        episode.missed += 1
        episode.missed_in_step += 1
        deadlines.end(episode)
        if episode.missed_in_step < pack.file.treatment.escalates_most:
            deadlines.begin(folding, pack, episode, due)
        touch(folding, episode, due)
        propose(folding, pack, "response_missed", episode=episode)


def _current(fold: Fold, journey: str) -> Episode | None:
    return next((one for one in fold.episodes if one.journey == journey and one.state != "closed"), None)


def _recently_closed(folding: Folding, journey: str, at: int) -> Episode | None:
    """The episode of a journey that has closed so recently that this is still the same one."""
    for episode in reversed(folding.fold.episodes):
        if episode.journey == journey and episode.closed_at is not None:
            reopens = pack_of(folding, episode).file.treatment.reopens_within_seconds
            return episode if at <= episode.closed_at + int(reopens * SECOND) else None
    return None


def report(folding: Folding, at: int) -> None:
    """The episodes that have changed, as facts."""
    for episode in folding.changed.values():
        folding.facts.append(Fact("episode", episode.id, at, record_of(folding, episode)))
    folding.changed = {}


def record_of(folding: Folding, episode: Episode) -> EpisodeRecord:
    """An episode as others see it, as of its last change."""
    profile = folding.fold.profile
    return EpisodeRecord(
        episode_id=episode.id,
        revision=1,
        subject_type=folding.subject_type,
        subject_id=folding.key,
        brand=episode.brand,
        journey=episode.journey,
        touchpoint=episode.touchpoint,
        unit=episode.unit,
        owner=episode.owner or profile.owner,
        tier=episode.tier,
        state=episode.state,
        stage=episode.stage,
        opened_at=episode.opened_at,
        changed_at=episode.changed_at,
        closed_at=episode.closed_at,
        closed_by=episode.closed_by,
        cause=episode.cause,
        origin=origin_of(episode.said, episode.inferred),
        score=round(episode.score, 6),
        peak_score=round(episode.peak_score, 6),
        reopened=episode.reopened,
        due_at=episode.due_at,
        missed=episode.missed,
        actions=list(episode.actions),
        pack=episode.pack,
        pack_version=episode.pack_version,
        evidence=evidence_of(folding.fold.signs, episode.journey, episode.changed_at),
        losers=[Loser(rule=one[0], kind=one[1], reason=one[2], detail=one[3]) for one in episode.lost],
        resumes_at=episode.resumes_at,
        recurrences=episode.recurrences,
    )
