"""Complaints lodged with a regulator: statutory clocks that nothing stops but the answer.

A signal that names a statute starts its clocks in the episode of its journey, or in the one about the same matter: one case, one
owner. What comes later about that matter belongs to it, too. The clocks run on while the customer has the next word, and the episode
is not closed before they are answered; a complaint after the answer starts them anew.
"""

from collections.abc import Iterable

from streams.experience import clocks
from streams.experience.actions import propose
from streams.experience.calendars import WorkingTime
from streams.experience.clocks import MISSED
from streams.experience.compiled import CompiledPack
from streams.experience.folding import SECOND, Folding
from streams.experience.state import Clock, Episode, Sign


def merge(folding: Folding, signs: Iterable[Sign], *, lodged: bool) -> None:
    """A complaint that is `lodged` belongs to the internal case, the open episode about the same matter; and so does, while the
    authority waits for its answer, all that comes up about that matter."""
    matter = folding.about[1]
    for episode in folding.fold.episodes:
        if matter is None or episode.state == "closed" or episode.matter != matter:
            continue
        if lodged or clocks.run(episode):
            for sign in signs:
                sign.journey = episode.journey
            return


def lodged(folding: Folding, pack: CompiledPack, episode: Episode, sign: Sign, statute: str) -> None:
    """The clocks of a statute begin, those that are not running already."""
    earlier = {(one.statute, one.name): one for one in episode.clocks}
    new = []
    for name, clock in pack.file.statutes[statute].clocks.items():
        last = earlier.get((statute, name))
        if last is not None and not last.answered:
            continue
        working, before = pack.calendars.get(clock.calendar or ""), clock.remind_before_seconds
        due_at = _later(working, sign.at, clock.within_seconds)
        remind_at = None if before is None else _later(working, sign.at, clock.within_seconds - before)
        new.append(Clock(statute, name, due_at, remind_at, times=1 if last is None else last.times + 1))
    if new:
        new.sort(key=lambda one: (one.due_at, one.name))
        begun = {(one.statute, one.name) for one in new}
        episode.clocks = [one for one in episode.clocks if (one.statute, one.name) not in begun] + new
        _tell(folding, pack, episode, "complaint_lodged", new[0], sign)


def _later(working: WorkingTime | None, at: int, seconds: float) -> int:
    """Statutory time is the law's: no unit's own opening hours change it."""
    return at + max(1, int(seconds * SECOND)) if working is None else max(at + 1, working.later(at, seconds))


def fire(folding: Folding, pack: CompiledPack, episode: Episode, due: int) -> None:
    """A clock reminds, or was missed."""
    for one in sorted(episode.clocks, key=lambda clock: (clock.statute, clock.name)):
        if one.answered:
            continue
        if one.remind_at == due:
            one.remind_at = None
            _tell(folding, pack, episode, "statutory_due_soon", one)
            return
        if one.due_at == due:
            _tell(folding, pack, episode, "statutory_missed", one)
            one.due_at = MISSED
            return


def _tell(
    folding: Folding, pack: CompiledPack, episode: Episode, trigger: str, clock: Clock, sign: Sign | None = None
) -> None:
    episode.clock, episode.clock_due_at = f"{clock.statute}/{clock.name}", clock.due_at
    propose(folding, pack, trigger, episode=episode, sign=sign)
