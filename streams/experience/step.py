"""`step(state, inputs, controls) → (state, outputs)`: one subject, pure. The answer is the same in any order of arrival.

In order: append to the window and fold one. Late: put into the window, fold the window anew from the base (once a step,
however much was late), emit the difference. Too late for the window: refused. A duplicate changes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from schemas.decisions import Loser
from schemas.events import ActionUpdate
from streams.engine.job import Output, Refold, Tick
from streams.experience.episodes import record_of
from streams.experience.fold import fire_until, fold_input, next_due
from streams.experience.folding import Fact, Failure, Folding, Input, Source
from streams.experience.folds import alone, as_it_is, load_base, load_now, rest
from streams.experience.ledger import Ledger
from streams.experience.passing import passes
from streams.experience.spent import with_ids
from streams.experience.state import (
    NEVER,
    NOTHING,
    TRACE_BYTES,
    Earlier,
    Fold,
    Piece,
    Subject,
    dump,
    dump_orders,
    load_fold,
    load_orders,
    load_subject,
    trace,
)
from streams.experience.surroundings import Outcome, Surroundings
from streams.experience.window import Window

WINDOW_BYTES: Final = 2 << 20  # a window that takes more makes room as an overfull one does
SUNK_SECONDS: Final = 400 * 86_400  # how long a message that is not derived any more still counts for caps
SUNK_MAX: Final = 64
ROOM: Final = 4  # a window that late inputs have filled to so many times its length takes no more


def step(key: str, state: bytes | None, inputs: Sequence[Input | Tick | Refold], around: Surroundings) -> Outcome:
    """Raises Unavailable when a pack is missing: nothing has happened then."""
    subject = load_subject(state)
    work = _Work(key, subject, around, Window(subject))
    for item in inputs:
        if isinstance(item, Tick):
            work.tick(item.due_at)
        elif isinstance(item, Refold):
            work.refold_since(item.since_at)
        else:
            work.take(item)
    return work.outcome()


class _Work(msgspec.Struct):
    """One subject during a step. What is not needed stays encoded: in order and with nothing to tell, that is the ledger
    and the window.
    """

    key: str
    subject: Subject
    around: Surroundings
    window: Window
    fold: Fold | None = None  # None: as in subject.now
    dirty: bool = False  # the fold is ahead of subject.now
    stale: bool = False  # the window holds something that is not folded yet: it came late
    late: list[Input] = []
    duplicates: int = 0
    refolds: int = 0
    losers: list[Loser] = []
    errors: list[Failure] = []
    ledger: Ledger | None = None  # None: as in subject.ledger

    def take(self, item: Input) -> None:
        """One input, in whatever order it comes."""
        subject, source = self.subject, item.source
        at = source.at
        mark = trace(source.event_id)
        if mark in subject.ids and self._known(source):
            self.duplicates += 1
            return
        if self._too_late(at):
            self.late.append(item)
            return
        piece = Piece(at, source.rank, source.event_id, source.partition, source.offset, item.value)
        in_order = not self.stale and self._in_order(piece)
        if at > subject.newest_at:
            if in_order:
                self._advance_base(at)
            subject.newest_at = at
        if in_order:
            self.window.append(piece, mark)
            if self.fold is not None or not passes(subject, self.around, item):
                self._fold_one(item)
        else:
            self.window.insert(piece, mark)
            self._changed_since(at)

    def tick(self, due_at: int) -> None:
        """Stream time has reached `due_at`: what is due fires, what has waited long enough goes out."""
        subject = self.subject
        if self.stale:
            self._refold()
        if due_at > subject.ticked_to:
            subject.ticked_to = due_at
            if self._due_at() <= due_at:
                folding = self._folding(self._current())
                self.dirty = True
                fire_until(folding, due_at)
                self._derived(folding)
        if self.ledger is not None or 0 < subject.settle_at <= subject.ticked_to:
            self._open_ledger().settle(subject.ticked_to)

    def refold_since(self, since_at: int) -> None:
        """Something that steers decisions has changed from an instant on."""
        subject = self.subject
        if not subject.window_count or max(subject.newest_at, subject.ticked_to) < since_at:
            return
        if self.stale or self._at() >= since_at:
            self._changed_since(since_at)

    def outcome(self) -> Outcome:
        """Closes the books."""
        if self.stale:
            self._refold()
        subject = self.subject
        self._rest()
        outputs: list[Output] = []
        if self.ledger is not None:
            self.ledger.close()
            outputs = self.ledger.outputs
        self.window.rest()
        due = min(subject.due_at, subject.settle_at or NEVER)
        return Outcome(
            dump(subject),
            outputs,
            None if due == NEVER else due,
            self.late,
            self.duplicates,
            self.refolds,
            self.losers,
            self.errors,
        )

    def _at(self) -> int:
        """Up to where all is folded (µs)."""
        return self.subject.at if self.fold is None else self.fold.at

    def _due_at(self) -> int:
        return next_due(self._current()) if self.dirty else self.subject.due_at

    def _in_order(self, piece: Piece) -> bool:
        """Does an input come after everything that has been folded, timers included?"""
        at, subject = piece.at, self.subject
        last = subject.window_last
        return at >= self._at() and (at > last[0] or not subject.window_count or piece.order() > last)

    def _known(self, source: Source) -> bool:
        """An id that comes again within the lateness of its first time is a duplicate; the first offset came first and wins."""
        near, at, rank, event_id = self.around.limits.lateness, source.at, source.rank, source.event_id
        orders = load_orders(self.subject.passed) + [piece.order() for piece in self.window.pieces()]
        return any(one[2] == event_id and one[1] == rank and abs(one[0] - at) <= near for one in orders)

    def _too_late(self, at: int) -> bool:
        """Behind the horizon, or behind a base that the window's greatest length has moved up, or no room at all."""
        subject, limits = self.subject, self.around.limits
        return (
            at < subject.newest_at - limits.lateness
            or (subject.base_at > 0 and at <= subject.base_at)
            or self.subject.window_count >= ROOM * limits.window
            or self.window.size_bytes >= ROOM * WINDOW_BYTES
        )

    def _changed_since(self, at: int) -> None:
        """What was folded from an instant on must be folded again."""
        self.stale = True
        if at <= self.subject.mark_at:
            self.subject.mark_at, self.subject.mark = 0, Earlier()

    def _current(self) -> Fold:
        if self.fold is None:
            self.fold = load_now(self.subject)
        return self.fold

    def _folding(self, fold: Fold) -> Folding:
        return Folding(self.key, fold, self.around.controls, self.around.analyser, self.subject.sunk)

    def _open_ledger(self) -> Ledger:
        if self.ledger is None:
            self.ledger = Ledger(self.subject, self.around.codec)
        return self.ledger

    def _derived(self, folding: Folding) -> None:
        """Hands on what was derived in order."""
        if folding.losers or folding.errors:
            self._note(folding)
        if folding.facts:
            self._open_ledger().append(folding.facts)

    def _note(self, folding: Folding) -> None:
        self.losers += folding.losers
        self.errors += folding.errors

    def _fold_one(self, item: Input) -> None:
        folding = self._folding(self._current())
        self.dirty = True
        fold_input(folding, item)
        if self.subject.ticked_to > item.source.at:
            fire_until(folding, self.subject.ticked_to)
        self._derived(folding)

    def _refold(self) -> None:
        """Folds the window anew from the base; the ledger emits what is different. What is settled by now becomes the base."""
        self.stale = False
        self.refolds += 1
        subject = self.subject
        fold = load_base(subject)
        folding = self._folding(fold)
        folding.facts += self._episodes_of_base(folding)
        waiting = [one.action_id for one in fold.pending if one.settle_at > subject.base_at]
        settled = self._settled()
        base_at, base = subject.base_at, subject.base
        receipts = set()
        for number, piece in enumerate(self.window.pieces()):
            if number == settled > 0:
                base_at, base = fold.at, alone(fold)
            item = self.around.decode(piece)
            if isinstance(item.record, ActionUpdate):
                receipts.add(item.record.action_id)
            fold_input(folding, item)
        fire_until(folding, subject.ticked_to)
        self.fold, self.dirty = fold, True
        self._note(folding)
        kept = self._open_ledger().replace(folding.facts, subject.base_at, waiting, frozenset(receipts))
        if kept:
            base = _with_kept_ids(fold, base, kept)
        if settled:
            self._rebase(base_at, base, settled)

    def _settled(self) -> int:
        """How many pieces of the window nothing can come before any more; where it is too long, as many as make room."""
        window, limits = self.window.pieces(), self.around.limits
        count = self.window.before(self.subject.newest_at - limits.lateness)
        if len(window) >= 2 * limits.window:
            count = max(count, len(window) - limits.window)
        if self.window.size_bytes >= 2 * WINDOW_BYTES:
            count = max(count, len(window) // 2)
        while 0 < count < len(window) and window[count - 1].at == window[count].at:
            count -= 1
        return count

    def _episodes_of_base(self, folding: Folding) -> list[Fact]:
        """What was reported of an episode after the base may not be derived again: then it stands as the base has it."""
        changed = set(self._open_ledger().episodes_after(self.subject.base_at))
        return [
            Fact("episode", episode.id, episode.changed_at, record_of(folding, episode))
            for episode in folding.fold.episodes
            if episode.id in changed
        ]

    def _advance_base(self, at: int) -> None:
        """Before a new newest input: what lies behind the horizon, or overfills the window, goes into the base.

        The fold as it rests now may become the base, or a mark that will be one later, without being folded again.
        """
        subject, window, limits = self.subject, self.window, self.around.limits
        count, mark_at, folded_at = subject.window_count, subject.mark_at, self._at()
        if not count or folded_at >= at:
            return
        horizon, most, size = at - limits.lateness, limits.window, window.size_bytes
        if folded_at < horizon or count >= 2 * most or size >= 2 * WINDOW_BYTES:
            self._rest()
            self._rebase(folded_at, as_it_is(subject), count)
        elif mark_at and (mark_at < horizon or count >= most or size >= WINDOW_BYTES):
            self._rebase(mark_at, subject.mark, window.before(mark_at + 1))
        if not subject.mark_at and subject.window_count:
            self._rest()
            subject.mark_at, subject.mark = folded_at, as_it_is(subject)

    def _rebase(self, base_at: int, base: Earlier, settled: int) -> None:
        """The first pieces of the window have gone into the base."""
        subject, limits = self.subject, self.around.limits
        gone = [piece.order() for piece in self.window.drop(settled)]
        oldest, passed = subject.newest_at - 2 * limits.lateness, load_orders(subject.passed) + gone
        orders = [one for one in passed if one[0] >= oldest][-2 * limits.window :]
        subject.passed = dump_orders(orders)
        subject.ids = subject.ids[TRACE_BYTES * (len(passed) - len(orders)) :]
        subject.base_at, subject.base = base_at, base
        if subject.mark_at <= base_at:
            subject.mark_at, subject.mark = 0, Earlier()
        if self.ledger is not None or subject.ledger != NOTHING:
            self._open_ledger().forget(base_at, frozenset(episode.id for episode in self._current().episodes))
        if subject.sunk:
            oldest = base_at - SUNK_SECONDS * 1_000_000
            subject.sunk = [one for one in subject.sunk if one.at > oldest][-SUNK_MAX:]

    def _rest(self) -> None:
        """The current fold as bytes."""
        if self.dirty:
            fold = self._current()
            rest(self.subject, fold)
            self.dirty, self.subject.due_at = False, next_due(fold)


def _with_kept_ids(fold: Fold, base: Earlier, kept: Mapping[str, str]) -> Earlier:
    """Episodes name the actions that are out under their first ids: in the fold, and in the base."""
    earlier = load_fold(base.fold)
    for one in (fold, earlier):
        for episode in one.episodes:
            episode.actions = [kept.get(name, name) for name in episode.actions]
        one.spent = with_ids(one.spent, kept)
    return Earlier(dump(earlier), base.own, base.shared, base.count)
