"""The examples of schemas/examples as fixtures: records that are right, and messages with the reason for their refusal."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from schemas.codec import STRUCTS, Codec
from schemas.controls import Control
from schemas.json_form import from_json
from schemas.refusals import DeadLetterReason

FOLDER = Path(__file__).parent.parent / "schemas" / "examples"


class Invalid(NamedTuple):
    """A message that must be refused."""

    name: str
    reason: DeadLetterReason
    expected: type[msgspec.Struct]
    key: bytes | None
    value: bytes | None


def valid() -> list[dict[str, Any]]:
    """Every valid example in its JSON form, by file and line."""
    files = sorted(FOLDER.glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def key_of(record: msgspec.Struct) -> bytes:
    """The key of a record's message."""
    name = "control_id" if isinstance(record, Control) else "subject_id"
    key: str = getattr(record, name)
    return key.encode()


def invalid() -> list[Invalid]:
    """Every invalid example, ready to be decoded."""
    return [_invalid(file) for file in sorted((FOLDER / "invalid").glob("*.json"))]


def _invalid(file: Path) -> Invalid:
    document = json.loads(file.read_text(encoding="utf-8"))
    reason, expected = DeadLetterReason(document["reason"]), STRUCTS[document["expected"]]
    if "record" not in document:
        value = bytes.fromhex(document["hex"]) if "hex" in document else document["value"]
        return Invalid(file.stem, reason, expected, _key(document["key"]), value)
    record = from_json(written_out(document["record"]))
    key = _key(document["key"]) if "key" in document else key_of(record)
    return Invalid(file.stem, reason, expected, key, Codec().encode(record))


def _key(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def written_out(value: Any) -> Any:
    """A document with what the files only describe: long texts, long lists, many attributes."""
    if isinstance(value, list):
        return [written_out(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"repeat", "times"}:
        return value["repeat"] * value["times"]
    if set(value) == {"items", "of"}:
        return [value["of"]] * value["items"]
    if set(value) == {"entries"}:
        return {f"name-{number}": "x" for number in range(value["entries"])}
    return {key: written_out(item) for key, item in value.items()}
