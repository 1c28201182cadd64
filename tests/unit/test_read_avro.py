"""Avro object container files: ours by name, foreign ones field by field, damaged and hostile ones."""

import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pytest

from schemas.events import Feedback, Touchpoint
from schemas.registry import latest
from streams.connect.files import Row, read_records
from streams.errors import UserError

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
EVENT = {
    "event_id": "e1",
    "subject_type": "customer",
    "subject_id": "c1",
    "occurred_at": AT,
    "touchpoint": "checkout",
    "amount": Decimal("19.9000"),
}


def container(schema: dict[str, Any], *records: dict[str, Any], codec: str = "deflate") -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, schema, records, codec=codec)
    return out.getvalue()


def rows(tmp_path: Path, content: bytes, **options: str) -> list[Row]:
    (tmp_path / "events.avro").write_bytes(content)
    return list(read_records(tmp_path / "events.avro", **options))


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_our_own_schema(tmp_path: Path, codec: str) -> None:
    (row,) = rows(tmp_path, container(latest("touchpoint").document, EVENT, codec=codec))
    assert isinstance(row.record, Touchpoint), row.error
    assert row.line == 1
    assert row.record.occurred_at == 1_772_357_400_000_000
    assert row.record.amount == Decimal("19.9000")


def foreign(*extra: dict[str, Any]) -> dict[str, Any]:
    names = ("event_id", "subject_type", "subject_id", "kind")
    fields: list[dict[str, Any]] = [{"name": name, "type": "string"} for name in names]
    at = {"name": "occurred_at", "type": {"type": "long", "logicalType": "timestamp-millis"}}
    return {"type": "record", "name": "Survey", "fields": [*fields, at, *extra]}


SURVEY = {"event_id": "e1", "subject_type": "customer", "subject_id": "c1", "kind": "praise", "occurred_at": AT}


def test_a_foreign_schema_with_the_same_field_names(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, container(foreign(), SURVEY))
    assert isinstance(row.record, Feedback), row.error
    assert row.record.occurred_at == 1_772_357_400_000_000


def test_a_field_that_we_do_not_have(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, container(foreign({"name": "mood", "type": "string"}), SURVEY | {"mood": "good"}))
    assert "unknown field 'mood'" in str(row.error)
    assert b'"mood": "good"' in row.raw


def test_what_comes_before_the_damage_is_read(tmp_path: Path) -> None:
    out = io.BytesIO()
    fastavro.writer(out, latest("touchpoint").document, [EVENT] * 1_000, codec="null", sync_interval=1_000)
    found = rows(tmp_path, out.getvalue()[: len(out.getvalue()) // 2])
    assert len(found) > 100
    assert all(row.record is not None for row in found[:-1])
    assert "nothing after it can be read" in str(found[-1].error)
    assert found[-1].line == len(found)


def test_a_header_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no Avro file that can be read"):
        rows(tmp_path, b"Obj\x01\x02\x03garbage")
    with pytest.raises(UserError, match="no avro file"):
        rows(tmp_path, b"event_id,subject_id\n")


def test_shapes_that_are_not_safe_to_decode(tmp_path: Path) -> None:
    zero = foreign({"name": "bomb", "type": {"type": "array", "items": "null"}})
    with pytest.raises(UserError, match="zero-size"):
        rows(tmp_path, container(zero, SURVEY | {"bomb": [None] * 3}))
    node = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"], "default": None}]}
    with pytest.raises(UserError, match="recursion"):
        rows(tmp_path, container(node, {"next": {"next": None}}))
