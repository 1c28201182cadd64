"""`touchstone tail` on the real Kafka: what was sent is seen, from where one likes, committed only, until Ctrl-C."""

import json
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from schemas.codec import Codec
from schemas.events import Touchpoint
from streams.admin import TopicSpec
from streams.settings import Settings
from streams.tail.read import start_from
from tests.kafka_service import Kafka
from tests.touchstone_command import TOUCHSTONE, environment, start_touchstone, touchstone

TOPIC = "cx-touchpoints"
CODEC = Codec()
SECONDS = 30.0


@pytest.fixture
def settings(kafka: Kafka) -> Settings:
    made = kafka.settings()
    create(kafka, made, TOPIC, "cx-dead-letters")
    return made


def create(kafka: Kafka, settings: Settings, *names: str, partitions: int = 2) -> None:
    with kafka.admin() as admin:
        config = {"message.timestamp.type": "LogAppendTime"}
        admin.create(TopicSpec(settings.topic(name), partitions, 1, config) for name in names)


def touchpoint(number: int) -> tuple[bytes, bytes]:
    at = 1_772_357_400_000_000
    fields = {"event_id": f"e{number}", "subject_type": "customer", "subject_id": f"客户{number}", "occurred_at": at}
    record = Touchpoint(**fields, touchpoint="checkout", outcome="failure")  # type: ignore[arg-type]
    return record.subject_id.encode(), CODEC.encode(record)


def tail(*arguments: object, settings: Settings) -> list[dict[str, Any]]:
    done = touchstone("tail", *arguments, "--no-follow", "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def event_ids(found: list[dict[str, Any]]) -> list[str]:
    return sorted(message["value"]["event_id"] for message in found)


@pytest.mark.parametrize("name", [TOPIC, "touchpoints", "{prefix}cx-touchpoints", "*touchpoints"])
def test_everything_that_is_there(kafka: Kafka, settings: Settings, name: str) -> None:
    sent = kafka.produce(settings.topic(TOPIC), [touchpoint(number) for number in range(10)])
    found = tail(name.format(prefix=settings.kafka_prefix), settings=settings)
    assert event_ids(found) == [f"e{number}" for number in range(10)]
    assert sorted((message["partition"], message["offset"]) for message in found) == sorted(sent)
    assert {message["topic"] for message in found} == {TOPIC}
    assert {message["key"] for message in found} == {f"客户{number}" for number in range(10)}


def test_lines_for_people(kafka: Kafka, settings: Settings) -> None:
    kafka.produce(settings.topic(TOPIC), [touchpoint(1)])
    done = touchstone("tail", "touchpoints", "--no-follow", settings=settings)
    (line,) = done.stdout.splitlines()
    assert "客户1 checkout failure (event time 2026-03-01 09:30:00)" in line
    masked = touchstone("tail", "touchpoints", "--no-follow", "--mask", settings=settings)
    assert "*** checkout failure" in masked.stdout
    assert "客户" not in masked.stdout + masked.stderr


def test_a_key_and_a_limit(kafka: Kafka, settings: Settings) -> None:
    kafka.produce(settings.topic(TOPIC), [touchpoint(number) for number in range(10)])
    assert event_ids(tail(TOPIC, "--key", "客户3", settings=settings)) == ["e3"]
    assert len(tail(TOPIC, "--limit", 4, settings=settings)) == 4


def test_from_an_instant_of_arrival(kafka: Kafka, settings: Settings) -> None:
    topic = settings.topic(TOPIC)
    kafka.produce(topic, [touchpoint(1)])
    (before,) = kafka.read(topic)
    while time.time() * 1000 <= before.timestamp_ms + 1:
        pass
    kafka.produce(topic, [touchpoint(2)])
    after = max(kafka.read(topic), key=lambda record: record.timestamp_ms)
    text = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(after.timestamp_ms / 1000))}.{after.timestamp_ms % 1000:03d}Z"  # fmt: skip
    assert start_from(text) == after.timestamp_ms
    assert event_ids(tail(TOPIC, "--from", text, settings=settings)) == ["e2"]
    assert event_ids(tail(TOPIC, "--from", "1h", settings=settings)) == ["e1", "e2"]
    assert tail(TOPIC, "--from", "end", settings=settings) == []


def test_what_was_aborted_is_not_seen(kafka: Kafka, settings: Settings) -> None:
    producer = KafkaProducer(bootstrap_servers=[kafka.bootstrap], transactional_id=kafka.prefix())
    producer.init_transactions()
    for number, end in ((1, producer.abort_transaction), (2, producer.commit_transaction)):
        producer.begin_transaction()
        key, value = touchpoint(number)
        producer.send(settings.topic(TOPIC), key=key, value=value)
        producer.flush()
        end()
    producer.close()
    assert event_ids(tail(TOPIC, settings=settings)) == ["e2"]


def test_a_dead_letter_shows_why_and_what(kafka: Kafka, settings: Settings) -> None:
    key, value = touchpoint(1)
    headers = [("__connect.errors.topic", settings.topic(TOPIC).encode()), ("touchstone.reason", b"malformed")]
    producer = KafkaProducer(bootstrap_servers=[kafka.bootstrap])
    producer.send(settings.topic("cx-dead-letters"), key=key, value=value[:-3], headers=headers).get(10)
    producer.close()
    (found,) = tail("dead-letters", settings=settings)
    assert found["refused"] == {"reason": "malformed", "topic": settings.topic(TOPIC)}
    assert found["value"]["subject_id"] == "客户1"
    assert found["hex"] == value[:-3][:64].hex()


def test_several_topics_by_a_pattern(kafka: Kafka, settings: Settings) -> None:
    create(kafka, settings, "cx-notify-care", "cx-notify-sales")
    for name in ("cx-notify-care", "cx-notify-sales"):
        kafka.produce(settings.topic(name), [(b"c1", b"\x01")])
    found = tail("cx-notify-*", settings=settings)
    assert sorted(message["topic"] for message in found) == ["cx-notify-care", "cx-notify-sales"]
    assert all(message["problem"].startswith("wrong_magic") for message in found)


def test_a_topic_that_is_not_there_names_those_that_are(settings: Settings) -> None:
    done = touchstone("tail", "cx-touchpoint", "--no-follow", settings=settings)
    assert done.returncode == 2
    assert "no topic cx-touchpoint on" in done.stderr
    assert "there are cx-dead-letters, cx-touchpoints" in done.stderr


def test_a_broker_that_is_down_is_told_with_what_to_do() -> None:
    done = touchstone("tail", "actions", settings=Settings(kafka_brokers="127.0.0.1:1"))
    assert done.returncode == 3
    assert "no Kafka answers at 127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_position_that_cannot_be_read(settings: Settings) -> None:
    done = touchstone("tail", "actions", "--from", "yesterday", settings=settings)
    assert done.returncode == 2
    assert "write beginning, end, 2026-03-01T09:30:00Z, or how long ago: 15m, 2h, 1d" in done.stderr


class Follower:
    """A `tail` that follows; its lines as they come."""

    def __init__(self, settings: Settings, *arguments: object) -> None:
        self.process = start_touchstone("tail", *arguments, settings=settings)
        self.lines: queue.Queue[str] = queue.Queue()
        self.notices: queue.Queue[str] = queue.Queue()
        for stream, into in ((self.process.stdout, self.lines), (self.process.stderr, self.notices)):
            threading.Thread(target=self._pump, args=(stream, into), daemon=True).start()

    @staticmethod
    def _pump(stream: Any, into: "queue.Queue[str]") -> None:
        with stream:
            for line in stream:
                into.put(line.decode())

    def stop(self) -> int:
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(SECONDS)


def test_following_until_ctrl_c(kafka: Kafka, settings: Settings) -> None:
    kafka.produce(settings.topic(TOPIC), [touchpoint(1)])
    follower = Follower(settings, "touchpoints", "--from", "beginning")
    assert "客户1" in follower.lines.get(timeout=SECONDS)
    kafka.produce(settings.topic(TOPIC), [touchpoint(2)])
    assert "客户2" in follower.lines.get(timeout=SECONDS)
    assert follower.stop() == 130
    assert follower.notices.empty()


def test_following_goes_on_when_the_broker_comes_back(new_broker: Callable[..., Kafka]) -> None:
    kafka = new_broker()
    settings = kafka.settings()
    create(kafka, settings, TOPIC)
    kafka.produce(settings.topic(TOPIC), [touchpoint(1)])
    follower = Follower(settings, "touchpoints", "--from", "beginning")
    assert "客户1" in follower.lines.get(timeout=SECONDS)
    kafka.broker.kill()
    assert "waiting" in follower.notices.get(timeout=SECONDS)
    kafka.broker.start()
    kafka.broker.wait()
    kafka.produce(settings.topic(TOPIC), [touchpoint(2)])
    assert "客户2" in follower.lines.get(timeout=SECONDS)
    assert "answers again" in follower.notices.get(timeout=SECONDS)
    assert follower.stop() == 130


def test_a_reader_that_leaves_early_is_no_error(kafka: Kafka, settings: Settings, tmp_path: Path) -> None:
    kafka.produce(settings.topic(TOPIC), [touchpoint(number) for number in range(2_000)])
    for form in ("", "--json"):
        command = f"touchstone tail touchpoints --no-follow {form} 2>{tmp_path}/err | head -1; echo ${{PIPESTATUS[0]}}"
        variables = environment(settings)
        variables["PATH"] = f"{TOUCHSTONE.parent}:{variables['PATH']}"
        done = subprocess.run(["bash", "-c", command], env=variables, capture_output=True, timeout=60, check=True)
        assert done.stdout.splitlines()[-1] == b"0"
        assert (tmp_path / "err").read_text() == ""
