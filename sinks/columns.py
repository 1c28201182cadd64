"""Records → columns of their table, a list each, ready for a columnar INSERT.

Texts that were not given become empty, numbers and instants NULL. A list of structs becomes one array column a field
(`evidence.event_id`), a struct one column a field (`context_score`), in the order of the record's fields.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain, islice
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from sinks.tables import Table
from streams.engine.job import Message

Values = list[Any]  # a column: whatever its type in the database takes


class Row(NamedTuple):
    """A message and its record."""

    message: Message
    record: msgspec.Struct


class Column(NamedTuple):
    """A column's name, and its values from the records."""

    name: str
    values: Callable[[Sequence[msgspec.Struct]], Values]


POSITION: Final = ("_topic", "_partition", "_offset", "_timestamp")


@lru_cache(maxsize=64)
def columns(record: type[msgspec.Struct]) -> tuple[Column, ...]:
    """The columns of a kind of record, in order."""
    found: list[Column] = []
    for name, hint in get_type_hints(record).items():
        kind, optional = _without_none(hint)
        items = get_args(kind)[0] if get_origin(kind) is list else None
        if _is_struct(kind):
            found += [Column(f"{name}_{inner}", _of_struct(name, take)) for inner, take in columns(kind)]
        elif _is_struct(items):
            found += [Column(f"{name}.{inner}", _of_structs(name, take)) for inner, take in columns(items)]
        else:
            found.append(Column(name, _texts(name) if optional and _is_text(kind) else _plain(name)))
    return tuple(found)


def insert_statement(table: Table) -> str:
    """INSERT with the columns named: others keep their defaults."""
    names = (*(column.name for column in columns(table.record)), *POSITION)
    return f"INSERT INTO {table.name} ({', '.join(f'`{name}`' for name in names)}) VALUES"


def block(table: Table, topic_on_cluster: str, rows: Sequence[Row]) -> list[Values]:
    """The columns of some rows, those of the position last."""
    records = [row.record for row in rows]
    messages = [row.message for row in rows]
    values = [column.values(records) for column in columns(table.record)]
    values.append([topic_on_cluster] * len(rows))
    values.append([message.partition for message in messages])
    values.append([message.offset for message in messages])
    values.append([message.timestamp_ms for message in messages])
    return values


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (UnionType, Union):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        return kinds[0], len(kinds) < len(get_args(hint))
    return hint, False


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _is_text(kind: Any) -> bool:
    return kind is str or get_origin(kind) is Literal


def _plain(name: str) -> Callable[[Sequence[msgspec.Struct]], Values]:
    field = attrgetter(name)
    return lambda records: list(map(field, records))


def _texts(name: str) -> Callable[[Sequence[msgspec.Struct]], Values]:
    field = attrgetter(name)
    return lambda records: [value or "" for value in map(field, records)]


def _of_struct(
    name: str, take: Callable[[Sequence[msgspec.Struct]], Values]
) -> Callable[[Sequence[msgspec.Struct]], Values]:
    field = attrgetter(name)
    return lambda records: take(list(map(field, records)))


def _of_structs(
    name: str, take: Callable[[Sequence[msgspec.Struct]], Values]
) -> Callable[[Sequence[msgspec.Struct]], Values]:
    """A list a row. Taken from all rows' items at once, then cut: most rows have few items."""
    field = attrgetter(name)

    def values(records: Sequence[msgspec.Struct]) -> Values:
        lists = list(map(field, records))
        taken = iter(take(list(chain.from_iterable(lists))))
        return [list(islice(taken, len(items))) for items in lists]

    return values
