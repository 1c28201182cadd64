"""A merged pack in; out comes what it holds and where each value stands: for a person, for a machine, or as one YAML file."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import yaml

from streams.errors import UserError
from streams.experience.pack_inherit import Inherited, Replaced
from streams.experience.place import Place
from streams.experience.yaml_places import Data, Path

Json = dict[str, object]


class Line(NamedTuple):
    """One line of the merged pack. `place` None: a map's name; its values have places of their own."""

    origin: str
    text: str
    inherited: bool
    place: Place | None


def section(merged: Inherited, dotted: str | None) -> Path:
    """`signals.low_score` as a path into the pack. Raises UserError."""
    path: Path = tuple(dotted.split(".")) if dotted else ()
    value = merged.data
    for depth, step in enumerate(path):
        if not isinstance(value, dict) or step not in value:
            there = ", ".join(value) if isinstance(value, dict) else "nothing further inside"
            above = ".".join(map(str, path[:depth])) or "the pack"
            raise UserError(f"no {dotted!r} in this pack", f"{above} has {there}")
        value = value[str(step)]
    return path


def leaves(merged: Inherited, path: Path = ()) -> Iterator[tuple[Path, Data]]:
    """Every value: text, numbers, lists, empty maps."""
    value = at(merged.data, path)
    if isinstance(value, dict) and value:
        for key in value:
            yield from leaves(merged, (*path, key))
    else:
        yield path, value


def at(data: Data, path: Path) -> Data:
    """What stands at a path."""
    for step in path:
        assert isinstance(data, dict)
        data = data[str(step)]
    return data


def document(merged: Inherited, path: Path, name: str, version: str) -> Json:
    """For a machine: every value with the pack, file and line that it comes from, and what it replaces."""
    own, *above = merged.origins
    return {
        "name": name,
        "version": version,
        "file": own,
        "inherits": [{"name": merged.origins[file], "file": file} for file in above],
        "values": [
            {
                "path": ".".join(map(str, leaf)),
                "value": value,
                **_origin(merged, merged.places[leaf]),
                **({"replaces": [_replaced(merged, one) for one in earlier]} if earlier else {}),
            }
            for leaf, value in leaves(merged, path)
            for earlier in [merged.replaced.get(leaf, [])]
        ],
        "removed": [
            {"path": ".".join(map(str, gone)), **_origin(merged, place), "was": _replaced(merged, was)}
            for gone, (place, was) in merged.removed.items()
            if gone[: len(path)] == path
        ],
    }


def _origin(merged: Inherited, place: Place) -> Json:
    return {"pack": merged.origins[place.file], "file": place.file, "line": place.line, "column": place.column}


def _replaced(merged: Inherited, one: Replaced) -> Json:
    return {"value": one.value, **_origin(merged, one.place)}


def lines(merged: Inherited, path: Path) -> Iterator[Line]:
    """For a person: the pack as YAML, each value with the pack and line that it comes from."""
    own = next(iter(merged.origins))
    open_maps: Path = ()
    for leaf, value in leaves(merged, path):
        for depth in range(_shared(open_maps, leaf), len(leaf) - 1):
            yield Line("", f"{'  ' * depth}{leaf[depth]}:", False, None)
        open_maps = leaf[:-1]
        place = merged.places[leaf]
        told = f"{'  ' * (len(leaf) - 1)}{leaf[-1]}: {written(value)}" if leaf else written(value)
        for one in merged.replaced.get(leaf, [])[:1]:
            told += f"  # instead of {written(one.value)} ({where(merged, one.place)})"
        yield Line(where(merged, place), told, place.file != own, place)
    for gone, (place, was) in merged.removed.items():
        if gone[: len(path)] == path:
            told = f"# removed: {'.'.join(map(str, gone))} ({where(merged, was.place)})"
            yield Line(where(merged, place), told, False, place)


def where(merged: Inherited, place: Place) -> str:
    """`standard:41`."""
    return f"{merged.origins[place.file]}:{place.line}"


def _shared(one: Path, other: Path) -> int:
    return next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(map(len, (one, other)))
    )


_SHORT: Final = 80  # characters of a map or list on one line


class _Dumper(yaml.SafeDumper):
    """Writes what `yaml_places` reads: text that YAML 1.2 would take for something else is quoted."""

    yaml_implicit_resolvers: Final = {}  # type: ignore[misc]  # of this class alone: the parent has its own


for _tag, _pattern in (
    ("null", r"~|null|Null|NULL|"),
    ("bool", r"true|True|TRUE|false|False|FALSE"),
    ("int", r"[-+]?[0-9]+"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
    ("merge", "<<"),
):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), None)


def one_file(merged: Inherited, path: Path = ()) -> str:
    """The merged pack as one YAML file without a parent: the same version."""
    return _dump(at(merged.data, path), flow=False)


def written(value: Data) -> str:
    """A value on one line, as YAML."""
    return _dump(value, flow=True).removesuffix("...\n").strip()


def _short(dumper: _Dumper, value: dict[str, Data] | list[Data]) -> yaml.Node:
    """A small map or list stands on one line: `{most: 1, per_seconds: 86400}`."""
    node = (
        dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=None)
        if isinstance(value, dict)
        else dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=None)
    )
    inner = value.values() if isinstance(value, dict) else value
    if not any(isinstance(one, dict | list) for one in inner) and len(str(value)) <= _SHORT:
        node.flow_style = True
    return node


_Dumper.add_representer(dict, _short)
_Dumper.add_representer(list, _short)


def _dump(value: Data, *, flow: bool) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31 - 1, default_flow_style=flow
    )
    return text
