"""One of our schemas → a function from its struct to the message's bytes, the five bytes of the header included.

Where native.c has been compiled, it writes what is in order, and this Python says what is wrong with the rest.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from schemas.compiled import Source
from schemas.decoder import native
from schemas.plan import plan
from schemas.primitives import WRITERS, write_amount
from schemas.shapes import Names, bare, named_types, resolved

Encode = Callable[[Any, bytes], bytes]  # record, what stands before it → bytes


def encoder(schema: Any) -> Encode:
    """For our own schemas: records, arrays, maps of strings, unions of null and one type. Raises ValueError for others."""
    in_python = python_encoder(schema)
    return in_python if native is None else native.encoder(plan(schema, None, {}), in_python, _amount)


def python_encoder(schema: Any) -> Encode:
    """The reference for native.c."""
    return _Encoder(named_types(schema)).record(schema)


def _amount(value: Decimal, quantum: Decimal) -> bytes:
    return write_amount(value, -int(quantum.as_tuple().exponent))


class _Encoder:
    def __init__(self, names: Names) -> None:
        self._names = names
        self._records: dict[str, Encode] = {}

    def record(self, schema: Any) -> Encode:
        name = bare(schema["name"])
        if name not in self._records:
            self._records[name] = self._compile(schema, name)
        return self._records[name]

    def _compile(self, schema: Any, name: str) -> Encode:
        source = Source(f"{name} encoder", "def encode(r, head):", WRITERS)
        parts = []
        for field in schema["fields"]:
            source.about(field["name"])
            value, part = source.variable(), source.variable()
            source.add(f"{value} = r.{field['name']}")
            self._value(source, part, value, field["type"])
            parts.append(part)
        source.about("")
        source.add(f"return b''.join((head, {', '.join(parts)}))")
        return source.compile("encode")

    def _value(self, source: Source, part: str, value: str, schema: Any) -> None:
        """Code that puts the bytes of `value` into `part`."""
        schema = resolved(schema, self._names)
        if isinstance(schema, list):
            return self._nullable(source, part, value, schema)
        kind = schema["type"]
        if kind == "string":
            _string(source, part, value, "")
        elif kind == "record":
            source.add(f"{part} = {source.object(self.record(schema))}({value}, b'')")
        elif kind == "array":
            self._array(source, part, value, schema)
        elif kind == "map" and schema["values"] == "string":
            source.add(f"{part} = write_map({value})")
        else:
            source.add(f"{part} = {_expression(source, value, schema)}")
        return None

    def _nullable(self, source: Source, part: str, value: str, schema: list[Any]) -> None:
        if len(schema) != 2 or schema[0] != "null":
            raise ValueError(f"a union of {schema}: only null and one type")
        with source.inside(f"if {value} is None:"):
            source.add(rf"{part} = b'\0'")
        with source.inside("else:"):
            if schema[1] == "string":
                _string(source, part, value, r"\2")
            else:
                self._value(source, part, value, schema[1])
                source.add(rf"{part} = b'\2' + {part}")

    def _array(self, source: Source, part: str, value: str, schema: Any) -> None:
        pieces, item, piece = source.variable(), source.variable(), source.variable()
        source.add(f"{pieces} = []")
        with source.inside(f"for {item} in {value}:"):
            self._value(source, piece, item, schema["items"])
            source.add(f"{pieces}.append({piece})")
        with source.inside(f"if {pieces}:"):
            source.add(rf"{part} = write_long(len({pieces})) + b''.join({pieces}) + b'\0'")
        with source.inside("else:"):
            source.add(rf"{part} = b'\0'")


def _string(source: Source, part: str, value: str, before: str) -> None:
    source.add(f"{part} = {value}.encode()", f"n = len({part})")
    table = source.object([before.encode().decode("unicode_escape").encode() + bytes([2 * size]) for size in range(64)])
    with source.inside("if n < 64:"):
        source.add(f"{part} = {table}[n] + {part}")
    with source.inside("else:"):
        source.add(f"{part} = b'{before}' + write_long(n) + {part}")


def _expression(source: Source, value: str, schema: Any) -> str:
    kind = schema["type"]
    if kind in ("int", "long"):
        return f"write_{kind}({value})"
    if kind == "double":
        return f"write_double({value})"
    if kind == "boolean":
        return f"BOOLEANS[{value}]"
    if kind == "enum":
        return (
            f"{source.object({symbol: bytes([2 * index]) for index, symbol in enumerate(schema['symbols'])})}[{value}]"
        )
    if kind == "bytes" and schema.get("logicalType") == "decimal":
        return f"write_amount({value}, {int(schema['scale'])})"
    raise ValueError(f"{kind} is not written by us")
