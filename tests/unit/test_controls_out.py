"""A control's copies: written again until every partition has acknowledged, or the partitions are named; Kafka is not there."""

from typing import Any

import pytest

from streams.connect import controls
from streams.connect.publisher import Failure
from streams.errors import Unavailable, UserError
from streams.settings import Settings

SETTINGS = Settings()


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> "Broker":
    made = Broker()
    monkeypatch.setattr(controls, "Publisher", made)
    monkeypatch.setattr(controls, "_partitions", lambda _: 3)
    monkeypatch.setattr(controls, "_PAUSE_SECONDS", 0.0)
    return made


class Broker:
    """Makes Publishers; `attempts` says for each which partitions fail, None for no answer at all."""

    def __init__(self) -> None:
        self.attempts: list[set[int] | None] = []
        self.sent: list[list[int]] = []
        self.stuck = 0

    def __call__(self, settings: Settings, seconds: float) -> "Publisher":
        failing = self.attempts.pop(0) if self.attempts else set()
        if failing is None:
            raise UserError("no Kafka answers")
        self.sent.append([])
        return Publisher(failing, self.sent[-1], self.stuck)


class Publisher:
    def __init__(self, failing: set[int], sent: list[int], stuck: int) -> None:
        self._failing, self._sent = failing, sent
        self.failures: list[Failure] = []
        self.under_way = stuck

    def send(self, topic: str, key: bytes, value: bytes, line: int, partition: int) -> None:
        assert (topic, key, value) == ("cx-controls", b"k", b"v")
        self._sent.append(partition)
        if partition in self._failing:
            self.failures.append(Failure(line, TimeoutError()))

    def wait(self, seconds: float) -> bool:
        return True

    def close(self) -> None:
        pass


def write(**options: Any) -> int:
    return controls.write_copies(b"k", b"v", SETTINGS, **options)


def test_one_attempt_suffices(broker: Broker) -> None:
    assert write() == 3
    assert broker.sent == [[0, 1, 2]]


def test_only_what_is_missing_is_written_again(broker: Broker) -> None:
    broker.attempts = [{1, 2}, None, {2}]
    waits: list[set[int]] = []
    assert write(waiting=lambda missing: waits.append(set(missing))) == 3
    assert broker.sent == [[0, 1, 2], [1, 2], [2]]
    assert waits == [{1, 2}, {1, 2}, {2}]


def test_what_is_still_under_way_is_not_taken_for_acknowledged(broker: Broker) -> None:
    broker.stuck = 1
    with pytest.raises(Unavailable, match="partitions 0, 1, 2 of cx-controls"):
        write(patience_seconds=0)


def test_when_patience_ends_the_partitions_are_named(broker: Broker) -> None:
    broker.attempts = [{1}]
    with pytest.raises(Unavailable, match=r"partitions 1 of cx-controls did not acknowledge") as ended:
        write(patience_seconds=0)
    assert "repeats are ignored" in ended.value.detail
