"""Which units somebody sees: a unit with everything below it, or all. The parameters go into every query."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.controls import Unit


class Scope(NamedTuple):
    """`root` empty: everything. A row without a unit is nobody's, and seen by those who see everything."""

    root: str = ""

    @property
    def whole(self) -> bool:
        """Everything?"""
        return not self.root

    def units(self, known: Iterable[Unit]) -> tuple[str, ...]:
        """The root and every unit that names it as a parent; never empty, so that it can stand in an IN."""
        if self.whole:
            return ("",)
        below = {unit.unit_id for unit in known if self.root in unit.parents}
        return tuple(sorted({self.root, *below}))

    def parameters(self, known: Mapping[str, Unit]) -> dict[str, object]:
        """`whole` and `units` of the conditions in sql/*.sql."""
        return {"whole": int(self.whole), "units": self.units(known.values())}

    def covers(self, unit: str | None, known: Mapping[str, Unit]) -> bool:
        """Is a row of that unit hers to see?"""
        return self.whole or (unit is not None and unit in self.units(known.values()))
