"""When the next step of an episode is due: in working time where the pack has a calendar, and while nobody waits for the customer.

A step has a due time and, where the pack says so, a reminder before it. While the customer has the next word the clock stops:
what was left is counted again from their word, the next receipt, or the end of the longest wait.
"""

from typing import Final

from streams.experience import clocks
from streams.experience.compiled import CompiledPack, by_tier
from streams.experience.folding import SECOND, Folding
from streams.experience.state import NEVER, Episode, Fold

LEAST: Final = 1  # µs; what is due at once is due after what has caused it


def later(folding: Folding, pack: CompiledPack, at: int, seconds: float, journey: str | None, unit: str | None) -> int:
    """The instant (µs) that is so many seconds after another, in the pack's working time if it has such."""
    working = pack.working(journey)
    if working is None:
        return at + max(LEAST, int(seconds * SECOND))
    return max(at + LEAST, working.later(at, seconds, folding.controls.unit(unit, at)))


def begin(folding: Folding, pack: CompiledPack, episode: Episode, at: int) -> None:
    """The clock of the episode's stage begins."""
    treatment = pack.file.treatment
    within = by_tier(treatment.step_within_seconds[episode.stage], episode.tier)
    _due_in(folding, pack, episode, at, within)


def wait(folding: Folding, pack: CompiledPack, episode: Episode, at: int, until: int) -> None:
    """A step's task waits for room in a limit, and its clock with it: what the system itself has put off is not missed. But nobody
    waits longer than is fair."""
    due_at, floor = episode.due_at, pack.file.fairness
    if due_at is None:
        return
    begin(folding, pack, episode, until)
    longest = floor.step_within_seconds.get(episode.stage) if floor is not None else None
    if longest is not None and later(folding, pack, at, longest, episode.journey, episode.unit) < (
        episode.due_at or due_at
    ):
        _due_in(folding, pack, episode, at, longest)


def _due_in(folding: Folding, pack: CompiledPack, episode: Episode, at: int, seconds: float) -> None:
    before = pack.file.treatment.remind_before_seconds
    episode.due_at = later(folding, pack, at, seconds, episode.journey, episode.unit)
    episode.remind_at = None
    if before is not None and seconds > before:
        episode.remind_at = later(folding, pack, at, seconds - before, episode.journey, episode.unit)


def end(episode: Episode) -> None:
    """Nothing is due any more."""
    episode.due_at = episode.remind_at = episode.resumes_at = episode.left_seconds = None


def stop(folding: Folding, pack: CompiledPack, episode: Episode, at: int) -> None:
    """The customer has the next word: the clock stops."""
    if episode.resumes_at is not None:
        return
    if episode.due_at is not None:
        unit = folding.controls.unit(episode.unit, at)
        plain = (episode.due_at - at) / SECOND
        working = pack.working(episode.journey)
        left = plain if working is None else working.between(at, episode.due_at, unit)
        episode.left_seconds = max(0.0, left)
    episode.due_at = episode.remind_at = None
    episode.resumes_at = at + int(pack.file.treatment.waits_at_most_seconds * SECOND)


def resume(folding: Folding, pack: CompiledPack, episode: Episode, at: int) -> None:
    """The clock goes on where it stopped."""
    left, episode.resumes_at, episode.left_seconds = episode.left_seconds, None, None
    if left is not None:
        _due_in(folding, pack, episode, at, left)


def next_of(episode: Episode) -> int:
    """When an episode that is not closed next needs looking at (µs)."""
    due = episode.fade_at
    for one in (episode.due_at, episode.verify_by, episode.remind_at, episode.resumes_at):
        if one is not None and one < due:
            due = one
    if episode.clocks:
        due = min(due, clocks.next_of(episode) or NEVER)
    return due


def next_due(fold: Fold) -> int:
    """When an episode next needs looking at (µs)."""
    due = NEVER
    for episode in fold.episodes:
        if episode.state != "closed":
            due = min(due, next_of(episode))
    return due
