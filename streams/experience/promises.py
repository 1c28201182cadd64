"""The promise registry: what became of each promise of a pack, from events: kept, late, broken, waiting; by how much.

The decisions' own fold runs over each subject's events in order of event time; this only watches what it watches. A wait that
is promised at a touchpoint counts as a promise, too. The order in which events come in does not matter.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from schemas.events import Customer, CustomerEvent, Feedback, Touchpoint
from streams.experience.compiled import AT_RISK, CompiledPack, CompiledWatch
from streams.experience.controls import Controls, Shelf, first_pack
from streams.experience.fold import fire_until, fold_input
from streams.experience.folding import SECOND, Folding, Input, Source
from streams.experience.frame import Frame
from streams.experience.state import Fold, OpenWatch
from streams.experience.text import Analyser
from streams.experience.watches import same

State = Literal["kept", "late", "broken", "waiting", "at_risk"]
WAITING: Final = "waiting at "  # begins the name of the promise of a wait
_RANK: Final = {Customer: 0, Touchpoint: 1, Feedback: 2}


class Outcome(msgspec.Struct, frozen=True):
    """What became of one promise. `late`: kept after it was due; `broken`: due, and nothing has come; `at_risk`: not due yet.

    `margin_seconds`: how much before it was due it was kept (negative: after it); None while nothing has come.
    """

    promise: str
    touchpoint: str
    unit: str | None
    subject: str
    matter: str | None
    opened_at: int
    due_at: int
    state: State
    margin_seconds: float | None = None


def outcomes(
    events: Iterable[CustomerEvent], pack: CompiledPack, analyser: Analyser, until: int | None = None
) -> list[Outcome]:
    """Of all promises that these events opened, as things stand at an instant (µs; None: at the last event)."""
    once = {(type(one), one.event_id): one for one in events}
    ordered = sorted(once.values(), key=_order)
    by_subject: dict[str, list[CustomerEvent]] = {}
    for one in ordered:
        by_subject.setdefault(one.subject_id, []).append(one)
    until = until if until is not None else ordered[-1].occurred_at if ordered else 0
    controls = Controls(Shelf((pack,)))
    controls.apply(first_pack(pack))
    found: list[Outcome] = []
    for subject, own in by_subject.items():
        found += _Watcher(subject, pack, Folding(subject, Fold(), controls, analyser)).outcomes(own, until)
    return sorted(found, key=lambda one: (one.due_at, one.subject, one.promise, one.opened_at))


def _order(event: CustomerEvent) -> tuple[int, int, str]:
    return (event.occurred_at, _RANK[type(event)], event.event_id)


class _Watcher:
    """Follows the watches of one subject."""

    def __init__(self, subject: str, pack: CompiledPack, folding: Folding) -> None:
        self.subject = subject
        self.pack = pack
        self.folding = folding
        self.watches = {one.name: one for one in pack.watches}
        self.broken: list[OpenWatch] = []
        self.found: list[Outcome] = []

    def outcomes(self, events: Sequence[CustomerEvent], until: int) -> list[Outcome]:
        for event in events:
            if event.occurred_at > until:
                break
            self._take(event)
        before = list(self.folding.fold.watches)
        fire_until(self.folding, until)
        self._fired(before, until)
        for one in self.broken:
            self._tell(one, "broken")
        at_risk = {(one.name, one.event_id) for one in self.folding.fold.watches}
        for one in self.folding.fold.watches:
            early = (one.name + AT_RISK, one.event_id)
            fired = one.name + AT_RISK in self.watches and early not in at_risk
            self._tell(one, "at_risk" if fired else "waiting")
        return self.found

    def _take(self, event: CustomerEvent) -> None:
        folding, at = self.folding, event.occurred_at
        before = list(folding.fold.watches)
        fold_input(folding, Input(Source(event.event_id, _RANK[type(event)], 0, 0, at), event, b""))
        folding.facts.clear()
        folding.losers.clear()
        self._fired(before, at)
        if not isinstance(event, Touchpoint):
            return
        now = folding.fold.watches
        for one in before:
            if one.due_at > at and one not in now and self._keeps(event, one):
                self._tell(one, "kept", at)
        for one in [one for one in self.broken if self._keeps(event, one)]:
            self.broken.remove(one)
            self._tell(one, "late", at)
        self._waited(event)

    def _fired(self, before: Iterable[OpenWatch], at: int) -> None:
        self.broken += [one for one in before if one.due_at <= at and one.name in self.pack.file.promises]

    def _keeps(self, event: Touchpoint, one: OpenWatch) -> bool:
        """Is this what the promise was about? What else takes a watch away is a new opening, or that there are too many."""
        watch: CompiledWatch = self.watches[one.name]
        view = self.pack.touchpoint(event.touchpoint)
        frame = Frame(self.folding.fold, event.occurred_at, view, event, curve=self.pack.curve)
        return same(watch, one, event, view.name) and self.folding.holds(self.pack, one.name, watch.kept, frame)

    def _tell(self, one: OpenWatch, state: State, at: int | None = None) -> None:
        if one.name in self.pack.file.promises:
            due = one.due_at - 1  # the very instant still keeps it
            margin = None if at is None else (due - at) / SECOND
            self.found.append(
                Outcome(one.name, one.touchpoint, one.unit, self.subject, one.matter, one.opened_at, due, state, margin)
            )

    def _waited(self, event: Touchpoint) -> None:
        view = self.pack.touchpoint(event.touchpoint)
        promised, waited = view.waiting_promised_seconds, event.waiting_seconds
        if promised is None or waited is None:
            return
        at, margin = event.occurred_at, promised - waited
        opened, due = at - round(waited * SECOND), at + round(margin * SECOND)
        state: State = "kept" if margin >= 0.0 else "late"
        name = WAITING + view.name
        self.found.append(Outcome(name, view.name, event.unit, self.subject, event.matter, opened, due, state, margin))


class Kept(msgspec.Struct, frozen=True):
    """A promise over many customers. Shares are of those that are due; quantiles of the seconds by which it was late."""

    promise: str
    touchpoint: str
    made: int
    kept: int
    late: int
    broken: int
    waiting: int
    at_risk: int
    share_kept: float | None
    late_p50_seconds: float | None
    late_p90_seconds: float | None


def summary(found: Iterable[Outcome]) -> list[Kept]:
    """By promise and touchpoint."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for one in found:
        groups.setdefault((one.promise, one.touchpoint), []).append(one)
    return [_kept(name, where, group) for (name, where), group in sorted(groups.items())]


def _kept(promise: str, touchpoint: str, group: Sequence[Outcome]) -> Kept:
    count = {
        state: sum(one.state == state for one in group) for state in ("kept", "late", "broken", "waiting", "at_risk")
    }
    due = count["kept"] + count["late"] + count["broken"]
    late = sorted(-one.margin_seconds for one in group if one.state == "late" and one.margin_seconds is not None)
    return Kept(
        promise=promise,
        touchpoint=touchpoint,
        made=len(group),
        **count,
        share_kept=count["kept"] / due if due else None,
        late_p50_seconds=_quantile(late, 0.5),
        late_p90_seconds=_quantile(late, 0.9),
    )


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """One of the values themselves: the smallest that this share does not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
