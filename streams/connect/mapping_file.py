"""A mapping's YAML in, the mapping out, checked: every mistake is told with line and column before the first row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas.registry import latest
from schemas.validate import known_time_zone
from streams.connect.mapped_row import BY_COLUMN, ENVIRONMENT, FUNCTIONS, ROW, Reading
from streams.connect.mapping import MappedEvent, RowMapping, Taken
from streams.errors import UserError
from streams.experience.conditions import (
    BOOL,
    DOUBLE,
    INT,
    NULLABLE,
    STRING,
    ConditionError,
    Environment,
    Expression,
    Place,
    Scalar,
    Signature,
    Type,
)
from streams.experience.conditions.condition import compile_with_tree
from streams.experience.conditions.errors import nearest
from streams.experience.conditions.typed import Constant, Entry, HasKey, Invoke, Typed, Variable
from streams.experience.yaml_places import Data, Places, YamlError, load

RECORDS: Final = ("touchpoint", "feedback", "customer", "action_update")
_SECTIONS: Final = (
    "mapping",
    "description",
    "time_zone",
    "encoding",
    "empty",
    "decimal_mark",
    "tables",
    "let",
    "set",
    "take",
    "events",
)
_PARTS: Final = ("record", "when", "set", "take")
_DEFAULTED: Final = "event_id"
_KINDS: Final[dict[str, Type[Any]]] = {
    "string": STRING,
    "enum": STRING,
    "long": INT,
    "int": INT,
    "double": DOUBLE,
    "float": DOUBLE,
    "boolean": BOOL,
}
_Path = tuple[str | int, ...]


def read_mapping(path: Path) -> RowMapping:
    """The mapping in a file. Raises UserError with line and column of what is wrong."""
    try:
        data, places = load(path.read_text(encoding="utf-8"), str(path))
        return _Reader(str(path), places).read(data)
    except OSError as error:
        raise UserError(f"--mapping {path}: {error.strerror}", "name a mapping: docs/mapping.md") from None
    except UnicodeDecodeError as error:
        raise UserError(f"--mapping {path}: {error}", "save it as UTF-8") from None
    except (YamlError, ConditionError) as error:
        raise UserError(str(error), "docs/mapping.md has examples") from None


class _Reader:
    """Reads and checks; every error names its place."""

    def __init__(self, file: str, places: Places) -> None:
        self._file = file
        self._places = places
        self._environment = ENVIRONMENT
        self._columns: set[str] = set()

    def read(self, data: Data) -> RowMapping:
        body = self._map(data, (), _SECTIONS)
        mark = body.get("decimal_mark", ".")
        if mark not in (".", ","):
            raise self._wrong(("decimal_mark",), f"{mark!r} is no decimal mark", 'write "," or "."')
        empty = body.get("empty", [])
        if not isinstance(empty, list):
            raise self._wrong(("empty",), "a list is wanted here", "write [NA, NULL]")
        reading = Reading(
            self._zone(body.get("time_zone", "UTC")),
            frozenset("null" if one is None else _scalar(one) for one in empty),
            mark,
            self._tables(body.get("tables", {})),
            self._lets(body.get("let", {})),
        )
        events = body.get("events")
        if not isinstance(events, list) or not events:
            raise self._wrong((), "no events", "events: is a list of what a row gives")
        shared = [({**self._map(body.get(part, {}), (part,), None)}, (part,)) for part in ("set", "take")]
        made = [self._event(one, ("events", number), *shared) for number, one in enumerate(events)]
        encoding = body.get("encoding")
        return RowMapping(made, reading, frozenset(self._columns), None if encoding is None else str(encoding))

    def _zone(self, name: Data) -> ZoneInfo:
        if not isinstance(name, str) or not known_time_zone(name):
            raise self._wrong(("time_zone",), f"{name!r} is no time zone", "write Asia/Shanghai")
        return ZoneInfo(name)

    def _tables(self, data: Data) -> dict[str, dict[str, str]]:
        found = {}
        for name, table in self._map(data, ("tables",), None).items():
            entries = self._map(table, ("tables", name), None)
            for key, value in entries.items():
                if isinstance(value, dict | list):
                    raise self._wrong(("tables", name, key), "a text is wanted here", "write `NAME: text`")
            found[name] = {key: _scalar(value) for key, value in entries.items()}
        return found

    def _lets(self, data: Data) -> dict[str, Expression[Any]]:
        """Each may name those before it."""
        found: dict[str, Expression[Any]] = {}
        for name, text in self._map(data, ("let",), None).items():
            place = self._place(("let", name))
            value, tree = compile_with_tree(str(text), self._environment, place, None)
            if not isinstance(tree.type, Scalar):
                raise self._wrong(("let", name), f"gives a {tree.type}", "name a text, a number or a condition")
            self._columns.update(_columns_of(tree))
            if name in FUNCTIONS:
                raise self._wrong(("let", name), f"{name}() is there already", "take another name")
            try:
                functions = {**self._environment.functions, name: Signature((), tree.type)}
                self._environment = Environment(ROW, functions)
            except ValueError as error:
                raise self._wrong(("let", name), str(error), "take another name") from None
            found[name] = value
        return found

    def _event(self, data: Data, path: _Path, common_set: "_Shared", common_take: "_Shared") -> MappedEvent:
        body = self._map(data, path, _PARTS)
        record = str(body.get("record", "touchpoint"))
        if record not in RECORDS:
            raise self._wrong((*path, "record"), f"no record {record!r}", f"one of {', '.join(RECORDS)}")
        fields = {field["name"]: _branch(field["type"]) for field in latest(record).document["fields"]}
        own_set = self._map(body.get("set", {}), (*path, "set"), None)
        own_take = self._map(body.get("take", {}), (*path, "take"), None)
        given = {**_without(common_set[0], own_take), **own_set}
        for name in given:
            where = (*path, "set", name) if name in own_set else ("set", name)
            if name not in fields:
                raise self._wrong(where, f"a {record} has no field {name!r}", nearest(name, fields))
        taken = [
            self._taken(name, text, fields, where)
            for entries, base in (
                (_without(common_take[0], {**own_set, **own_take}), common_take[1]),
                (own_take, (*path, "take")),
            )
            for name, text in entries.items()
            for where in [(*base, name)]
            if text is not None  # taken from everywhere but here
        ]
        when = body.get("when")
        condition = None if when is None else self._compiled(str(when), (*path, "when"), BOOL)
        there = {name.partition(".")[0] for name in (*given, *(one.path[0] for one in taken))}
        required = tuple(one["name"] for one in latest(record).document["fields"] if "default" not in one)
        needed = [name for name in required if name != _DEFAULTED]
        if missing := [name for name in needed if name not in there]:
            raise self._wrong(path, f"{missing[0]} is missing", f"a {record} needs {', '.join(needed)}")
        return MappedEvent(record, condition, dict(given), taken, required)

    def _taken(self, name: str, text: Data, fields: dict[str, Any], path: _Path) -> Taken:
        kind, money = self._kind(name, fields, path)
        return Taken(tuple(name.split(".", 1)), self._compiled(str(text), path, NULLABLE(kind)), money)

    def _compiled(self, text: str, path: _Path, returns: Type[Any]) -> Expression[Any]:
        expression, tree = compile_with_tree(text, self._environment, self._place(path), returns)
        self._columns.update(_columns_of(tree))
        return expression

    def _kind(self, name: str, fields: dict[str, Any], path: _Path) -> tuple[Type[Any], bool]:
        """What the field's expression has to give."""
        whole, _, inner = name.partition(".")
        kind = fields.get(whole)
        if kind is None:
            raise self._wrong(path, f"no field {whole!r}", nearest(whole, fields))
        shape = kind.get("type") if isinstance(kind, dict) else kind
        if inner and shape == "map":
            return STRING, False
        if isinstance(kind, dict) and kind.get("logicalType") == "decimal":
            return DOUBLE, True
        found = _KINDS.get(str(shape))
        if inner or found is None:
            fix = "write attributes.NAME for an entry of a map; lists stand in set:"
            raise self._wrong(path, f"{name} cannot be taken", fix)
        return found, False

    def _map(self, data: Data, path: _Path, known: tuple[str, ...] | None) -> dict[str, Data]:
        if data is None and path:
            return {}
        if not isinstance(data, dict):
            raise self._wrong(path, "a map is wanted here", "write `name: value`")
        for name in data:
            if known is not None and name not in known:
                raise self._wrong((*path, name), f"unknown {name!r}", f"known are {', '.join(known)}")
        return data

    def _place(self, path: _Path) -> Place:
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, Place(self._file, 1, 1))

    def _wrong(self, path: _Path, what: str, fix: str) -> UserError:
        return UserError(f"{self._place(path)}: {what}", fix)


_Shared = tuple[dict[str, Data], _Path]


def _without(entries: dict[str, Data], others: dict[str, Data]) -> dict[str, Data]:
    return {name: value for name, value in entries.items() if name not in others}


def _columns_of(tree: Typed) -> Iterator[str]:
    """The columns that an expression names."""
    for piece in tree.walk():
        match piece:
            case Entry(of=Variable(name="row"), key=Constant(value=str(name))):
                yield name
            case HasKey(of=Variable(name="row"), key=Constant(value=str(name))):
                yield name
            case Invoke(name=function, arguments=(Constant(value=str(name)), *_)) if function in BY_COLUMN:
                yield name


def _scalar(value: Data) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _branch(kind: Any) -> Any:
    """The type inside a nullable union."""
    return next(item for item in kind if item != "null") if isinstance(kind, list) else kind
