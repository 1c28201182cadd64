"""Members of an incident: what hits many at once is the work of the incident's owner, not a task for each of them.

A word on `cx-controls` tells job 1 of an incident (`Words`). An episode for which nothing speaks but what such words cover asks
nothing of colleagues, and nobody misses a step in it. Evidence of its own, a complaint say, makes it a case again. What causes
incidents does not depend on the words about them, so any order of arrival ends in the same.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from streams.experience.bulk import is_bulk
from streams.experience.caps import instant
from streams.experience.compiled import CompiledPack
from streams.experience.folding import Candidate, Folding
from streams.experience.score import FADED, faded
from streams.experience.state import ACTIONS_MAX, Episode, Sign

_OF_TROUBLE: Final = (
    "episode_opened",
    "episode_worsened",
    "episode_reopened",
    "episode_faded",
    "step_due_soon",
    "response_missed",
)


class Membership(NamedTuple):
    """The heaviest piece of evidence, and since when many share it (µs)."""

    sign: Sign
    since_at: int

    def told(self, pack: CompiledPack) -> str:
        """In words, with what would have won."""
        cause = pack.cause(pack.incident_of(self.sign.signal), pack.file.default_locale)
        return f"many are hit by {cause} at {self.sign.touchpoint} since {instant(self.since_at)}; wins with other evidence"


def membership(folding: Folding, pack: CompiledPack, episode: Episode, at: int) -> Membership | None:
    """Is all that speaks for an episode part of incidents? None also where somebody is at work on it by itself."""
    words = folding.controls.words
    if not pack.folds_members or not words or episode.worked:
        return None
    signs = [one for one in folding.fold.signs if one.journey == episode.journey and one.at <= at]
    heaviest: Membership | None = None
    weight = -1.0
    for sign in [one for one in signs if faded(one, at) >= FADED] or signs:
        word = None if sign.said else words.find(episode.brand, sign.touchpoint, pack.incident_of(sign.signal), sign.at)
        if word is None:
            return None
        if faded(sign, at) > weight:
            heaviest, weight = Membership(sign, word.started_at), faded(sign, at)
    return heaviest


def fold_into_incident(episode: Episode, rule: str, step: str) -> None:
    """A task is not asked. Where it was out before that was known, and somebody works on it, the receipt finds its episode."""
    if (rule, step) not in episode.folded:
        episode.folded.append((rule, step))
        del episode.folded[:-ACTIONS_MAX]


def steers(incident: str, packs: Iterable[CompiledPack]) -> bool:
    """Do words on incidents of a cause change what is decided for customers?"""
    return is_bulk(incident) or any(one.folds_members for one in packs)


def not_asked(folding: Folding, candidate: Candidate, at: int) -> str | None:
    """Is it a task about somebody whom an incident hits with many others? In words; None: it is asked."""
    spec, pack, episode = candidate.rule.spec, candidate.pack, candidate.episode
    if episode is None or not spec.folds or spec.on not in _OF_TROUBLE:
        return None
    if pack.file.audiences[spec.audience].reaches == "customer":
        return None
    member = membership(folding, pack, episode, at)
    return None if member is None else member.told(pack)
