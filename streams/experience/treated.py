"""What everything about an episode needs: the pack that opened it, the actions that belong to it, the note that it has changed."""

from streams.experience.compiled import CompiledPack
from streams.experience.folding import Folding
from streams.experience.ids import action_id
from streams.experience.state import Episode


def pack_of(folding: Folding, episode: Episode) -> CompiledPack:
    """The pack that opened an episode also finishes it."""
    return folding.controls.shelf.get(episode.pack, episode.pack_version)


def touch(folding: Folding, episode: Episode, at: int) -> None:
    """An episode has changed: it is reported when the input has been folded."""
    episode.changed_at = at
    folding.changed[episode.id] = episode


def episode_of(folding: Folding, wanted: str) -> Episode | None:
    """The episode of an action. The id may derive from any event of the episode: a late opener moves the occasion, and
    receipts follow; also out of the journey in which it was before."""
    for episode in folding.fold.episodes:
        if wanted in episode.actions:
            return episode
        for rule, step in (*episode.done, *episode.folded):
            if any(action_id(rule, folding.key, event, step) == wanted for event in episode.members):
                return episode
    for episode in folding.fold.episodes:
        elsewhere = [one for one in pack_of(folding, episode).file.journeys if one != episode.journey]
        for rule, step in episode.done:
            steps = [f"{journey}/{step.partition('/')[2]}" for journey in elsewhere]
            ids = (action_id(rule, folding.key, event, one) for event in episode.members for one in steps)
            if wanted in ids:
                return episode
    return None
