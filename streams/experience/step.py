"""`step(state, inputs, controls) → (state, outputs)`: one subject, pure. The answer is the same in any order of arrival.

In order: append to the window and fold one. Late: put into the window, fold the window anew from the base, emit the
difference. Too late for the window: refused. A duplicate changes nothing.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from schemas.codec import Codec
from schemas.records import ActionUpdate, Loser
from streams.engine.job import Output, Refold, Tick
from streams.experience.controls import Controls
from streams.experience.episodes import record_of
from streams.experience.fold import NEVER, fire_until, fold_input, next_due
from streams.experience.folding import Fact, Folding, Input, Withdrawal
from streams.experience.ledger import Ledger
from streams.experience.state import NOTHING, Fold, Piece, Subject, dump, dump_fold, load_fold, load_subject
from streams.experience.text import Analyser

RECEIPT_RANK: Final = 3
SUNK_SECONDS: Final = 31 * 86_400  # how long a message that is not derived any more still counts for caps


class Limits(NamedTuple):
    """How late an event may be (µs, against the subject's newest event), and how many inputs a window holds."""

    lateness: int
    window: int


class Surroundings(NamedTuple):
    """What a step needs besides state and inputs; all of it pure. `decode` gives an input from a piece of the window."""

    controls: Controls
    codec: Codec
    analyser: Analyser
    limits: Limits
    decode: Callable[[Piece], Input]


class Outcome(msgspec.Struct):
    """What a step gives. `late`: inputs that came too late for the window. `next_due_at` µs."""

    state: bytes
    outputs: list[Output]
    next_due_at: int | None
    late: list[Input]
    duplicates: int
    refolds: int
    losers: list[Loser]
    errors: list[str]


def step(key: str, state: bytes | None, inputs: Sequence[Input | Tick | Refold], around: Surroundings) -> Outcome:
    """Raises Unavailable when a pack is missing: nothing has happened then."""
    work = _Work(key, load_subject(state), around)
    for item in inputs:
        if isinstance(item, Tick):
            work.tick(item.due_at)
        elif isinstance(item, Refold):
            work.refold_since(item.since_at)
        else:
            work.take(item)
    return work.outcome()


class _Work:
    """One subject during a step: its fold is decoded once."""

    def __init__(self, key: str, subject: Subject, around: Surroundings) -> None:
        self.key = key
        self.subject = subject
        self.around = around
        self.ledger = Ledger(subject, around.codec)
        self.fold: Fold | None = None  # None: as in subject.now
        self.dirty = False  # the fold is ahead of subject.now
        self.late: list[Input] = []
        self.duplicates = self.refolds = 0
        self.losers: list[Loser] = []
        self.errors: list[str] = []

    def take(self, item: Input) -> None:
        """One input, in whatever order it comes."""
        subject, at = self.subject, item.source.at
        if self._known(item):
            self.duplicates += 1
            return
        if at < subject.newest_at - self.around.limits.lateness or (subject.base_at and at <= subject.base_at):
            self.late.append(item)
            return
        in_order = self._in_order(item)
        if in_order:
            self._advance_base(at)
        source = item.source
        piece = Piece(at, source.rank, source.event_id, source.partition, source.offset, item.value)
        window = subject.window
        window.insert(bisect_left(window, piece.order(), key=Piece.order), piece)
        subject.newest_at = max(subject.newest_at, at)
        if in_order:
            self._fold_one(item)
        else:
            if at <= subject.mark_at:
                subject.mark_at, subject.mark = 0, NOTHING
            self._refold()

    def tick(self, due_at: int) -> None:
        """Stream time has reached `due_at`: what is due fires, what has waited long enough goes out."""
        subject = self.subject
        if due_at > subject.ticked_to:
            subject.ticked_to = due_at
            folding = self._folding(self._current())
            if next_due(folding) <= due_at:
                self.dirty = True
                fire_until(folding, due_at)
            self.ledger.append(self._finished(folding))
        self.ledger.settle(subject.ticked_to)

    def refold_since(self, since_at: int) -> None:
        """Something that steers decisions has changed from an instant on."""
        if self.subject.window and self._current().at >= since_at:
            self._refold()

    def outcome(self) -> Outcome:
        """Closes the books."""
        subject = self.subject
        folding = self._folding(self._current())
        due = min(next_due(folding), self.ledger.next_settle() or NEVER)
        subject.now = self._resting()
        self.ledger.close()
        return Outcome(
            dump(subject),
            self.ledger.outputs,
            None if due == NEVER else due,
            self.late,
            self.duplicates,
            self.refolds,
            self.losers,
            self.errors,
        )

    def _in_order(self, item: Input) -> bool:
        """Does an input come after everything that has been folded, timers included?"""
        window = self.subject.window
        return (not window or window[-1].order() < item.order) and self._current().at <= item.source.at

    def _known(self, item: Input) -> bool:
        """Ids live as long as the window; of duplicates the first offset, which came first, wins."""
        source = item.source
        horizon = self.subject.newest_at - self.around.limits.lateness
        return any(
            piece.id == source.event_id and piece.rank == source.rank and (piece.at >= horizon or piece.at == source.at)
            for piece in self.subject.window
        )

    def _current(self) -> Fold:
        if self.fold is None:
            self.fold = load_fold(self.subject.now)
        return self.fold

    def _folding(self, fold: Fold) -> Folding:
        return Folding(self.key, fold, self.around.controls, self.around.analyser, self.subject.sunk)

    def _finished(self, folding: Folding) -> list[Fact | Withdrawal]:
        self.losers += folding.losers
        self.errors += folding.errors
        return folding.facts

    def _fold_one(self, item: Input) -> None:
        folding = self._folding(self._current())
        self.dirty = True
        fold_input(folding, item)
        fire_until(folding, self.subject.ticked_to)
        self.ledger.append(self._finished(folding))

    def _refold(self) -> None:
        """Folds the window anew from the base; the ledger emits what is different."""
        subject = self.subject
        self.refolds += 1
        fold = load_fold(subject.base)
        folding = self._folding(fold)
        folding.facts += self._episodes_of_base(folding)
        receipts = set()
        for piece in subject.window:
            item = self.around.decode(piece)
            if isinstance(item.record, ActionUpdate):
                receipts.add(item.record.action_id)
            fold_input(folding, item)
        fire_until(folding, subject.ticked_to)
        self.fold, self.dirty = fold, True
        self.ledger.replace(self._finished(folding), subject.base_at, frozenset(receipts))

    def _episodes_of_base(self, folding: Folding) -> list[Fact]:
        """What was reported of an episode after the base may not be derived again: then it stands as the base has it."""
        changed = set(self.ledger.episodes_after(self.subject.base_at))
        return [
            Fact("episode", episode.id, episode.changed_at, record_of(folding, episode))
            for episode in folding.fold.episodes
            if episode.id in changed
        ]

    def _advance_base(self, at: int) -> None:
        """Before a new newest input: what lies behind the horizon, or overfills the window, goes into the base.

        The fold as it rests now may become the base, or a mark that will be one later, without being folded again.
        """
        subject = self.subject
        fold = self._current()
        if not subject.window or (fold.at >= at and len(subject.window) < 2 * self.around.limits.window):
            return
        horizon, most = at - self.around.limits.lateness, self.around.limits.window
        if fold.at < horizon or len(subject.window) >= 2 * most:
            self._rebase(fold.at, self._resting(), [])
        elif subject.mark_at and (subject.mark_at < horizon or len(subject.window) >= most):
            kept = [piece for piece in subject.window if piece.at > subject.mark_at]
            self._rebase(subject.mark_at, subject.mark, kept)
        if not subject.mark_at and subject.window and fold.at < at:
            subject.mark_at, subject.mark = fold.at, self._resting()

    def _rebase(self, base_at: int, base: msgspec.Raw, window: list[Piece]) -> None:
        subject = self.subject
        subject.base_at, subject.base, subject.window = base_at, base, window
        subject.mark_at, subject.mark = 0, NOTHING
        self.ledger.forget(base_at, frozenset(episode.id for episode in self._current().episodes))
        oldest = base_at - SUNK_SECONDS * 1_000_000
        subject.sunk = [one for one in subject.sunk if one[1] > oldest]

    def _resting(self) -> msgspec.Raw:
        """The current fold as bytes."""
        if self.dirty:
            self.subject.now, self.dirty = dump_fold(self._current()), False
        return self.subject.now
