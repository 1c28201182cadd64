"""What is remembered of the latest touchpoint events of a subject: Touches as bytes, one after the other, the oldest first."""

from typing import Final

import msgspec

from streams.experience.state import Fold, Touch, as_array, dump

RECENT_MAX: Final = 24  # touches that a fold remembers
_CUT: Final = 32  # so many rest before the oldest are cut off: rarely, because that decodes

_touches = msgspec.msgpack.Decoder(list[Touch])
_raws = msgspec.msgpack.Decoder(list[msgspec.Raw])


def added(recent: bytes, count: int, touch: Touch) -> tuple[bytes, int, bytes]:
    """(touches, how many, those of the oldest that are forgotten for it) with the newest one."""
    recent += dump(touch)
    count += 1
    if count < _CUT:
        return recent, count, b""
    raws = _raws.decode(as_array(recent, count))
    return b"".join(raws[-RECENT_MAX:]), RECENT_MAX, b"".join(raws[:-RECENT_MAX])


def remember(fold: Fold, touch: Touch) -> None:
    """The newest touch."""
    fold.recent, fold.recent_count, forgotten = added(fold.recent, fold.recent_count, touch)
    if forgotten:
        fold.forgotten += forgotten


def recent_touches(fold: Fold) -> list[Touch]:
    """The touches that a fold remembers, oldest first."""
    return _touches.decode(as_array(fold.recent, fold.recent_count))[-RECENT_MAX:]
