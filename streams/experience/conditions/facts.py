"""What can be said of a checked condition without running it: what it reads, which equalities it needs and what must not be null."""

from typing import Literal, TypeAlias

from streams.experience.conditions.operators import base
from streams.experience.conditions.typed import (
    AllOf,
    AnyOf,
    Compare,
    Constant,
    Field,
    Invoke,
    IsNull,
    OneOf,
    Typed,
    Variable,
)
from streams.experience.conditions.types import BOOL, INT, STRING, Environment, StructType

Value: TypeAlias = "str | int | float | bool"
Conjunct: TypeAlias = (
    "tuple[str, Literal['=='], Value] | tuple[str, Literal['in'], tuple[Value, ...]] | tuple[str, Literal['!='], None]"
)


def reads_of(piece: Typed) -> frozenset[str]:
    """Names of functions, and paths of fields and variables as far as structs go (`event.attributes`, not its key)."""
    found: set[str] = set()
    pending = [piece]
    while pending:
        one = pending.pop()
        if (name := _path(one)) is not None:
            found.add(name)
            continue
        if isinstance(one, Invoke):
            found.add(one.name)
        pending.extend(one.parts())
    return frozenset(found)


def conjuncts_of(piece: Typed, environment: Environment) -> tuple[Conjunct, ...]:
    """The parts of a top-level && that say: this field is (one of) these strings, ints or bools, or: this field is not null.

    The field can be read without an error.
    """
    parts = piece.operands if isinstance(piece, AllOf) else (piece,)
    found: list[Conjunct] = []
    for part in parts:
        found += conjuncts_of(part, environment) if isinstance(part, AllOf) else _conjunct(part, environment)
    return tuple(found)


def _conjunct(piece: Typed, environment: Environment) -> tuple[Conjunct, ...]:
    match piece:
        case (
            Compare(operator="==", left=left, right=Constant(value=value))
            | Compare(operator="==", left=Constant(value=value), right=left)
        ):
            name = _index(left, environment)
            return () if name is None or value is None else ((name, "==", value),)
        case IsNull(of=of, negated=True):
            name = _readable(of, environment)
            return () if name is None else ((name, "!=", None),)
        case OneOf(item=item, items=items):
            name = _index(item, environment)
            values = tuple(one.value for one in items if isinstance(one, Constant) and one.value is not None)
            return () if name is None or len(values) < len(items) else ((name, "in", values),)
        case Field() if piece.type == BOOL:
            name = _index(piece, environment)
            return () if name is None else ((name, "==", True),)
        case AnyOf(operands=operands):
            return _either([_conjunct(one, environment) for one in operands])
    return ()


def _either(sides: list[tuple[Conjunct, ...]]) -> tuple[Conjunct, ...]:
    """`a == 1 || a == 2` is `a in [1, 2]`."""
    values: list[Value] = []
    names = set()
    for side in sides:
        if len(side) != 1:  # the other way of || can be anything
            return ()
        name, operator, value = side[0]
        if operator == "!=" or value is None:
            return ()
        names.add(name)
        values.extend(value if isinstance(value, tuple) else (value,))
    return ((names.pop(), "in", tuple(values)),) if len(names) == 1 else ()


def _path(piece: Typed) -> str | None:
    match piece:
        case Variable(name=name):
            return name
        case Field(of=of, name=name) if (before := _path(of)) is not None:
            return f"{before}.{name}"
    return None


def _index(piece: Typed, environment: Environment) -> str | None:
    """The path of a string, int or bool that can be read without an error."""
    return _readable(piece, environment) if base(piece.type) in (STRING, INT, BOOL) else None


def _readable(piece: Typed, environment: Environment) -> str | None:
    """The path of a field without a null on the way to it (whatever the condition itself has checked before)."""
    name = _path(piece)
    if name is None:
        return None
    variable, *fields = name.split(".")
    type_ = environment.variables[variable]
    for field in fields:
        if not isinstance(type_, StructType):
            return None
        type_ = type_.fields[field]
    return name
