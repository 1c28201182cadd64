"""Where reading starts, and which topics a name means."""

from datetime import UTC, datetime

import pytest

from streams.errors import UserError
from streams.settings import Settings
from streams.tail.read import _matching, start_from

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
NOW_MS = 1_772_357_400_000


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("beginning", "beginning"),
        ("end", "end"),
        ("90s", NOW_MS - 90_000),
        ("15m", NOW_MS - 900_000),
        ("2h", NOW_MS - 7_200_000),
        ("1d", NOW_MS - 86_400_000),
        ("2026-03-01T17:30:00+08:00", NOW_MS),
        ("1960-01-01T00:00:00Z", 0),
    ],
)
def test_positions(text: str, start: object) -> None:
    assert start_from(text, NOW) == start


@pytest.mark.parametrize("text", ["yesterday", "15", "2026-03-01T17:30:00", "-5m", ""])
def test_what_is_no_position(text: str) -> None:
    with pytest.raises(UserError, match="--from"):
        start_from(text, NOW)


THERE = ["p-cx-actions", "p-cx-notify-care", "p-cx-notify-sales", "p-orders", "cx-actions", "q-cx-actions"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("cx-actions", ["p-cx-actions"]),
        ("actions", ["p-cx-actions"]),
        ("p-cx-actions", ["p-cx-actions"]),
        ("cx-notify-*", ["p-cx-notify-care", "p-cx-notify-sales"]),
        ("notify-*", ["p-cx-notify-care", "p-cx-notify-sales"]),
        ("*actions", ["p-cx-actions"]),
        ("orders", ["p-orders"]),
    ],
)
def test_names_and_patterns(pattern: str, found: list[str]) -> None:
    assert _matching(pattern, Settings(kafka_prefix="p-"), THERE) == found


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(UserError) as refused:
        _matching("cx-action", Settings(kafka_prefix="p-"), THERE)
    assert refused.value.fix == "there are cx-actions, cx-notify-care, cx-notify-sales"
    with pytest.raises(UserError) as refused:
        _matching("cx-actions", Settings(kafka_prefix="z-"), THERE)
    assert "topics create" in refused.value.fix
