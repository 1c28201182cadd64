"""A pack's text and those of its parents in; one merged document out, with the place of every value.

`inherits: standard` takes over all that the parent has. Maps merge by key, lists and plain values replace, `key: null` removes
(JSON Merge Patch, RFC 7396; but removing what is not there is an error). `pack` and `description` are never taken over.
"""

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Final, NamedTuple

from streams.experience.place import Place, PlacedError
from streams.experience.yaml_places import Data, Path, Places, YamlError, load

INHERITS: Final = "inherits"
GENERATIONS_MAX: Final = 8
_OWN: Final = ("pack", "description", INHERITS)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Source(NamedTuple):
    """A pack's text and its file."""

    text: str
    file: str


# Name of a parent, files that are read already (none is read twice: no circles) → its source; None: there is none.
Parents = Callable[[str, tuple[str, ...]], Source | None]


class InheritError(PlacedError):
    """What a pack says about its parent cannot be."""


class Replaced(NamedTuple):
    """What a parent had where a child says something else. `value` of a map or list: the whole."""

    place: Place
    value: Data


class Inherited(NamedTuple):
    """A merged pack. `origins`: file → name of the pack, the pack itself first, then its parents, the nearest first.

    `replaced`: path → what parents had there, the nearest first. `removed`: path → where it is removed, and what it was.
    """

    data: Data
    places: Places
    origins: dict[str, str]
    replaced: dict[Path, list[Replaced]]
    removed: dict[Path, tuple[Place, Replaced]]


def no_parents(_: str, __: tuple[str, ...]) -> None:
    """For packs that stand alone."""


def inherit(source: Source, parents: Parents, read: tuple[str, ...] = ()) -> Inherited:
    """The pack with all that it takes over. Raises YamlError, InheritError."""
    data, places = load(source.text, source.file)
    read = (*read, source.file)
    if not isinstance(data, dict) or INHERITS not in data:
        return Inherited(data, places, {source.file: _name(data)}, {}, {})
    parent = _parent(data[INHERITS], places[INHERITS,], parents, read)
    above = inherit(parent, parents, read)
    if not isinstance(above.data, dict):
        raise YamlError(Place(parent.file, 1, 1), "no pack to inherit from", "a pack is a map: `pack: NAME` and so on")
    known = above.origins | {parent.file: str(data[INHERITS])}
    merging = _Merging(above, known[parent.file])
    base = {key: value for key, value in above.data.items() if key not in _OWN}
    child = {key: value for key, value in data.items() if key != INHERITS}
    merging.take(above.places, base, ())
    merged = merging.maps(base, child, places, ())
    merged = {key: merged[key] for key in (*_OWN, *merged) if key in merged}
    merging.places[()] = places[()]
    origins = {source.file: _name(data)} | {parent.file: known.pop(parent.file)} | known
    return Inherited(merged, merging.places, origins, merging.replaced, merging.removed)


def _name(data: Data) -> str:
    return str(data.get("pack", "")) if isinstance(data, dict) else ""


def _parent(name: Data, place: Place, parents: Parents, read: tuple[str, ...]) -> Source:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InheritError(place, f"{name!r} is no name of a pack", "write the parent's name: inherits: standard")
    if len(read) > GENERATIONS_MAX:
        raise InheritError(place, f"more than {GENERATIONS_MAX} generations of packs", "inherit from one further up")
    found = parents(name, read)
    if found is None:
        raise InheritError(
            place,
            f"no other pack {name!r} to inherit from",
            f"it is looked for as {name}.yaml beside this file, in TOUCHSTONE_CORE_PACKS and among the built-in packs",
        )
    return found


class _Merging:
    """Collects places, and what was replaced and removed."""

    def __init__(self, above: Inherited, parent: str) -> None:
        self.parent = parent
        self.places = Places()
        self.replaced = {path: list(earlier) for path, earlier in above.replaced.items()}
        self.removed = dict(above.removed)

    def take(self, places: Places, value: Data, path: Path) -> None:
        """The places of a value and of all in it."""
        for at in _paths(value, path):
            self.places[at] = places[at]
            if at in places.keys_at:
                self.places.keys_at[at] = places.keys_at[at]

    def drop(self, value: Data, path: Path) -> None:
        """What was at a path is no longer so."""
        for at in _paths(value, path):
            self.places.pop(at, None)
            self.places.keys_at.pop(at, None)
            self.replaced.pop(at, None)

    def maps(self, base: dict[str, Data], child: dict[str, Data], places: Places, path: Path) -> dict[str, Data]:
        """The child's map over that of its parent."""
        merged = dict(base)
        for key, value in child.items():
            at = (*path, key)
            if value is None:
                self.remove(merged, key, places, at)
                continue
            was = base.get(key)
            if isinstance(value, dict) and isinstance(was, dict):
                merged[key] = self.maps(was, value, places, at)
                self.places[at], self.places.keys_at[at] = places[at], places.keys_at[at]
                continue
            earlier = [Replaced(self.places[at], was), *self.replaced.get(at, ())] if key in base else []
            self.drop(was, at)
            self.take(places, value, at)
            merged[key] = value
            if earlier:
                self.replaced[at] = earlier
            self.removed.pop(at, None)
        return merged

    def remove(self, merged: dict[str, Data], key: str, places: Places, at: Path) -> None:
        """`key: null`."""
        if key not in merged:
            near = get_close_matches(key, list(merged), 1)
            fix = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(merged) or 'nothing'}"
            raise InheritError(
                places.keys_at[at], f"`{key}: null` removes what {self.parent!r} does not have here", fix
            )
        was = merged.pop(key)
        self.removed[at] = (places[at], Replaced(self.places[at], was))
        self.drop(was, at)


def _paths(value: Data, path: Path) -> Iterator[Path]:
    """The paths of a value and of all in it."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from _paths(item, (*path, step))
