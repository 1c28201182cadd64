"""How many bytes a column of a native block takes: type name → a function that skips over `rows` values.

Blocks carry no length, so their end is found by walking over the columns; no value becomes a Python object.
"""

from collections.abc import Callable
from functools import lru_cache

from .errors import INCORRECT_DATA, UNSUPPORTED, ClickHouseError, ProtocolError, protocol_error
from .wire import Reader

Skip = Callable[[Reader, int], None]

_FIXED_BYTES = {
    **{f"{sign}Int{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)},
    **{"Bool": 1, "Date": 2, "Date32": 4, "DateTime": 4, "DateTime64": 8, "Time": 4, "Time64": 8},
    **{"Float32": 4, "Float64": 8, "BFloat16": 2, "Enum8": 1, "Enum16": 2, "UUID": 16, "IPv4": 4, "IPv6": 16},
    **{"Decimal32": 4, "Decimal64": 8, "Decimal128": 16, "Decimal256": 32, "Nothing": 1},
}
_DECIMAL_BYTES = ((9, 4), (18, 8), (38, 16), (76, 32))  # precision up to → bytes
_ALIASES = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Tuple(Float64, Float64))",
    "LineString": "Array(Tuple(Float64, Float64))",
    "Polygon": "Array(Array(Tuple(Float64, Float64)))",
    "MultiLineString": "Array(Array(Tuple(Float64, Float64)))",
    "MultiPolygon": "Array(Array(Array(Tuple(Float64, Float64))))",
}
_MAX_DEPTH = 32
_RUN = 128  # strings
_MAX_TYPE_CHARACTERS = 100_000


def skip_column(reader: Reader, type_name: str, rows: int) -> None:
    """Move `reader` over the prefix and the values of one column."""
    if "JSON" in type_name:
        from .json_columns import skip_json_column  # loads clickhouse-driver, for which few servers have a use

        skip_json_column(reader, type_name, rows)
        return
    low_cardinalities, skip = _plan(type_name)
    reader.position += 8 * low_cardinalities  # each writes its dictionary's version before all values
    reader.require(reader.position)
    skip(reader, rows)


def check_readable(type_name: str) -> None:
    """Raises UNSUPPORTED for a type whose values cannot be sent, before a client sends them."""
    if "JSON" not in type_name:
        try:
            _plan(type_name)
        except ProtocolError as problem:
            raise ClickHouseError(problem.code, problem.message) from None


@lru_cache(maxsize=256)
def _plan(type_name: str) -> tuple[int, Skip]:
    if len(type_name) > _MAX_TYPE_CHARACTERS:
        raise protocol_error(INCORRECT_DATA, "A type name of more than 100,000 characters")
    return _build(type_name, 0)


def _build(type_name: str, depth: int) -> tuple[int, Skip]:
    """(how many LowCardinality it contains, its skip)."""
    if depth > _MAX_DEPTH:
        raise protocol_error(INCORRECT_DATA, "Types are nested too deeply")
    type_name = _ALIASES.get(type_name, type_name)
    name, arguments = split_type(type_name)
    if name == "String":
        return 0, _skip_strings
    if name in _FIXED_BYTES or name.startswith("Interval"):
        return 0, _fixed(_FIXED_BYTES.get(name, 8))
    if name == "FixedString" and arguments:
        return 0, _fixed(_integer(arguments[0]))
    if name == "Decimal" and arguments:
        precision = _integer(arguments[0])
        return 0, _fixed(next((size for limit, size in _DECIMAL_BYTES if precision <= limit), 32))
    return _build_compound(type_name, name, arguments, depth)


def _build_compound(type_name: str, name: str, arguments: list[str], depth: int) -> tuple[int, Skip]:
    if name == "SimpleAggregateFunction" and len(arguments) > 1:
        return _build(arguments[1], depth + 1)
    if name == "Nullable" and arguments:
        inner_prefixes, inner = _build(arguments[0], depth + 1)
        return inner_prefixes, _nullable(inner)
    if name == "LowCardinality" and arguments:
        key_type = (
            arguments[0].removeprefix("Nullable(").removesuffix(")") if "Nullable(" in arguments[0] else arguments[0]
        )
        return 1, _low_cardinality(_build(key_type, depth + 1)[1])
    if name == "Array" and arguments:
        prefixes, inner = _build(arguments[0], depth + 1)
        return prefixes, _array(inner)
    if name in ("Tuple", "Map", "Nested"):
        built = [_build(_without_name(argument), depth + 1) for argument in arguments]
        row = _sequence([skip for _, skip in built]) if built else _fixed(1)
        return sum(prefixes for prefixes, _ in built), row if name == "Tuple" else _array(row)
    raise protocol_error(UNSUPPORTED, f"Values of type {type_name[:200]} cannot be sent as blocks")


def _integer(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise protocol_error(INCORRECT_DATA, f"Expected a number in a type, got {text[:50]!r}")
    return int(text)


def _fixed(size: int) -> Skip:
    def skip(reader: Reader, rows: int) -> None:
        reader.position += size * rows
        reader.require(reader.position)

    return skip


def _skip_strings(reader: Reader, rows: int) -> None:
    while rows >= _RUN and _skip_equal_lengths(reader):
        rows -= _RUN
    position, available = reader.position, len(reader.buffer)
    buffer, left = reader.buffer, rows
    while left:
        left -= 1
        if position >= available:
            available = reader.require(position + 1)
        size = buffer[position]
        position += 1
        if size >= 0x80:
            reader.position = position - 1
            size = reader.varint()
            position, available = reader.position, len(buffer)
        position += size
        if not left % _RUN and left >= _RUN:  # ids, codes and empty strings: try again to skip many at once
            reader.position = position
            while left >= _RUN and _skip_equal_lengths(reader):
                left -= _RUN
            position, available = reader.position, len(buffer)
    reader.require(position)
    reader.position = position


def _skip_equal_lengths(reader: Reader) -> bool:
    """Skip the next `_RUN` strings if they have come and are all as long as the first, which is below 128."""
    buffer, position = reader.buffer, reader.position
    if position >= len(buffer):
        return False
    step = buffer[position] + 1
    end = position + step * _RUN
    if step > 0x80 or end > len(buffer) or buffer[position:end:step] != bytes((step - 1,)) * _RUN:
        return False
    reader.position = end
    return True


def _nullable(inner: Skip) -> Skip:
    def skip(reader: Reader, rows: int) -> None:
        reader.position += rows  # one byte a row says whether it is null
        inner(reader, rows)

    return skip


def _array(inner: Skip) -> Skip:
    def skip(reader: Reader, rows: int) -> None:
        if not rows:
            return
        reader.position += 8 * (rows - 1)  # cumulative offsets; the last one is the number of items
        inner(reader, reader.uint64())

    return skip


def _low_cardinality(keys: Skip) -> Skip:
    def skip(reader: Reader, rows: int) -> None:
        if not rows:
            return
        index_bytes = 1 << (reader.uint64() & 0x3)
        keys(reader, reader.uint64())
        indexes = reader.uint64()
        reader.position += indexes * index_bytes
        reader.require(reader.position)

    return skip


def _sequence(inners: list[Skip]) -> Skip:
    def skip(reader: Reader, rows: int) -> None:
        for inner in inners:
            inner(reader, rows)

    return skip


def split_type(type_name: str) -> tuple[str, list[str]]:
    """`Map(String, Array(Int8))` → ("Map", ["String", "Array(Int8)"])."""
    name, bracket, rest = type_name.strip().partition("(")
    if not bracket:
        return name, []
    inside = rest.rstrip()
    if not inside.endswith(")"):
        raise protocol_error(INCORRECT_DATA, f"Malformed type {type_name[:200]!r}")
    return name.strip(), [part for part in _split_arguments(inside[:-1]) if part]


def _split_arguments(text: str) -> list[str]:
    parts, start, depth, quote, index = [], 0, 0, "", 0
    while index < len(text):
        char = text[index]
        if quote:
            if char == "\\":
                index += 1
            elif char == quote:
                quote = ""
        elif char in "'`\"":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "," and not depth:
            parts.append(text[start:index].strip())
            start = index + 1
        index += 1
    return [*parts, text[start:].strip()]


def _without_name(element: str) -> str:
    """`a Array(Int8)` → `Array(Int8)`: elements of Tuple and Nested may carry a name."""
    if element[:1] in ("`", '"'):
        end = 1
        while end < len(element) and element[end] != element[0]:
            end += 2 if element[end] == "\\" else 1
        return element[end + 1 :].strip()
    head, space, tail = element.partition(" ")
    return tail.strip() if space and "(" not in head else element
