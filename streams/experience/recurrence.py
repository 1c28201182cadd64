"""The same cause at the same touchpoint after it was said to be put right: counted, so that "improve" can be judged."""

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


def recurred(fold: Fold, sign: Sign, within_seconds: float | None) -> Fix | None:
    """Takes note of a signal; the fix after which its cause has come back to its touchpoint, None if this is not so."""
    for fix in fold.fixes:
        if (fix.touchpoint, fix.cause) == (sign.touchpoint, sign.cause):
            until = sign.at if within_seconds is None else fix.fixed_at + int(within_seconds * SECOND)
            if not fix.fixed_at < sign.at <= until:
                return None
            fix.recurrences += 1
            return fix
    return None
