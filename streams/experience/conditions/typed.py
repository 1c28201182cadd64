"""The checked tree of an expression: every name resolved, every operand of a known type. Code is generated from this and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from streams.experience.conditions.types import Type


@dataclass(frozen=True)
class Typed:
    """A piece that has been checked. `offset`: where it stands in the text."""

    type: Type[object]
    offset: int

    def parts(self) -> Iterator["Typed"]:
        """The pieces directly below."""
        for entry in fields(self):
            value = getattr(self, entry.name)
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, Typed):
                    yield one

    def walk(self) -> Iterator["Typed"]:
        """This piece and all below."""
        yield self
        for part in self.parts():
            yield from part.walk()


@dataclass(frozen=True)
class Constant(Typed):
    value: str | int | float | bool | None


@dataclass(frozen=True)
class Variable(Typed):
    name: str


@dataclass(frozen=True)
class Field(Typed):
    """A field of a struct. `decimal`: the record holds a Decimal, seen as double."""

    of: Typed
    name: str
    decimal: bool


@dataclass(frozen=True)
class Entry(Typed):
    """The value under a key of a map; a missing key is an error."""

    of: Typed
    key: Typed


@dataclass(frozen=True)
class HasKey(Typed):
    of: Typed
    key: Typed


@dataclass(frozen=True)
class IsNull(Typed):
    of: Typed
    negated: bool


@dataclass(frozen=True)
class Invoke(Typed):
    """A function of the environment."""

    name: str
    arguments: tuple[Typed, ...]


@dataclass(frozen=True)
class Not(Typed):
    of: Typed


@dataclass(frozen=True)
class AllOf(Typed):
    operands: tuple[Typed, ...]


@dataclass(frozen=True)
class AnyOf(Typed):
    operands: tuple[Typed, ...]


@dataclass(frozen=True)
class Choice(Typed):
    condition: Typed
    then: Typed
    otherwise: Typed


@dataclass(frozen=True)
class Compare(Typed):
    """Two scalars of one type, or null, by one of == != < <= > >=."""

    operator: str
    left: Typed
    right: Typed


@dataclass(frozen=True)
class OneOf(Typed):
    """`item in [items]`."""

    item: Typed
    items: tuple[Typed, ...]


@dataclass(frozen=True)
class InList(Typed):
    """`item in a list that a record or function gives`."""

    item: Typed
    of: Typed


@dataclass(frozen=True)
class Arithmetic(Typed):
    """+ - * / % on two ints, + - * / on two doubles, + on two strings; the result's type is the operands'."""

    operator: str
    left: Typed
    right: Typed


@dataclass(frozen=True)
class Negation(Typed):
    of: Typed


@dataclass(frozen=True)
class TextTest(Typed):
    """startsWith, endsWith, contains."""

    method: str
    of: Typed
    argument: Typed


@dataclass(frozen=True)
class Matches(Typed):
    """The text has a match of the RE2 pattern."""

    of: Typed
    pattern: str


@dataclass(frozen=True)
class Size(Typed):
    of: Typed


@dataclass(frozen=True)
class Convert(Typed):
    """double(x) or int(x) of an int, a double or a string."""

    of: Typed


def path(piece: Typed) -> str | None:
    """What identifies a value that stays the same while one condition runs: `event.amount`, `failures(600.0)`; None for anything else."""
    match piece:
        case Variable(name=name):
            return name
        case Field(of=of, name=name) if (base := path(of)) is not None:
            return f"{base}.{name}"
        case Entry(of=of, key=Constant(value=str() as key)) if (base := path(of)) is not None:
            return f"{base}.{key}" if key.isidentifier() else f"{base}[{key!r}]"
        case Invoke(name=name, arguments=arguments):
            values = [repr(one.value) for one in arguments if isinstance(one, Constant)]
            return f"{name}({', '.join(values)})" if len(values) == len(arguments) else None
    return None
