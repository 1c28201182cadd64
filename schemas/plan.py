"""The schema that messages were written with, and ours → a plan: what stands where in the bytes, and what becomes of it.

The plan is plain tuples, resolved and checked. decoder.py makes Python of it, native.c walks it, to write too.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from schemas.shapes import PROMOTIONS, Names, bare, least_bytes, named_types, resolved

SYMBOLS_MAX: Final = 64  # that many have numbers of one byte

Kind = Literal[
    "null", "refused", "boolean", "int", "long", "int_as_float", "long_as_float", "float", "double",
    "text", "raw", "amount", "fixed", "enum", "union", "array", "map", "record",
]  # fmt: skip


class Unresolvable(ValueError):
    """The writer's schema cannot be read as ours."""


class Plan(NamedTuple):
    """How to read one value.

    `detail` by kind: amount: the value of its last digit; fixed: its bytes; enum: a symbol a number, None for one that is refused;
    union: a plan a branch; array and map: a plan of the items; record: a `Record`. Refused: a null that is none of ours.
    """

    kind: Kind
    detail: Any = None


class Slot(NamedTuple):
    """A field of the writer. `wanted`: ours has it, too. At least `following` bytes come after it in a message that is not cut."""

    name: str
    plan: Plan
    wanted: bool
    following: int


class Record(NamedTuple):
    """A record's fields in the writer's order. `struct` None: it is read and dropped, the value is None."""

    name: str
    struct: type | None
    slots: tuple[Slot, ...]


def plan(writer: Any, reader: Any, structs: Mapping[str, type]) -> Plan:
    """`structs`: record name of the reader → struct. `reader` None: what there is, without structs. Raises Unresolvable."""
    return _Planner(named_types(writer), named_types(reader), structs).record(writer, reader)


class _Planner:
    def __init__(self, writer_names: Names, reader_names: Names, structs: Mapping[str, type]) -> None:
        self._writer_names = writer_names
        self._reader_names = reader_names
        self._structs = structs
        self._records: dict[tuple[str, bool], Plan] = {}

    def record(self, writer: Any, reader: Any) -> Plan:
        key = (bare(writer["name"]), reader is None)
        if key not in self._records:
            self._records[key] = self._record(writer, reader)
        return self._records[key]

    def _record(self, writer: Any, reader: Any) -> Plan:
        name = bare(writer["name"])
        ours = {} if reader is None else {field["name"]: field for field in reader["fields"]}
        slots = []
        following = least_bytes(writer, self._writer_names)
        for field in writer["fields"]:
            following -= least_bytes(field["type"], self._writer_names)
            wanted = ours.pop(field["name"], None)
            value = self._value(field["type"], wanted and wanted["type"])
            slots.append(Slot(field["name"], value, wanted is not None, following))
        missing = [field for field, wanted in ours.items() if "default" not in wanted]
        if missing:
            raise Unresolvable(f"{name} lacks {', '.join(missing)}")
        struct = None if reader is None else self._structs[bare(reader["name"])]
        return Plan("record", Record(name, struct, tuple(slots)))

    def _value(self, writer: Any, reader: Any) -> Plan:
        """`reader` None: the value is read and dropped."""
        writer = resolved(writer, self._writer_names)
        reader = None if reader is None else resolved(reader, self._reader_names)
        if isinstance(writer, list):
            return self._union(writer, reader)
        if isinstance(reader, list):
            reader = self._branch(writer, reader)
        kind = writer["type"]
        if reader is not None and kind != reader["type"] and (kind, reader["type"]) not in PROMOTIONS:
            raise Unresolvable(f"{kind} is not {reader['type']}")
        if kind == "record":
            return self.record(writer, reader)
        if kind == "enum":
            return Plan("enum", _symbols(writer, reader))
        if kind == "array":
            return Plan("array", self._value(writer["items"], reader and reader["items"]))
        if kind == "map":
            return Plan("map", self._value(writer["values"], reader and reader["values"]))
        return _plain(writer, kind if reader is None else reader["type"])

    def _branch(self, writer: Any, reader: list[Any]) -> Any:
        """The first branch of the reader's union that can hold the writer's type."""
        branches = [resolved(branch, self._reader_names) for branch in reader]
        for branch in branches:
            if branch["type"] == writer["type"]:
                return branch
        for branch in branches:
            if (writer["type"], branch["type"]) in PROMOTIONS:
                return branch
        raise Unresolvable(f"{writer['type']} is none of {', '.join(branch['type'] for branch in branches)}")

    def _union(self, writer: list[Any], reader: Any) -> Plan:
        if len(writer) > SYMBOLS_MAX:
            raise Unresolvable(f"a union of more than {SYMBOLS_MAX} types")
        nullable = reader is None or (isinstance(reader, list) and "null" in reader)
        branches = []
        for branch in writer:
            if resolved(branch, self._writer_names)["type"] != "null":
                branches.append(self._value(branch, reader))
            else:
                branches.append(Plan("null" if nullable else "refused"))
        return Plan("union", tuple(branches))


def _plain(writer: Any, wanted: str) -> Plan:
    """A type without parts."""
    kind = writer["type"]
    if kind in ("string", "bytes"):
        if wanted == "string":
            return Plan("text")
        if writer.get("logicalType") == "decimal":
            return Plan("amount", Decimal(1).scaleb(-int(writer.get("scale", 0))))
        return Plan("raw")
    if kind in ("int", "long") and wanted in ("float", "double"):
        return Plan(f"{kind}_as_float")  # type: ignore[arg-type]  # two of its kinds
    if kind == "fixed":
        return Plan("fixed", int(writer["size"]))
    if kind in ("null", "boolean", "int", "long", "float", "double"):
        return Plan(kind)
    raise Unresolvable(f"{kind} is no type that can be read")


def _symbols(writer: Any, reader: Any) -> tuple[str | None, ...]:
    """Symbol by number. One that we do not know is our default."""
    if len(writer["symbols"]) > SYMBOLS_MAX:
        raise Unresolvable(f"{writer['name']} has more than {SYMBOLS_MAX} symbols")
    known = writer["symbols"] if reader is None else reader["symbols"]
    default = None if reader is None else reader.get("default")
    return tuple(symbol if symbol in known else default for symbol in writer["symbols"])
