"""`touchstone packs activate`: from when a pack is in force when nothing is said, and what is told when that may be refused."""

import time
from collections.abc import Iterator

import pytest

from streams.packs_folder import find
from streams.packs_in_force import AHEAD_SECONDS, activate, controls
from streams.settings import Settings
from streams.topics import create
from tests.kafka_service import Kafka


@pytest.fixture
def settings(kafka: Kafka) -> Iterator[Settings]:
    settings = kafka.settings(kafka_partitions=2)
    with kafka.admin() as admin:
        assert not create(admin, settings, []).problems
        yield settings
        admin.delete([name for name in admin.topics() if name.startswith(settings.kafka_prefix)])


def in_force(settings: Settings) -> dict[str | None, int]:
    """From when, by brand."""
    return {one.brand: one.in_force_at for one in controls(settings) if one.pack is not None}


def test_while_nothing_is_decided_every_brands_first_pack_holds_from_the_beginning(settings: Settings) -> None:
    first = activate(find("retail", settings), settings, at=None, brand=None)
    second = activate(find("airline", settings), settings, at=None, brand="skylark")
    assert (first.since, first.doubt, second.since, second.doubt) == (
        *("from the beginning", False),
        *("from the beginning", False),
    )
    assert in_force(settings) == {None: 0, "skylark": 0}


def test_a_brand_that_comes_later_gets_its_pack_ahead_of_what_is_decided(kafka: Kafka, settings: Settings) -> None:
    kafka.produce(settings.topic("cx-touchpoints"), [(b"anna", b"waits for a pack")])
    first = activate(find("retail", settings), settings, at=None, brand=None)
    assert (first.since, first.doubt) == ("from the beginning", False)
    now = time.time_ns() // 1_000
    second = activate(find("airline", settings), settings, at=None, brand="skylark")
    assert in_force(settings)["skylark"] >= now + AHEAD_SECONDS * 1_000_000
    assert second.doubt is False
    again = activate(find("airline", settings), settings, at=None, brand="skylark")
    assert (again.since, again.doubt) == (second.since, False)


def test_a_pack_that_is_dated_before_what_is_decided_may_be_refused_and_that_is_said(
    kafka: Kafka, settings: Settings
) -> None:
    activate(find("retail", settings), settings, at=None, brand=None)
    kafka.produce(settings.topic("cx-touchpoints"), [(b"anna", b"is decided")])
    assert activate(find("airline", settings), settings, at="beginning", brand="skylark").doubt
    assert activate(find("airline", settings), settings, at="2026-03-01T00:00:00Z", brand="skylark").doubt
