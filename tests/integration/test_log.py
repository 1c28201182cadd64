"""Reading topics from outside a group: exactly the range, committed messages only, and no silent gap."""

from collections.abc import Iterator

import pytest
from kafka import KafkaProducer, TopicPartition

from streams.admin import TopicSpec
from streams.connect import log
from streams.connect.log import LogReader, read_log
from streams.engine.job import Message
from streams.errors import Unavailable
from streams.settings import Settings
from tests.kafka_service import Kafka

TOPIC = "cx-actions"
POLL_MS = 30_000  # a poll ends with the first message


@pytest.fixture
def settings(kafka: Kafka) -> Iterator[Settings]:
    settings = kafka.settings()
    name = settings.topic(TOPIC)
    with kafka.admin() as admin:
        admin.create([TopicSpec(name, 2, 1, {"message.timestamp.type": "LogAppendTime"})])
    yield settings
    with kafka.admin() as admin:
        admin.delete([name])


def fill(kafka: Kafka, settings: Settings, *numbers: int, partition: int = 0) -> None:
    kafka.produce(settings.topic(TOPIC), [(b"k", str(number).encode()) for number in numbers], partition=partition)


def values(messages: list[Message]) -> list[str]:
    return sorted((message.value or b"").decode() for message in messages)


def test_all_that_is_there_now(kafka: Kafka, settings: Settings) -> None:
    fill(kafka, settings, 1, 2)
    fill(kafka, settings, 3, partition=1)
    found = list(read_log(settings, [TOPIC]))
    assert values(found) == ["1", "2", "3"]
    assert {(message.topic, message.key, message.headers) for message in found} == {(TOPIC, b"k", ())}
    assert {(message.partition, message.offset) for message in found} == {(0, 0), (0, 1), (1, 0)}


def test_a_range_of_offsets_and_only_the_partitions_that_it_names(kafka: Kafka, settings: Settings) -> None:
    fill(kafka, settings, *range(10))
    fill(kafka, settings, 100, partition=1)
    at = (settings.topic(TOPIC), 0)
    assert values(list(read_log(settings, [TOPIC], begin={at: 3}, end={at: 6}))) == ["3", "4", "5"]
    assert list(read_log(settings, [TOPIC], begin={at: 6}, end={at: 6})) == []


def test_from_an_arrival_on(kafka: Kafka, settings: Settings) -> None:
    fill(kafka, settings, 1)
    (first,) = read_log(settings, [TOPIC])
    assert values(list(read_log(settings, [TOPIC], since_ms=first.timestamp_ms))) == ["1"]
    assert list(read_log(settings, [TOPIC], since_ms=first.timestamp_ms + 1)) == []


def test_a_range_ends_behind_an_aborted_transaction(kafka: Kafka, settings: Settings) -> None:
    fill(kafka, settings, 1)
    producer = KafkaProducer(bootstrap_servers=[kafka.bootstrap], transactional_id=kafka.prefix())
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(settings.topic(TOPIC), key=b"k", value=b"never", partition=0).get(10)
    producer.abort_transaction()
    producer.close()
    assert values(list(read_log(settings, [TOPIC]))) == ["1"]


def test_a_range_that_never_comes_is_given_up(
    kafka: Kafka, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "STUCK_SECONDS", 0.5)
    fill(kafka, settings, 1)
    at = (settings.topic(TOPIC), 0)
    reading = read_log(settings, [TOPIC], begin={at: 0}, end={at: 5})
    assert next(reading).value == b"1"
    with pytest.raises(Unavailable, match=rf"{at[0]}/0: nothing comes from offset 1 on"):
        next(reading)


def test_a_range_that_is_gone_is_an_error_and_a_follower_goes_on(kafka: Kafka, settings: Settings) -> None:
    fill(kafka, settings, 1, 2, 3)
    at = (settings.topic(TOPIC), 0)
    with kafka.admin() as admin:
        admin._client.delete_records({TopicPartition(*at): 2})
    with pytest.raises(Unavailable, match=r"OffsetOutOfRange"):
        list(read_log(settings, [TOPIC], begin={at: 0}, end={at: 3}))
    with LogReader(settings, {at: 0}) as reader:
        assert values(reader.poll(POLL_MS)) == ["3"]
        fill(kafka, settings, 4)
        assert values(reader.poll(POLL_MS)) == ["4"]
