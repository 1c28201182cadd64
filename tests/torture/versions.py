"""Touchpoints as producers write them whose schema is older or newer than ours, and the registry that knows both."""

import io
import json
from collections.abc import Collection
from typing import Any

import fastavro
import msgspec

from schemas.events import Touchpoint
from schemas.registry import latest, schema_files, subjects
from tests.registry_service import RegistryService
from tests.torture.load import CODEC, Outgoing

_LAST = max(file.id for file in schema_files())
NEWER, OLDER = _LAST + 1, _LAST + 2


def _newer() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(latest("touchpoint").text)
    document["fields"].insert(4, {"name": "weather", "type": ["null", "string"], "default": None})
    return document


def _older() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(latest("touchpoint").text)
    document["fields"] = [field for field in document["fields"] if field["name"] not in ("device", "promised_at")]
    return document


SCHEMAS = {NEWER: json.dumps(_newer()), OLDER: json.dumps(_older())}


def registry(prefix: str, audiences: Collection[str]) -> RegistryService:
    """With our schemas under our ids, and those two."""
    service = RegistryService()
    ours = {file.id: file for file in schema_files()}
    service.schemas += [ours[number].text if number in ours else '"null"' for number in range(1, NEWER)]
    service.schemas += [SCHEMAS[number] for number in sorted(SCHEMAS)]
    for subject, name in subjects(prefix, audiences).items():
        service.subjects[subject] = [file.id for file in ours.values() if file.name == name]
    return service


def rewritten(one: Outgoing, schema_id: int) -> Outgoing:
    """The same touchpoint, written with another version."""
    record = msgspec.structs.asdict(CODEC.decode(one.value, Touchpoint))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(SCHEMAS[schema_id])), record | {"weather": "rain"})
    return one._replace(value=b"\x00" + schema_id.to_bytes(4, "big") + out.getvalue())
