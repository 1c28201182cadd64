"""The local broker: settings that matter are in force, data survive stop and kill -9, transactions work, listeners can be added."""

from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaProducer

from streams.admin import TopicSpec
from tests.kafka_service import Kafka


def test_produce_and_read(kafka: Kafka) -> None:
    topic = kafka.topic(partitions=3)
    sent = kafka.produce(topic, [(b"k%d" % n, b"v%d" % n) for n in range(20)])
    got = kafka.read(topic)
    assert {(record.partition, record.offset) for record in got} == set(sent)
    assert {record.value for record in got} == {b"v%d" % n for n in range(20)}


def test_the_brokers_clock_stamps_messages(kafka: Kafka) -> None:
    topic = kafka.topic()
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=[kafka.bootstrap])
    producer.send(topic, b"x", timestamp_ms=1_000).get(10)
    producer.close()
    assert kafka.read(topic)[0].timestamp_ms > 1_600_000_000_000


def test_topics_are_not_made_by_accident(kafka: Kafka) -> None:
    with kafka.admin() as admin:
        name = kafka.prefix() + "never-created"
        admin._client.describe_topics([name])
        assert name not in admin.topics()


async def test_only_committed_transactions_are_seen(kafka: Kafka) -> None:
    topic = kafka.topic()
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=kafka.prefix())
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"kept")
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"dropped")
        await producer.abort_transaction()
    finally:
        await producer.stop()
    assert [record.value for record in kafka.read(topic)] == [b"kept"]
    assert [record.value for record in kafka.read(topic, committed=False)] == [b"kept", b"dropped"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_data_survive(new_broker: Callable[..., Kafka], end: str) -> None:
    service = new_broker()
    topic = service.topic(partitions=2)
    service.produce(topic, [(b"k%d" % n, b"v%d" % n) for n in range(100)])
    with service.admin() as admin:
        before = admin.topics()[topic].id
    getattr(service.broker, end)()
    assert not service.broker.ready()
    service.broker.start()
    service.broker.wait()
    assert len(service.read(topic)) == 100
    with service.admin() as admin:
        assert admin.topics()[topic].id == before
        assert admin.create([TopicSpec(topic + "-2", 1, 1, {})]) == [topic + "-2"]


def test_configuration_of_the_caller(new_broker: Callable[..., Kafka]) -> None:
    service = new_broker(extra={"log.segment.bytes": "1048576", "message.max.bytes": "2000000"})
    topic = service.topic()
    with service.admin() as admin:
        configs = admin.configs({topic: ["segment.bytes", "max.message.bytes"]})[topic]
    assert configs == {"segment.bytes": "1048576", "max.message.bytes": "2000000"}
