"""The statutory clocks of an episode: which run, when the next one is due, what has been answered."""

from typing import Final

from streams.experience.state import Episode

MISSED: Final = -1  # instead of a due time that has passed


def answered(episode: Episode, clock: str | None) -> None:
    """The authority has its answer: to the clocks of one name, or (None) to all of them."""
    for one in episode.clocks:
        if clock is None or one.name == clock:
            one.answered = True


def run(episode: Episode) -> bool:
    """Does somebody still owe an authority an answer?"""
    return any(not one.answered for one in episode.clocks)


def told(episode: Episode) -> str:
    """The clock that was told about last: statute/name, from the second time on that it runs with a number."""
    times = next((one.times for one in episode.clocks if f"{one.statute}/{one.name}" == episode.clock), 1)
    return f"{episode.clock}-{times}" if times > 1 else episode.clock


def next_of(episode: Episode) -> int | None:
    """When a clock next needs looking at (µs)."""
    open_ones = [one for one in episode.clocks if not one.answered]
    waiting = [one.remind_at for one in open_ones if one.remind_at is not None]
    return min(waiting + [one.due_at for one in open_ones if one.due_at != MISSED], default=None)
