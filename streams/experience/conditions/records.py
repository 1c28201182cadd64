"""From a record's Python struct to the type that conditions see: fields by their annotations."""

from collections.abc import Mapping
from decimal import Decimal
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from streams.experience.conditions.types import (
    BOOL,
    DECIMAL,
    DOUBLE,
    INT,
    LIST,
    MAP,
    NULLABLE,
    STRING,
    SYMBOL,
    StructType,
    Type,
)

_SCALARS: dict[object, Type[object]] = {str: STRING, int: INT, float: DOUBLE, bool: BOOL, Decimal: DECIMAL}


def struct_type(
    struct: type[msgspec.Struct], overrides: Mapping[str, Type[object] | None] | None = None, *, name: str = ""
) -> StructType:
    """The struct's fields as conditions see them. `overrides`: a type instead of the annotation's, a further attribute, or None to hide a field.

    Decimal is seen as double; a Literal as a string out of a closed set.
    """
    annotations = get_type_hints(struct)
    fields: dict[str, Type[object]] = {}
    for entry in msgspec.structs.fields(struct):
        if overrides is None or entry.name not in overrides:
            fields[entry.name] = _type_of(annotations[entry.name], f"{struct.__name__}.{entry.name}")
    fields.update({key: value for key, value in (overrides or {}).items() if value is not None})
    return StructType(name or struct.__name__.lower(), fields)


def _type_of(annotation: object, where: str) -> Type[object]:
    if (scalar := _SCALARS.get(annotation)) is not None:
        return scalar
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return SYMBOL(*arguments)
    if origin in (Union, UnionType) and NoneType in arguments and len(arguments) == 2:
        return NULLABLE(_type_of(next(one for one in arguments if one is not NoneType), where))
    if origin is dict and arguments[0] is str:
        return MAP(_type_of(arguments[1], where))
    if origin in (list, tuple) and len(set(arguments) - {...}) == 1:
        return LIST(_type_of(arguments[0], where))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return struct_type(annotation)
    raise TypeError(f"{where}: {annotation} has no type in conditions; give one by `overrides`, or hide it with None")
