"""An episode as conditions see it."""

from streams.experience.frame import EpisodeView
from streams.experience.state import Episode


def episode_view(episode: Episode) -> EpisodeView:
    """The episode that an action is about."""
    return EpisodeView(
        episode.journey,
        episode.touchpoint,
        episode.cause,
        episode.stage,
        episode.score,
        episode.peak_score,
        episode.reopened,
        episode.worsened,
        episode.missed,
        episode.said,
        episode.inferred,
        episode.recurrences,
        episode.resumes_at is not None,
        episode.worked,
    )
