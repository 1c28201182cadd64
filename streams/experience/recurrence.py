"""The same cause at the same touchpoint after it was said to be put right: counted, so that "improve" can be judged."""

from collections.abc import Iterable
from typing import Final

from streams.experience.folding import SECOND
from streams.experience.state import Episode, Fix, Fold, Sign

FIXES_MAX: Final = 16


def fixed(fold: Fold, episode: Episode, at: int) -> None:
    """Somebody says that the cause of an episode is put right. What came back before stays counted."""
    key = (episode.touchpoint, episode.cause)
    earlier = next((one for one in fold.fixes if (one.touchpoint, one.cause) == key), None)
    fold.fixes = [one for one in fold.fixes if one is not earlier]
    fold.fixes.append(Fix(*key, at, earlier.recurrences if earlier is not None else 0))
    del fold.fixes[:-FIXES_MAX]


def recurred(fold: Fold, signs: Iterable[Sign], within_seconds: float | None) -> tuple[Fix, Sign] | None:
    """Takes note of the signals of one input. The heaviest whose cause has come back to its touchpoint, and the fix after which
    it has; None where none has.
    """
    found: tuple[Fix, Sign] | None = None
    fixes = {(one.touchpoint, one.cause): one for one in fold.fixes}
    for sign in sorted(signs, key=lambda one: (-one.weight, one.signal)):
        fix = fixes.pop((sign.touchpoint, sign.cause), None)  # two signals of one cause are one return
        if (
            fix is not None
            and fix.fixed_at < sign.at
            and (within_seconds is None or sign.at <= fix.fixed_at + int(within_seconds * SECOND))
        ):
            fix.recurrences += 1
            found = found or (fix, sign)
    return found
