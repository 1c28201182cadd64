"""The types of conditions, and the environment: which variables, fields and functions a condition may name.

A type's parameter is the Python type of its values, so that a compiled expression is typed too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")

NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,63}\Z")
# Words of CEL and of its standard functions; a variable or function of ours must not hide one.
TAKEN = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
        "has",
        "size",
        "int",
        "uint",
        "double",
        "bool",
        "string",
        "bytes",
        "list",
        "map",
        "type",
        "dyn",
        "duration",
        "timestamp",
        "null_type",
    ]
)


class Type(Generic[T_co]):
    """What a value can be. `str(type)` is how error messages call it."""


@dataclass(frozen=True)
class Scalar(Type[T_co]):
    """string, int, double or bool. `symbols`: the closed set that a string comes from. `decimal`: a double that records hold as Decimal."""

    name: str
    symbols: tuple[str, ...] = ()
    decimal: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Map(Type[Mapping[str, T_co]]):
    """String keys to values of one type."""

    value: Type[T_co]

    def __str__(self) -> str:
        return f"map of {self.value}"


@dataclass(frozen=True)
class List(Type[list[T_co]]):
    """Values of one type."""

    item: Type[T_co]

    def __str__(self) -> str:
        return f"list of {self.item}"


@dataclass(frozen=True)
class Nullable(Type[T_co | None]):
    """A value or null."""

    of: Type[T_co]

    def __str__(self) -> str:
        return f"{self.of} or null"


@dataclass(frozen=True)
class StructType(Type[object]):
    """A named set of fields; conditions read them as attributes of the Python object."""

    name: str
    fields: Mapping[str, Type[object]] = field(hash=False)

    def __post_init__(self) -> None:
        for name in self.fields:
            if not NAME.match(name) or iskeyword(name):
                raise ValueError(
                    f"{self.name}: {name!r} cannot be a field of conditions: it is taken, or not letters, digits and _ only"
                )

    def __str__(self) -> str:
        return self.name


STRING: Scalar[str] = Scalar("string")
INT: Scalar[int] = Scalar("int")
DOUBLE: Scalar[float] = Scalar("double")
BOOL: Scalar[bool] = Scalar("bool")
DECIMAL: Scalar[float] = Scalar("double", decimal=True)


def SYMBOL(*symbols: str) -> Scalar[str]:
    """A string out of a closed set."""
    return Scalar("string", symbols=tuple(dict.fromkeys(symbols)))


def NULLABLE(of: Type[S]) -> Type[S | None]:
    """The type, or null."""
    return of if isinstance(of, Nullable) else Nullable(of)


def MAP(value: Type[S]) -> Map[S]:
    """String keys to values of one type."""
    return Map(value)


def LIST(item: Type[S]) -> List[S]:
    """A list of one type."""
    return List(item)


@dataclass(frozen=True)
class Signature:
    """A function's argument types and its result."""

    arguments: tuple[Type[object], ...]
    returns: Type[object]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.arguments))}) → {self.returns}"


@dataclass(frozen=True)
class Environment:
    """What a condition may name. The frame that it runs on has an attribute for each variable and each function.

    A function must give the same answer for the same frame; it raises EvaluationError for what CEL calls an error, anything else is a defect.
    """

    variables: Mapping[str, Type[object]] = field(hash=False)
    functions: Mapping[str, Signature] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name in (*self.variables, *self.functions):
            if not NAME.match(name) or name in TAKEN or iskeyword(name):
                raise ValueError(
                    f"{name!r} cannot be a name in conditions: it is taken, or not letters, digits and _ only"
                )
        if twice := sorted(set(self.variables) & set(self.functions)):
            raise ValueError(f"{', '.join(twice)}: a variable and a function of the same name")
