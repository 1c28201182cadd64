"""YAML text in; plain data out, with the place of every value and key, so that an error about a pack can name line and column.

Scalars follow YAML 1.2's core schema (`21:00`, `no` and `2026-10-18` are text), not PyYAML's 1.1. Limits on size, depth and expanded
aliases hold while reading; nothing but maps, lists, text, numbers, booleans and null can come out.
"""

import math
import re
from collections.abc import Iterator
from typing import TypeAlias

import yaml

from streams.experience.place import Place, PlacedError
from streams.experience.yaml_text import text_marks

Data: TypeAlias = "bool | int | float | str | list[Data] | dict[str, Data] | None"
Path: TypeAlias = tuple[str | int, ...]

MAX_CHARACTERS = 1_048_576  # a pack of a thousand rules has a tenth of it
MAX_DEPTH = 32  # nested lists and maps
MAX_VALUES = 100_000  # with every alias counted as what it stands for
# libyaml where the wheel has it: ten times faster.
LOADERS = (getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.SafeLoader)

_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class YamlError(PlacedError):
    """The file is not YAML that we take."""


class Places(dict[Path, Place]):
    """Path of a value (keys and list positions from the root) → place of the value. `keys_at`: of a map's entry, the place of its key."""

    def __init__(self) -> None:
        super().__init__()
        self.keys_at: dict[Path, Place] = {}


def load(text: str, file: str, loader: type = LOADERS[0]) -> tuple[Data, Places]:
    """The one document in `text`; `file` is the name for errors. Raises YamlError."""
    if len(text) > MAX_CHARACTERS:
        raise YamlError(
            Place(file, 1, 1), f"{len(text)} characters, {MAX_CHARACTERS} are allowed", "split it into several files"
        )
    try:
        return _Reader(text, file, yaml.parse(text, Loader=loader)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(place, f"not valid YAML: {what}", "check indentation, quotes and brackets here") from error
    except yaml.reader.ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        place = Place(file, 1, 1).within(text, position)
        raise YamlError(place, f"not valid YAML: {error.reason}", "remove the character") from error


class _Reader:
    """Builds data from the parser's events: no recursion in foreign code, limits counted on the way."""

    def __init__(self, text: str, file: str, events: Iterator[yaml.Event]) -> None:
        self.text, self.file, self.events = text, file, events
        self.places = Places()
        self.anchors: dict[str, tuple[Data, Path]] = {}
        self.open_anchors: set[str] = set()
        self.values = 0

    def document(self) -> tuple[Data, Places]:
        data: Data = None
        self.places[()] = Place(self.file, 1, 1)
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.error(event, "a second document", "remove the line `---`, or use a file of its own")
            elif isinstance(event, yaml.NodeEvent):
                data = self.value(event, ())
        return data, self.places

    def error(self, event: yaml.Event, what: str, fix: str) -> YamlError:
        return YamlError(self.place(event), what, fix)

    def place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file, 1, 1)

    def value(self, event: yaml.Event, path: Path) -> Data:
        self.count(event, 1)
        if len(path) > MAX_DEPTH:
            raise self.error(event, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, path)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if event.tag is not None and event.tag != "!":
            raise self.error(event, f"the tag {event.tag}", "write the value without a tag")
        anchor: str | None = event.anchor
        if anchor is not None:
            self.open_anchors.add(anchor)
        self.places[path] = self.place(event)
        data: Data
        if isinstance(event, yaml.ScalarEvent):
            data = self.scalar(event, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            data = self.sequence(path)
        else:
            data = self.mapping(path)
        if anchor is not None:
            self.open_anchors.discard(anchor)
            self.anchors[anchor] = (data, path)
        return data

    def count(self, event: yaml.Event, values: int) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            raise self.error(event, f"more than {MAX_VALUES} values, aliases expanded", "use fewer aliases (`*name`)")

    def alias(self, event: yaml.AliasEvent, path: Path) -> Data:
        if event.anchor in self.open_anchors:
            raise self.error(event, f"the alias *{event.anchor} stands inside of its own anchor", "write it out")
        if event.anchor not in self.anchors:
            raise self.error(event, f"the alias *{event.anchor} has no anchor before it", f"define &{event.anchor}")
        data, source = self.anchors[event.anchor]
        if len(path) + _depth(data) > MAX_DEPTH:
            raise self.error(event, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        self.count(event, _size(data))
        return self.copy(data, source, path)

    def copy(self, data: Data, source: Path, path: Path) -> Data:
        """The anchor's value again; its errors point at where it is written."""
        self.places[path] = self.places[source]
        if source in self.places.keys_at:
            self.places.keys_at.setdefault(path, self.places.keys_at[source])
        if isinstance(data, list):
            return [self.copy(item, (*source, i), (*path, i)) for i, item in enumerate(data)]
        if isinstance(data, dict):
            return {key: self.copy(item, (*source, key), (*path, key)) for key, item in data.items()}
        return data

    def sequence(self, path: Path) -> list[Data]:
        items: list[Data] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, (*path, len(items))))
        return items

    def mapping(self, path: Path) -> dict[str, Data]:
        entries: dict[str, Data] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event)
            at = (*path, key)
            if key in entries:
                first = self.places.keys_at[at]
                what = f"the key `{key}` stands twice, first in line {first.line}"
                raise self.error(event, what, f"remove line {first.line} or line {self.place(event).line}")
            self.places.keys_at[at] = self.place(event)
            entries[key] = self.value(next(self.events), at)
        return entries

    def key(self, event: yaml.Event) -> str:
        if not isinstance(event, yaml.ScalarEvent) or (event.tag is not None and event.tag != "!"):
            raise self.error(event, "a key that is not plain text", "write a name, a colon and the value")
        if event.value == "<<" and not event.style:
            raise self.error(event, "a merge key `<<`", "write the entries out")
        if not isinstance(self.plain(event), str):
            raise self.error(event, f"the key {event.value} is not text", f'put it in quotes: "{event.value}"')
        return str(event.value)

    def scalar(self, event: yaml.ScalarEvent, path: Path) -> Data:
        data = self.plain(event)
        if isinstance(data, str):
            marks = text_marks(self.text, event)
            self.places[path] = Place(self.file, *marks[0][1:], marks=marks) if marks else self.places[path]
        return data

    def plain(self, event: yaml.ScalarEvent) -> bool | int | float | str | None:
        value: str = event.value
        if event.style or event.tag == "!":
            return value
        if value in _WORDS:
            return _WORDS[value]
        if _NOT_FINITE.match(value):
            raise self.error(event, f"the number {value}", "write a finite number, or quote it")
        if _INT.match(value):
            if len(value) > 20 or not -(2**63) <= int(value) < 2**63:
                raise self.error(
                    event, f"the number {value[:30]} does not fit 64 bits", "write a smaller one, or quote it"
                )
            return int(value)
        if _FLOAT.match(value):
            number = float(value)
            if math.isinf(number):
                raise self.error(event, f"the number {value} is too large", "write a smaller one, or quote it")
            return number
        return value


def _size(data: Data) -> int:
    items = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return 1 + sum(_size(item) for item in items)


def _depth(data: Data) -> int:
    items = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return 1 + max((_depth(item) for item in items), default=-1) if isinstance(data, dict | list) else 0
