"""What in a pack does not have the shape of its struct, each with its exact path: unknown fields, missing ones, wrong types."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import msgspec

from streams.experience.naming import Problem

_PATH: Final = re.compile(r" - at `[^`]*`$")

Path = tuple[str | int, ...]


def problems(data: Any, kind: Any, path: Path = ()) -> Iterator[Problem]:
    """Every place where `data` cannot be converted to `kind`; nothing if it can."""
    message = _refusal(data, kind)
    if message is None:
        return
    inner = [found for step, part, of in _parts(data, kind) for found in problems(part, of, (*path, step))]
    yield from inner
    unknown = list(_unknown(data, kind, path))
    yield from unknown
    if not inner and not unknown:
        options = get_args(_one(kind)) if get_origin(_one(kind)) is Literal else ()
        yield path, f"{data!r} is none of {', '.join(map(str, options))}" if options else message


def _refusal(data: Any, kind: Any) -> str | None:
    try:
        msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        return _PATH.sub("", str(error))
    return None


def _parts(data: Any, kind: Any) -> Iterator[tuple[str | int, Any, Any]]:
    """What stands one level deeper: its step, value and type."""
    kind = _one(kind)
    if isinstance(data, dict) and _is_struct(kind):
        for field in msgspec.structs.fields(kind):
            if field.encode_name in data:
                yield field.encode_name, data[field.encode_name], field.type
    elif isinstance(data, dict) and get_origin(kind) is dict:
        for name, value in data.items():
            yield name, value, get_args(kind)[1]
    elif isinstance(data, list) and get_origin(kind) in (list, tuple):
        for index, value in enumerate(data):
            yield index, value, get_args(kind)[0]


def _unknown(data: Any, kind: Any, path: Path) -> Iterator[Problem]:
    kind = _one(kind)
    if isinstance(data, dict) and _is_struct(kind):
        known = [field.encode_name for field in msgspec.structs.fields(kind)]
        for name in data:
            if name not in known:
                near = get_close_matches(str(name), known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(known)}"
                yield (*path, name), f"no field {name!r} here; {hint}"


def _one(kind: Any) -> Any:
    """The type inside an optional one; a union of several is left as it is."""
    if get_origin(kind) in (Union, UnionType):
        options = [one for one in get_args(kind) if one is not type(None)]
        return options[0] if len(options) == 1 else kind
    return kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
