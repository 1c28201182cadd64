"""The JSON form: what it takes, and what it says about what it does not take."""

from decimal import Decimal
from typing import Any

import pytest

from schemas.events import Touchpoint
from schemas.json_form import BadRecord, amount, from_json, instant, instant_text, to_json

BEGIN = {
    "record": "touchpoint",
    "event_id": "e",
    "subject_type": "customer",
    "subject_id": "c",
    "touchpoint": "payment",
}
AT = "2026-03-02T02:00:12Z"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-02T02:00:12Z", 1_772_416_812_000_000),
        ("2026-03-02T10:00:12+08:00", 1_772_416_812_000_000),
        ("2026-03-02T02:00:12.000001Z", 1_772_416_812_000_001),
        (1_772_416_812_000_001, 1_772_416_812_000_001),
        ("1969-12-31T23:59:59.999999Z", -1),
    ],
)
def test_instants(text: str | int, at: int) -> None:
    assert instant(text) == at
    assert instant(instant_text(at)) == at


@pytest.mark.parametrize("value", ["2026-03-02T02:00:12", "yesterday", "", True, 1 << 63, 1.5, None])
def test_what_is_no_instant(value: Any) -> None:
    with pytest.raises(BadRecord):
        instant(value)


@pytest.mark.parametrize(
    ("value", "kept"),
    [("12.5", "12.5000"), (12, "12"), (0.1, "0.1"), ("-59.90", "-59.9"), ("99999999999999.9999", None)],
)
def test_amounts(value: Any, kept: str | None) -> None:
    assert amount(value) == Decimal(kept or value)


@pytest.mark.parametrize("value", ["0.00001", "100000000000000", "NaN", "Infinity", "1e400", "twelve", True, ""])
def test_what_is_no_amount(value: Any) -> None:
    with pytest.raises(BadRecord):
        amount(value)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "expected a JSON object, got list"),
        ({"a": 1}, 'add "record": one of touchpoint, '),
        (BEGIN, "occurred_at"),
        (BEGIN | {"occurred_at": AT, "stafff": "x"}, "touchpoint: unknown field 'stafff'; the fields are event_id, "),
        (BEGIN | {"occurred_at": "soon"}, "touchpoint.occurred_at: 'soon' is no instant"),
        (BEGIN | {"occurred_at": AT, "amount": "1.23456"}, "touchpoint.amount: '1.23456' is no amount"),
        (BEGIN | {"occurred_at": AT, "outcome": "bad"}, "Invalid enum value 'bad' - at `$.outcome`"),
        (BEGIN | {"occurred_at": AT, "place": 7}, "Expected `str | null`, got `int` - at `$.place`"),
        (BEGIN | {"occurred_at": AT, "attributes": {"a": 1}}, "Expected `str`, got `int`"),
        (BEGIN | {"occurred_at": AT, "place": "\ud800"}, "surrogates not allowed"),
    ],
)
def test_a_bad_document_is_told_by_its_field(document: Any, words: str) -> None:
    with pytest.raises(BadRecord) as refused:
        from_json(document)
    assert words in str(refused.value)


def test_an_instant_that_no_calendar_holds_is_shown_as_its_number() -> None:
    record = Touchpoint(event_id="e", subject_type="customer", subject_id="c", occurred_at=2**62, touchpoint="t")
    assert to_json(record)["occurred_at"] == 2**62
    assert from_json(to_json(record)) == record
