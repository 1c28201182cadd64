"""The three folds of a subject at rest: base, mark and now. What they remember of touches is most of them and nearly the same.

It rests once: `subject.recent` has what the fold up to now remembers; the earlier ones have some of their own that it has
forgotten since, and go on with its first bytes. The instant of a fold rests beside it, too: a fold that nothing but its
touches and its instant has changed rests as the same bytes.
"""

from streams.experience.state import Earlier, Fold, Subject, dump, load_fold


def load_now(subject: Subject) -> Fold:
    """The fold up to now."""
    fold = load_fold(subject.now)
    fold.at, fold.recent, fold.recent_count = subject.at, subject.recent, subject.recent_count
    return fold


def load_base(subject: Subject) -> Fold:
    """The base, to be folded anew: the subject's touches are its from now on."""
    base, mark = subject.base, subject.mark
    fold = load_fold(base.fold)
    fold.at, fold.recent, fold.recent_count = subject.base_at, _touches_of(base, subject), base.count
    subject.mark = Earlier(mark.fold, _touches_of(mark, subject), 0, mark.count)
    subject.base = Earlier(base.fold, b"", len(fold.recent), base.count)
    subject.recent, subject.recent_count = fold.recent, base.count
    return fold


def rest(subject: Subject, fold: Fold) -> None:
    """The fold becomes the subject's up to now."""
    forgotten, fold.forgotten = fold.forgotten, b""
    subject.now = _bare(fold)
    subject.at, subject.recent, subject.recent_count = fold.at, fold.recent, fold.recent_count
    subject.subject_type, subject.calm = fold.subject_type, _calm(fold)
    forget(subject, forgotten)


def forget(subject: Subject, forgotten: bytes) -> None:
    """Touches that the fold up to now has forgotten are the earlier ones' own."""
    if forgotten:
        subject.base, subject.mark = _without(subject.base, forgotten), _without(subject.mark, forgotten)


def as_it_is(subject: Subject) -> Earlier:
    """The fold up to now, which rests, as one that will be an earlier one."""
    return Earlier(subject.now, b"", len(subject.recent), subject.recent_count)


def alone(fold: Fold) -> Earlier:
    """A fold as an earlier one that shares nothing."""
    return Earlier(_bare(fold), fold.recent, 0, fold.recent_count)


def _bare(fold: Fold) -> bytes:
    at, recent, count, forgotten = fold.at, fold.recent, fold.recent_count, fold.forgotten
    fold.at = fold.recent_count = 0
    fold.recent = fold.forgotten = b""
    rest = dump(fold)
    fold.at, fold.recent, fold.recent_count, fold.forgotten = at, recent, count, forgotten
    return rest


def _calm(fold: Fold) -> str | None:
    if any(episode.resumes_at is not None for episode in fold.episodes):
        return None
    versions = {watch.pack_version for watch in fold.watches}
    return None if len(versions) > 1 else next(iter(versions), "")


def _touches_of(earlier: Earlier, subject: Subject) -> bytes:
    return earlier.own + subject.recent[: earlier.shared]


def _without(earlier: Earlier, forgotten: bytes) -> Earlier:
    shared = min(earlier.shared, len(forgotten))
    if not shared:
        return earlier
    return Earlier(earlier.fold, earlier.own + forgotten[:shared], earlier.shared - shared, earlier.count)
