"""The timeline of packs, units, limits and incidents: looked up by event time, in refolds too."""

from bisect import bisect_right, insort
from collections.abc import Iterator
from typing import NamedTuple

from schemas.controls import Control, PackInForce, Staff, Unit
from schemas.validate import EARLIEST, LATEST
from streams.errors import Unavailable
from streams.experience.bulk import Words
from streams.experience.claimants import Claimants
from streams.experience.compiled import CompiledPack
from streams.experience.habits import Habits
from streams.experience.limits_in_force import LimitsInForce
from streams.experience.used_up import UsedUp

EVERY_BRAND = ""
LEVELS_MAX = 16  # units above one another
BRANDS_MAX = 256  # brands whose pack is remembered between look-ups; events may name any


class Shelf:
    """The packs that this process has, by name and version."""

    def __init__(self, packs: tuple[CompiledPack, ...] = ()) -> None:
        self._packs = {(pack.name, pack.version): pack for pack in packs}

    def packs(self) -> list[CompiledPack]:
        """All packs, by name and version."""
        return [self._packs[key] for key in sorted(self._packs)]

    def get(self, name: str, version: str) -> CompiledPack:
        """A pack. Raises Unavailable: the task waits until the worker has it."""
        pack = self._packs.get((name, version))
        if pack is None:
            raise Unavailable(
                f"pack {name} {version} is in force, but this worker does not have it: install it (TOUCHSTONE_CORE_PACKS) and restart",
                retry_after_seconds=10.0,
            )
        return pack


class _InForce(NamedTuple):
    at: int
    written_at: int
    name: str
    version: str


class _UnitAt(NamedTuple):
    at: int
    written_at: int
    control_id: str
    unit: Unit


def first_pack(pack: CompiledPack) -> Control:
    """A pack in force from the beginning, for all brands."""
    in_force = PackInForce(name=pack.name, version=pack.version)
    return Control(control_id=f"pack-{pack.version}", in_force_at=0, written_at=EARLIEST, pack=in_force)


class Controls:
    """What is in force when. Filled by `apply`, in any order; of controls with one `in_force_at` the last written wins."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._packs: dict[str, list[_InForce]] = {}
        self._units: dict[str, list[_UnitAt]] = {}
        self.words = Words()
        self.habits = Habits()
        self.used = UsedUp()
        self.claimants = Claimants()
        self.sufferers = Claimants()  # who has given a signal of dissatisfaction lately
        self.limits = LimitsInForce()
        self._seen: set[str] = set()
        self._found: dict[str | None, tuple[int, int, CompiledPack]] = {}  # by brand: from, until, pack

    def knows(self, control: Control) -> bool:
        """Has this control been folded in already?"""
        return control.control_id in self._seen

    def word(self, control: Control) -> int | None:
        """Takes in a word on a burst of answers, or on an incident. From when on (µs) it is judged otherwise; None: it changes nothing."""
        return None if control.incident is None else self.words.apply(control.brand, control.incident)

    def apply(self, control: Control) -> None:
        """Folds a control in; a repeat changes nothing."""
        if self.knows(control) or (control.pack is None and control.unit is None and control.limit is None):
            return  # incidents steer nothing: remembering each would only grow
        self._seen.add(control.control_id)
        self._found.clear()
        if control.pack is not None:
            entry = _InForce(control.in_force_at, control.written_at, control.pack.name, control.pack.version)
            insort(self._packs.setdefault(control.brand or EVERY_BRAND, []), entry)
        elif control.limit is not None:
            self.limits.add(control, control.limit)
        elif control.unit is not None:
            at = _UnitAt(control.in_force_at, control.written_at, control.control_id, control.unit)
            self._units.setdefault(control.unit.unit_id, []).append(at)
            self._units[control.unit.unit_id].sort(key=lambda entry: entry[:3])

    def pack(self, brand: str | None, at: int) -> CompiledPack:
        """The pack in force for a brand at an instant (µs). Raises Unavailable where none is."""
        known = self._found.get(brand)
        if known is not None and known[0] <= at < known[1]:
            return known[2]
        found = self._find(brand or EVERY_BRAND, at) or self._find(EVERY_BRAND, at)
        if found is None:
            raise Unavailable(
                f"no pack is in force{f' for brand {brand}' if brand else ''}: run `touchstone packs activate NAME`",
                5.0,
            )
        pack = self.shelf.get(found.name, found.version)
        if brand in self._found or len(self._found) < BRANDS_MAX:
            changes = [one.at for name in {brand or EVERY_BRAND, EVERY_BRAND} for one in self._packs.get(name, ())]
            since = max(change for change in changes if change <= at)
            self._found[brand] = (since, min((change for change in changes if change > at), default=LATEST), pack)
        return pack

    def _find(self, brand: str, at: int) -> _InForce | None:
        entries = self._packs.get(brand)
        if not entries:
            return None
        index = bisect_right(entries, at, key=lambda entry: entry.at)
        return entries[index - 1] if index else None

    def unit(self, unit_id: str | None, at: int) -> Unit | None:
        """A unit as it is at an instant (µs)."""
        entries = self._units.get(unit_id or "")
        if not entries:
            return None
        index = bisect_right(entries, at, key=lambda entry: entry.at)
        return entries[index - 1].unit if index else None

    def staff(self, unit_id: str | None, role: str, at: int, above: int = 0) -> Staff | None:
        """Who has a role in a unit or, where nobody has, in the nearest unit above it. `above`: skips so many holders on the
        way up; the highest one has nobody above.
        """
        found = None
        for unit in self._upwards(unit_id, at):
            holders = [one for one in unit.staff if one.role == role]
            if holders:
                found = min(holders, key=lambda one: one.staff_id)
                if above == 0:
                    break
                above -= 1
        return found

    def _upwards(self, unit_id: str | None, at: int) -> Iterator[Unit]:
        """A unit and those above it, the nearest first; each once, also where units name only the next one."""
        waiting, seen = [unit_id], set[str | None]()
        while waiting and len(seen) < LEVELS_MAX:
            name = waiting.pop(0)
            unit = None if name in seen else self.unit(name, at)
            seen.add(name)
            if unit is not None:
                yield unit
                waiting += unit.parents
