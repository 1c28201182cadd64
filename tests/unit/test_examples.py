"""The examples of schemas/examples, both ways: the valid ones pass unchanged, the invalid ones are refused with their reason."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from schemas import codec as codec_module
from schemas import validate as validate_module
from schemas.codec import NAMES, STRUCTS, Codec
from schemas.controls import Control
from schemas.events import Event
from schemas.json_form import from_json, to_json
from schemas.refusals import DeadLetterReason, InvalidEvent
from schemas.registry import schema_files
from schemas.topics import all_topics
from schemas.validate import check, check_control
from tests import examples
from tests.examples import FOLDER, Invalid, key_of

CODEC = Codec()
VALID = examples.valid()
INVALID = examples.invalid()


def accept(value: bytes | None, key: bytes | None, expected: Any) -> Any:
    """What every reader does with a message. Raises InvalidEvent."""
    record = CODEC.decode(value, expected)
    if isinstance(record, Control):
        check_control(record, key)
    elif isinstance(record, Event):
        check(record, key, len(value or b""))
        check(record, key)  # whether or not the size is told
    return record


@pytest.mark.parametrize("document", VALID, ids=lambda document: document["record"])
def test_a_valid_example_passes_unchanged(document: dict[str, Any]) -> None:
    record = from_json(document)
    value = CODEC.encode(record)
    again = accept(value, key_of(record), type(record))
    assert again == record
    assert to_json(again) == document
    assert from_json(to_json(again, defaults=True)) == record


@pytest.mark.parametrize("document", VALID, ids=lambda document: document["record"])
def test_an_unnamed_input_is_known_by_its_fields(document: dict[str, Any]) -> None:
    record = from_json(document)
    if isinstance(record, Event) and document["record"] != "customer":
        assert from_json(to_json(record, named=False)) == record


@pytest.mark.parametrize("example", INVALID, ids=lambda example: example.name)
def test_an_invalid_example_is_refused_with_its_reason(example: Invalid) -> None:
    with pytest.raises(InvalidEvent) as refused:
        accept(example.value, example.key, example.expected)
    assert refused.value.reason is example.reason
    assert refused.value.detail


def test_every_schema_has_examples_and_every_example_its_schema() -> None:
    names = {file.name for file in schema_files()}
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == names == set(STRUCTS)
    for path in FOLDER.glob("*.jsonl"):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert lines
        assert {line["record"] for line in lines} == {path.stem}
    known = {f"{name}.jsonl" for name in names} | {f"{example.name}.json" for example in INVALID}
    assert {path.name for path in FOLDER.rglob("*") if path.is_file()} == known


def test_every_reason_of_codec_and_validation_has_an_example() -> None:
    raised = set()
    for module in (codec_module, validate_module):
        source = Path(module.__file__).read_text(encoding="utf-8")
        raised |= {DeadLetterReason[name] for name in re.findall(r"\bReason\.([A-Z_]+)", source)}
    assert {example.reason for example in INVALID} == raised
    for example in INVALID:
        assert example.name.startswith(f"{example.reason}-")


def test_every_topic_has_its_schema_file_and_every_schema_its_topic() -> None:
    names = {file.name for file in schema_files()}
    carried = {topic.schema for topic in all_topics().values() if topic.schema is not None}
    assert carried == names


def test_the_examples_cover_what_must_be_possible() -> None:
    records = [from_json(document) for document in VALID]
    inputs = [record for record in records if isinstance(record, Event)]
    assert {record.subject_type for record in inputs} == {"customer", "anonymous", "unit"}
    text = " ".join(json.dumps(document, ensure_ascii=False) for document in VALID)
    assert re.search(r"[\u4e00-\u9fff]", text)
    assert "lower_is_better" in text
    brands = {(NAMES[type(record)], getattr(record, "brand", None)) for record in records}
    for schema in ("touchpoint", "feedback", "customer", "experience", "action", "notification", "cause", "control"):
        assert (schema, "hehe") in brands or (schema, None) in brands
        assert (schema, "skylark") in brands, f"an airline's {schema}"
    for schema, field, values in (
        ("feedback", "kind", {"nps", "csat", "ces", "stars", "dimension", "complaint", "praise", "comment"}),
        ("feedback", "respondent", {"customer", "staff", "management"}),
        ("touchpoint", "outcome", {"unknown", "success", "failure", "abandoned"}),
        ("action_update", "status", {"accepted", "contacted", "compensated", "resolved", "declined"}),
        ("action", "retracted", {True, False}),
        ("action", "emit", {"now", "settled"}),
    ):
        assert {getattr(record, field) for record in records if NAMES[type(record)] == schema} == values
