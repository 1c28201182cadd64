"""Which subjects have claimed of limits lately, so that a word on a limit makes a task look at these alone.

An index beside the state, kept while a task runs and never relied on for what it cannot know: claims from before it began, or that
it has let go, make it answer "anybody".
"""

from typing import Final

KEPT_MAX: Final = 100_000  # subjects; beyond it the older half is let go


class Claimants:
    """By subject the instant (µs) of its latest claim. Whole for what is claimed after `whole_after`."""

    def __init__(self) -> None:
        self._latest: dict[str, int] = {}
        self._whole_after: int | None = None

    def begin(self, stream_time: int) -> None:
        """How far the task has come: what was claimed up to then it may have claimed in an earlier life."""
        if self._whole_after is None:
            self._whole_after = stream_time

    def note(self, subject: str, at: int) -> None:
        """A subject claims at an instant."""
        latest = self._latest
        if latest.get(subject, -1) < at:
            latest[subject] = at
            if len(latest) > KEPT_MAX:
                self._let_go()

    def since(self, at: int) -> list[str] | None:
        """All that have claimed from an instant on; None: that is not known any more."""
        if self._whole_after is None or at <= self._whole_after:
            return None
        return [subject for subject, latest in self._latest.items() if latest >= at]

    def _let_go(self) -> None:
        cut = sorted(self._latest.values())[len(self._latest) // 2]
        self._latest = {subject: at for subject, at in self._latest.items() if at > cut}
        self._whole_after = max(cut, self._whole_after if self._whole_after is not None else cut)
