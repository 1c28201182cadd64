"""Who is held out, so that what an action does can be measured: a draw by a hash, the same for ever and on every machine.

`u = blake2b(experiment + 0x1F + subject, key=salt, 8 bytes) / 2⁶⁴`; held out where `u < share`. The draw knows neither brand, time
nor process: a customer has one arm in an experiment as long as the salt stays, and a larger share only adds customers.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from schemas.decisions import Action, Evidence, Holdout
from streams.experience.compiled import CompiledPack
from streams.experience.folding import Candidate, Fact, Folding
from streams.experience.pack import ActionRule
from streams.experience.state import Episode

_ASKED_IN_VAIN: Final = ("step_due_soon", "response_missed")  # what only follows when somebody was asked
EVERYTHING: Final = "*"  # the experiment of the pack's own share: all rules that may hold out
_SHARED: Final = [name for name in Holdout.__struct_fields__ if name in Action.__struct_fields__]


class Draw(NamedTuple):
    """The draw by which a customer is held out."""

    experiment: str
    share: float
    salt: str


def drawn(salt: str, experiment: str, subject: str) -> float:
    """Evenly spread over [0, 1)."""
    text = f"{experiment}\x1f{subject}".encode()
    return int.from_bytes(blake2b(text, key=salt.encode(), digest_size=8).digest()) / 2**64


def experiment_of(name: str, spec: ActionRule) -> str:
    """What a rule with a share of its own is held out for."""
    return spec.experiment or name


def held_out(pack: CompiledPack, rule: str, spec: ActionRule, subject: str) -> Draw | None:
    """The draw that keeps a rule from a customer: the pack's before the rule's own. None: it may act."""
    holdout = pack.file.holdout
    if holdout is None or spec.never_hold_out:
        return None
    if drawn(holdout.salt, EVERYTHING, subject) < holdout.share:
        return Draw(EVERYTHING, holdout.share, holdout.salt)
    experiment = experiment_of(rule, spec)
    if spec.hold_out is not None and drawn(holdout.salt, experiment, subject) < spec.hold_out:
        return Draw(experiment, spec.hold_out, holdout.salt)
    return None


def draw_for(folding: Folding, candidate: Candidate) -> Draw | None:
    """Is a candidate held out? Only customers are, and nobody about whom an authority waits for an answer. Colleagues who were
    asked nothing have missed nothing: what would follow from that is held out with it.
    """
    pack, spec, episode = candidate.pack, candidate.rule.spec, candidate.episode
    if pack.file.holdout is None or folding.subject_type != "customer" or (episode is not None and episode.clocks):
        return None
    draw = held_out(pack, candidate.rule.name, spec, folding.key)
    if draw is not None or episode is None or spec.on not in _ASKED_IN_VAIN or spec.never_hold_out:
        return draw
    return Draw(*episode.held) if episode.held is not None and kept_from_all(episode, pack) else None


def kept_from_all(episode: Episode, pack: CompiledPack) -> bool:
    """Has an episode been held out so far, so that no colleague knows of it?"""
    return episode.held is not None and not _asked_somebody(episode, pack)


def _asked_somebody(episode: Episode, pack: CompiledPack) -> bool:
    return any(rule in pack.file.actions and reaches_staff(pack, rule) for rule, _ in episode.done)


def reaches_staff(pack: CompiledPack, rule: str) -> bool:
    """Is it for colleagues, not for the customer?"""
    return pack.file.audiences[pack.file.actions[rule].audience].reaches == "staff"


def is_protected(pack: CompiledPack, evidence: Iterable[Evidence]) -> bool:
    """Does something speak for it that may never be held out?"""
    return not protected(pack, gives=False).isdisjoint(row.signal for row in evidence)


@lru_cache(maxsize=64)
def protected(pack: CompiledPack, *, gives: bool) -> frozenset[str]:
    """The signals for which nothing is held out; of what gives something away also those of promises that owe it: a right."""
    never = (name for name, signal in pack.file.signals.items() if signal.never_hold_out)
    return frozenset(never).union(signal for _, _, signal in pack.owing if gives)


def hold_out(folding: Folding, action: Action, draw: Draw, candidate: Candidate, settle_at: int | None) -> None:
    """What a held-out customer would have got, as a fact; its episode knows that colleagues were kept from it."""
    record = Holdout(**{name: getattr(action, name) for name in _SHARED}, **draw._asdict())
    rule, episode = candidate.rule.name, candidate.episode
    folding.facts.append(Fact("holdout", action.action_id, action.decided_at, record, rule, candidate.step, settle_at))
    if episode is not None and episode.held is None and reaches_staff(candidate.pack, rule):
        episode.held = (draw.experiment, draw.share, draw.salt)
        folding.changed[episode.id] = episode
