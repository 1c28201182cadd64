"""The schema that messages were written with → a function from their bytes to our struct, resolved to our newest version.

Written out as a straight line of Python: fastavro asks a file object for each byte and takes more than twice as long.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from schemas.compiled import Source
from schemas.primitives import READERS
from schemas.shapes import PROMOTIONS, Names, bare, least_bytes, named_types, resolved

Decode = Callable[[bytes, int], tuple[Any, int]]  # payload, start → value, end

# The continuation bits of an eight-byte varint, subtracted at once.
_CONTINUED: Final = sum(0x80 << (7 * index) for index in range(7))
_SYMBOLS_MAX: Final = 64  # that many have numbers of one byte


class Unresolvable(ValueError):
    """The writer's schema cannot be read as ours."""


def decoder(writer: Any, reader: Any, structs: Mapping[str, type]) -> Decode:
    """`structs`: record name of the reader → struct. Raises Unresolvable."""
    return _Decoder(named_types(writer), named_types(reader), structs).record(writer, reader)


class _Decoder:
    def __init__(self, writer_names: Names, reader_names: Names, structs: Mapping[str, type]) -> None:
        self._writer_names = writer_names
        self._reader_names = reader_names
        self._structs = structs
        self._records: dict[tuple[str, bool], Decode] = {}

    def record(self, writer: Any, reader: Any) -> Decode:
        """The function for a record; `reader` None: it is skipped, the value is None."""
        key = (bare(writer["name"]), reader is None)
        if key not in self._records:
            self._records[key] = self._compile(writer, reader)
        return self._records[key]

    def _compile(self, writer: Any, reader: Any) -> Decode:
        name = bare(writer["name"])
        source = Source(f"{name} decoder", "def decode(d, p):", READERS)
        ours = {} if reader is None else {field["name"]: field for field in reader["fields"]}
        given = {}
        following = least_bytes(writer, self._writer_names)
        for field in writer["fields"]:
            source.about(field["name"])
            following -= least_bytes(field["type"], self._writer_names)
            target = source.variable()
            wanted = ours.pop(field["name"], None)
            if wanted is not None:
                given[field["name"]] = target
            self._value(source, target, field["type"], wanted and wanted["type"], following)
        source.about("")
        missing = [field for field, wanted in ours.items() if "default" not in wanted]
        if missing:
            raise Unresolvable(f"{name} lacks {', '.join(missing)}")
        if reader is None:
            source.add("return None, p")
        else:
            struct = source.object(self._structs[bare(reader["name"])])
            source.add(f"return {struct}({', '.join(f'{field}={target}' for field, target in given.items())}), p")
        return source.compile("decode")

    def _value(self, source: Source, target: str, writer: Any, reader: Any, following: int) -> None:
        """Code that reads a value of the writer's type into `target` and discards it when `reader` is None.

        At least `following` bytes come after it in a message that is not cut.
        """
        writer = resolved(writer, self._writer_names)
        reader = None if reader is None else resolved(reader, self._reader_names)
        if isinstance(writer, list):
            return self._union(source, target, writer, reader, following)
        if isinstance(reader, list):
            reader = self._branch(writer, reader)
        kind = writer["type"]
        if reader is not None and kind != reader["type"] and (kind, reader["type"]) not in PROMOTIONS:
            raise Unresolvable(f"{kind} is not {reader['type']}")
        if kind == "record":
            function = source.object(self.record(writer, reader))
            source.add(f"{target}, p = {function}(d, p)")
        elif kind == "enum":
            source.add(f"{target} = {source.object(_symbols(writer, reader))}[d[p]]", "p += 1")
        elif kind == "array":
            self._array(source, target, writer, reader)
        elif kind == "map":
            self._map(source, target, writer, reader)
        elif kind in ("string", "bytes"):
            _text(source, target, writer, kind if reader is None else reader["type"])
        else:
            _number(source, target, writer, following)
            if reader is not None and kind in ("int", "long") and reader["type"] in ("float", "double"):
                source.add(f"{target} = float({target})")
        return None

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

    def _union(self, source: Source, target: str, writer: list[Any], reader: Any, following: int) -> None:
        if len(writer) > _SYMBOLS_MAX:
            raise Unresolvable(f"a union of more than {_SYMBOLS_MAX} types")
        source.add("n = d[p]", "p += 1")
        for index, branch in enumerate(writer):
            with source.inside(f"{'if' if index == 0 else 'elif'} n == {2 * index}:"):
                if resolved(branch, self._writer_names)["type"] != "null":
                    self._value(source, target, branch, reader, following)
                elif reader is None or (isinstance(reader, list) and "null" in reader):
                    source.add(f"{target} = None")
                else:
                    source.add("raise ValueError('null')")
        with source.inside("else:"):
            source.add("raise ValueError(f'no branch {n} of a union')")

    def _array(self, source: Source, target: str, writer: Any, reader: Any) -> None:
        item, count = source.variable(), source.variable()
        source.add(f"{target} = []")
        _block(source, count)
        with source.inside(f"while {count}:"):
            with source.inside(f"for _ in range({count}):"):
                self._value(source, item, writer["items"], reader and reader["items"], 0)
                source.add(f"{target}.append({item})")
            _block(source, count)

    def _map(self, source: Source, target: str, writer: Any, reader: Any) -> None:
        name, value, count = source.variable(), source.variable(), source.variable()
        source.add(f"{target} = {{}}")
        _block(source, count)
        with source.inside(f"while {count}:"):
            with source.inside(f"for _ in range({count}):"):
                _text(source, name, {"type": "string"}, "string")
                self._value(source, value, writer["values"], reader and reader["values"], 0)
                source.add(f"{target}[{name}] = {value}")
            _block(source, count)


def _symbols(writer: Any, reader: Any) -> dict[int, str]:
    """Byte of a symbol → symbol. One that we do not know is our default."""
    if len(writer["symbols"]) > _SYMBOLS_MAX:
        raise Unresolvable(f"{writer['name']} has more than {_SYMBOLS_MAX} symbols")
    known = writer["symbols"] if reader is None else reader["symbols"]
    default = None if reader is None else reader.get("default")
    table = {2 * index: symbol if symbol in known else default for index, symbol in enumerate(writer["symbols"])}
    return {byte: symbol for byte, symbol in table.items() if symbol is not None}


def _block(source: Source, count: str) -> None:
    source.add("n = d[p]")
    with source.inside("if n & 129:"):  # more than 63 items, or a size in bytes follows
        source.add(f"{count}, p = read_block(d, p)")
    with source.inside("else:"):
        source.add(f"{count} = n >> 1", "p += 1")


def _text(source: Source, target: str, writer: Any, wanted: str) -> None:
    source.add("n = d[p]")
    with source.inside("if n & 129:"):  # longer than 63 bytes, or negative
        source.add("n, p = read_length(d, p)", "q = p + n")
    with source.inside("else:"):
        source.add("p += 1", "q = p + (n >> 1)")
    if wanted == "string":
        source.add(f"{target} = d[p:q].decode()")
    elif writer.get("logicalType") == "decimal":
        quantum = source.object(Decimal(1).scaleb(-int(writer.get("scale", 0))))
        source.add(f"{target} = multiply(read_unscaled(d, p, q), {quantum})")
    else:
        source.add(f"{target} = d[p:q]")
    source.add("p = q")


def _number(source: Source, target: str, writer: Any, following: int) -> None:
    kind = writer["type"]
    if kind == "long" and following >= 7:
        _instant(source, target)
    elif kind in ("int", "long"):
        source.add(f"{target}, p = read_{kind}(d, p)")
    elif kind in ("float", "double"):
        source.add(f"({target},) = read_{kind}(d, p)", f"p += {8 if kind == 'double' else 4}")
    elif kind == "boolean":
        source.add(f"{target} = BOOLEANS[d[p]]", "p += 1")
    elif kind == "fixed":
        source.add(f"{target} = None", f"p += {int(writer['size'])}")
    elif kind == "null":
        source.add(f"{target} = None")
    else:
        raise Unresolvable(f"{kind} is no type that can be read")


def _instant(source: Source, target: str) -> None:
    """Eight bytes, which an instant of these centuries in µs takes, are read at once: so many follow in any case."""
    source.add("b0, b1, b2, b3, b4, b5, b6, b7 = read_eight(d, p)")
    with source.inside("if b7 < 128 <= b0 & b1 & b2 & b3 & b4 & b5 & b6:"):
        source.add(
            "n = b0 + (b1 << 7) + (b2 << 14) + (b3 << 21)"
            f" + ((b4 + (b5 << 7) + (b6 << 14) + (b7 << 21)) << 28) - {_CONTINUED}",
            f"{target} = (n >> 1) ^ -(n & 1)",
            "p += 8",
        )
    with source.inside("else:"):
        source.add(f"{target}, p = read_long(d, p)")
