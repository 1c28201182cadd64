"""Promises and silences: what is due after an event, kept by another one or broken by its absence.

What comes at the very instant at which it is due still keeps it. A watch is kept as the pack says that opened it.
"""

from collections.abc import Iterable

from schemas.events import Touchpoint
from streams.experience.compiled import CompiledPack, CompiledWatch
from streams.experience.folding import SECOND, Folding, Source
from streams.experience.frame import Frame
from streams.experience.state import NEVER, WATCHES_MAX, Fold, OpenWatch


def keep(folding: Folding, pack: CompiledPack, event: Touchpoint, at: int) -> None:
    """Takes away the watches that this event keeps."""
    fold = folding.fold
    openers = {pack.version: pack}
    for one in fold.watches:
        if one.pack_version not in openers:
            openers[one.pack_version] = folding.controls.shelf.get(one.pack, one.pack_version)
    for version, opener in openers.items():
        view = opener.touchpoint(event.touchpoint)
        watches = opener.contact(view, event).keeping
        frame = Frame(fold, at, view, event, curve=opener.curve) if watches else None
        for watch in watches:
            open_now = [
                one
                for one in fold.watches
                if (one.name, one.pack_version) == (watch.name, version) and same(watch, one, event, view.name)
            ]
            if open_now and frame is not None and folding.holds(opener, watch.name, watch.kept, frame):
                fold.watches = [one for one in fold.watches if one not in open_now]


def open_new(
    folding: Folding,
    pack: CompiledPack,
    watches: Iterable[CompiledWatch],
    frame: Frame,
    event: Touchpoint,
    source: Source,
) -> None:
    """Opens those of the watches that this event starts."""
    fold = folding.fold
    for watch in watches:
        spec = watch.spec
        since = event.promised_at if spec.within_seconds is None else source.at
        if (
            since is None
            or (spec.same == "matter" and event.matter is None)
            or not folding.holds(pack, watch.name, watch.opens, frame)
        ):
            continue
        due_at = since + int((spec.within_seconds or spec.grace_seconds) * SECOND)
        name = frame.touchpoint.name
        earlier = [one for one in fold.watches if one.name == watch.name and same(watch, one, event, name)]
        if earlier and not spec.renews:
            continue
        where = pack.touchpoint(spec.touchpoint) if spec.touchpoint else frame.touchpoint
        fold.watches = [one for one in fold.watches if one not in earlier]
        fold.watches.append(
            OpenWatch(
                watch.name,
                pack.name,
                pack.version,
                event.brand,
                max(due_at, source.at) + 1,
                source.event_id,
                source.rank,
                source.partition,
                source.offset,
                source.at,
                pack.journey(event.journey, where),
                where.name,
                event.matter,
                event.unit,
            )
        )
        del fold.watches[:-WATCHES_MAX]


def next_due(fold: Fold) -> int:
    """When the next watch is due (µs)."""
    due = NEVER
    for watch in fold.watches:
        if watch.due_at < due:
            due = watch.due_at
    return due


def pop_due(folding: Folding, due: int) -> tuple[OpenWatch, CompiledPack]:
    """Takes out one watch that is due, the first by name and event; with the pack that opened it."""
    fold = folding.fold
    broken = min((one for one in fold.watches if one.due_at == due), key=lambda one: (one.name, one.event_id))
    fold.watches = [one for one in fold.watches if one is not broken]
    return broken, folding.controls.shelf.get(broken.pack, broken.pack_version)


def same(watch: CompiledWatch, open_watch: OpenWatch, event: Touchpoint, touchpoint: str) -> bool:
    """Does an event share with the opening one what the pack demands?"""
    if watch.spec.same == "matter":
        return event.matter is not None and event.matter == open_watch.matter
    if watch.spec.same == "touchpoint":
        return open_watch.touchpoint == (watch.spec.touchpoint or touchpoint)
    return True
