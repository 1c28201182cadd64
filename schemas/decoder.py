"""The schema that messages were written with → a function from their bytes to our struct, resolved to our newest version.

Written out as a straight line of Python: fastavro asks a file object for each byte and takes more than twice as long. Where
native.c has been compiled, it reads what is in order, and this Python says what is wrong with the rest.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.compiled import Source
from schemas.plan import Plan, Record, plan
from schemas.primitives import MONEY, READERS

try:
    from schemas import native as native
except ImportError:  # no C compiler when it was installed
    native = None  # type: ignore[assignment]  # a module, or none

Decode = Callable[[bytes, int], tuple[Any, int]]  # payload, start → value, end

# The continuation bits of an eight-byte varint, subtracted at once.
_CONTINUED: Final = sum(0x80 << (7 * index) for index in range(7))


def decoder(writer: Any, reader: Any, structs: Mapping[str, type]) -> Decode:
    """`structs`: record name of the reader → struct. Raises Unresolvable."""
    wanted = plan(writer, reader, structs)
    in_python = python_decoder(wanted)
    if native is None:
        return in_python
    try:
        return native.decoder(wanted, in_python, MONEY.multiply)
    except ValueError:  # wider or deeper than it reads
        return in_python


def python_decoder(wanted: Plan) -> Decode:
    """For the plan of a record: the reference for native.c."""
    return _record(wanted.detail, {})


def _record(record: Record, made: dict[int, Decode]) -> Decode:
    """`made`: what has been compiled already, by the record's identity."""
    if id(record) in made:
        return made[id(record)]
    source = Source(f"{record.name} decoder", "def decode(d, p):", READERS)
    given = []
    for slot in record.slots:
        source.about(slot.name)
        target = source.variable()
        if slot.wanted:
            given.append(f"{slot.name}={target}")
        _value(source, target, slot.plan, slot.following, made)
    source.about("")
    if record.struct is None:
        source.add("return None, p")
    else:
        source.add(f"return {source.object(record.struct)}({', '.join(given)}), p")
    made[id(record)] = source.compile("decode")
    return made[id(record)]


def _value(source: Source, target: str, wanted: Plan, following: int, made: dict[int, Decode]) -> None:
    """Code that reads a value into `target`. At least `following` bytes come after it in a message that is not cut."""
    match wanted.kind:
        case "record":
            source.add(f"{target}, p = {source.object(_record(wanted.detail, made))}(d, p)")
        case "enum":
            table = {2 * number: symbol for number, symbol in enumerate(wanted.detail) if symbol is not None}
            source.add(f"{target} = {source.object(table)}[d[p]]", "p += 1")
        case "union":
            _union(source, target, wanted.detail, following, made)
        case "array":
            _array(source, target, wanted.detail, made)
        case "map":
            _map(source, target, wanted.detail, made)
        case "text" | "raw" | "amount":
            _text(source, target, wanted)
        case _:
            _number(source, target, wanted, following)


def _union(source: Source, target: str, branches: tuple[Plan, ...], following: int, made: dict[int, Decode]) -> None:
    source.add("n = d[p]", "p += 1")
    for index, branch in enumerate(branches):
        with source.inside(f"{'if' if index == 0 else 'elif'} n == {2 * index}:"):
            _value(source, target, branch, following, made)
    with source.inside("else:"):
        source.add("raise ValueError(f'no branch {n} of a union')")


def _array(source: Source, target: str, items: Plan, made: dict[int, Decode]) -> None:
    item, count = source.variable(), source.variable()
    source.add(f"{target} = []")
    _block(source, count)
    with source.inside(f"while {count}:"):
        with source.inside(f"for _ in range({count}):"):
            _value(source, item, items, 0, made)
            source.add(f"{target}.append({item})")
        _block(source, count)


def _map(source: Source, target: str, values: Plan, made: dict[int, Decode]) -> None:
    name, value, count = source.variable(), source.variable(), source.variable()
    source.add(f"{target} = {{}}")
    _block(source, count)
    with source.inside(f"while {count}:"):
        with source.inside(f"for _ in range({count}):"):
            _text(source, name, Plan("text"))
            _value(source, value, values, 0, made)
            source.add(f"{target}[{name}] = {value}")
        _block(source, count)


def _block(source: Source, count: str) -> None:
    source.add("n = d[p]")
    with source.inside("if n & 129:"):  # more than 63 items, or a size in bytes follows
        source.add(f"{count}, p = read_block(d, p)")
    with source.inside("else:"):
        source.add(f"{count} = n >> 1", "p += 1")


def _text(source: Source, target: str, wanted: Plan) -> None:
    source.add("n = d[p]")
    with source.inside("if n & 129:"):  # longer than 63 bytes, or negative
        source.add("n, p = read_length(d, p)", "q = p + n")
    with source.inside("else:"):
        source.add("p += 1", "q = p + (n >> 1)")
    if wanted.kind == "text":
        source.add(f"{target} = d[p:q].decode()")
    elif wanted.kind == "amount":
        source.add(f"{target} = multiply(read_unscaled(d, p, q), {source.object(wanted.detail)})")
    else:
        source.add(f"{target} = d[p:q]")
    source.add("p = q")


def _number(source: Source, target: str, wanted: Plan, following: int) -> None:
    match wanted.kind:
        case "long" if following >= 7:
            _instant(source, target)
        case "int" | "long":
            source.add(f"{target}, p = read_{wanted.kind}(d, p)")
        case "int_as_float" | "long_as_float":
            source.add(
                f"{target}, p = read_{wanted.kind.removesuffix('_as_float')}(d, p)", f"{target} = float({target})"
            )
        case "float" | "double":
            source.add(f"({target},) = read_{wanted.kind}(d, p)", f"p += {8 if wanted.kind == 'double' else 4}")
        case "boolean":
            source.add(f"{target} = BOOLEANS[d[p]]", "p += 1")
        case "fixed":
            source.add(f"{target} = None", f"p += {wanted.detail}")
        case "null":
            source.add(f"{target} = None")
        case _:
            source.add("raise ValueError('null')")


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
