"""Avro object container file → rows. The file's own schema says what it holds: one of ours by name, or what the caller says."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import fastavro

from schemas.codec import STRUCTS
from schemas.json_form import BadRecord, from_json, instant
from schemas.shapes import forbidden_shape
from streams.connect.rows import Row
from streams.connect.source import Source
from streams.errors import UserError

_BY_NAME = {f"touchstone.{struct.__name__}": name for name, struct in STRUCTS.items()}


def read_avro(source: Source, record: str | None) -> Iterator[Row]:
    """Rows. Raises UserError for a header that cannot be read or a shape that is not safe to decode."""
    fix = "write it with the codec null or deflate, without recursive types"
    try:
        reader = fastavro.reader(source.stream)
        schema: Any = reader.writer_schema
    except Exception as error:  # noqa: BLE001 - fastavro raises unrelated types on malformed bytes
        raise UserError(f"{source.name} is no Avro file that can be read: {error}", fix) from None
    shape = forbidden_shape(schema)
    if shape is not None:
        raise UserError(f"{source.name}: its schema has {shape}", fix)
    kind = _BY_NAME.get(schema.get("name", "") if isinstance(schema, dict) else "", record)
    number = 0
    while True:
        number += 1
        try:
            datum = next(reader)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - as above
            problem = f"malformed: {type(error).__name__}: {str(error)[:200]}; nothing after it can be read"
            yield Row(number, None, problem, b"")
            return
        yield _row(number, _plain(datum), kind)


def _row(number: int, document: Any, kind: str | None) -> Row:
    raw = json.dumps(document, ensure_ascii=False, default=str).encode()
    try:
        return Row(number, from_json(document, kind), None, raw)
    except BadRecord as error:
        return Row(number, None, str(error), raw)


def _plain(value: Any) -> Any:
    """What JSON could hold: instants in µs, amounts as text."""
    if isinstance(value, datetime):
        return instant((value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat())
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Decimal | date) else value
