"""The three folds of a subject at rest: base, mark and now. What they remember of touches is most of them and nearly the same.

It rests once: `subject.recent` has what the fold up to now remembers; the earlier ones have some of their own that it has
forgotten since, and go on with its first bytes.
"""

from typing import Final

import msgspec

from streams.experience.state import Earlier, Fold, Subject, Touch, as_array, dump, load_fold

RECENT_MAX: Final = 24  # touches that a fold remembers
_CUT: Final = 32  # so many rest before the oldest are cut off: rarely, because that decodes

_touches = msgspec.msgpack.Decoder(list[Touch])
_raws = msgspec.msgpack.Decoder(list[msgspec.Raw])


def remember(fold: Fold, touch: Touch) -> None:
    """The newest touch."""
    fold.recent += dump(touch)
    fold.recent_count += 1
    if fold.recent_count >= _CUT:
        raws = _raws.decode(as_array(fold.recent, fold.recent_count))
        fold.forgotten += b"".join(raws[:-RECENT_MAX])
        fold.recent, fold.recent_count = b"".join(raws[-RECENT_MAX:]), RECENT_MAX


def recent_touches(fold: Fold) -> list[Touch]:
    """The touches that a fold remembers, oldest first."""
    return _touches.decode(as_array(fold.recent, fold.recent_count))[-RECENT_MAX:]


def load_now(subject: Subject) -> Fold:
    """The fold up to now."""
    fold = load_fold(subject.now)
    fold.recent = subject.recent
    return fold


def load_base(subject: Subject) -> Fold:
    """The base, to be folded anew: the subject's touches are its from now on."""
    earlier, mark = subject.base, subject.mark
    fold = load_fold(earlier.fold)
    fold.recent = _touches_of(earlier, subject)
    subject.mark = Earlier(mark.fold, _touches_of(mark, subject))
    subject.base = Earlier(earlier.fold, b"", len(fold.recent))
    subject.recent = fold.recent
    return fold


def rest(subject: Subject, fold: Fold) -> None:
    """The fold becomes the subject's up to now."""
    recent, forgotten = fold.recent, fold.forgotten
    fold.recent = fold.forgotten = b""
    subject.now, subject.recent = dump(fold), recent
    fold.recent = recent
    if forgotten:
        subject.base, subject.mark = _without(subject.base, forgotten), _without(subject.mark, forgotten)


def as_it_is(subject: Subject) -> Earlier:
    """The fold up to now, which rests, as one that will be an earlier one."""
    return Earlier(subject.now, b"", len(subject.recent))


def alone(fold: Fold) -> Earlier:
    """A fold that shares nothing."""
    recent, forgotten = fold.recent, fold.forgotten
    fold.recent = fold.forgotten = b""
    earlier = Earlier(dump(fold), recent)
    fold.recent, fold.forgotten = recent, forgotten
    return earlier


def _touches_of(earlier: Earlier, subject: Subject) -> bytes:
    return earlier.own + subject.recent[: earlier.shared]


def _without(earlier: Earlier, forgotten: bytes) -> Earlier:
    """The touches that the fold up to now has forgotten are the earlier one's own."""
    shared = min(earlier.shared, len(forgotten))
    return Earlier(earlier.fold, earlier.own + forgotten[:shared], earlier.shared - shared) if shared else earlier
