"""What everything about an episode needs: the pack that opened it, and the note that it has changed."""

from streams.experience.compiled import CompiledPack
from streams.experience.folding import Folding
from streams.experience.state import Episode


def pack_of(folding: Folding, episode: Episode) -> CompiledPack:
    """The pack that opened an episode also finishes it."""
    return folding.controls.shelf.get(episode.pack, episode.pack_version)


def touch(folding: Folding, episode: Episode, at: int) -> None:
    """An episode has changed: it is reported when the input has been folded."""
    episode.changed_at = at
    folding.changed[episode.id] = episode
