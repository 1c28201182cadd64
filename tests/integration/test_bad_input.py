"""Every invalid example, sent to a real worker: each becomes one dead letter with its bytes and its reason, and the rest goes on."""

import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from kafka import KafkaProducer
from kafka.partitioner.default import murmur2

from schemas.codec import NAMES, Codec
from schemas.controls import Control, PackInForce
from schemas.decisions import Experience
from schemas.events import Feedback, Touchpoint
from streams import topics
from streams.connect.controls import send_control
from streams.connect.outgoing import topics as input_topics
from streams.errors import DeadLetterReason
from streams.packs_folder import shelf
from streams.settings import Settings
from tests.examples import Invalid, invalid
from tests.kafka_service import Kafka
from tests.touchstone_command import start_touchstone

PARTITIONS = 2
SECONDS = 90.0
CODEC = Codec()
FRAME = {"subject_type": "customer", "subject_id": "c1"}
INPUTS = input_topics()

Letter = tuple[str, bytes | None, bytes | None]  # reason, key, value


@pytest.fixture
def settings(kafka: Kafka) -> Settings:
    """Every topic, retail in force; the breaker, which would stop a worker that sees nothing but nonsense, is open wide."""
    made = kafka.settings(kafka_partitions=PARTITIONS, worker_breaker_in_a_row=100_000, worker_breaker_share=1.0)
    packs = shelf(made).packs()
    with kafka.admin() as admin:
        topics.create(admin, made, {audience for pack in packs for audience in pack.file.audiences})
    retail = next(pack for pack in packs if pack.name == "retail")
    in_force = PackInForce(name=retail.name, version=retail.version)
    send_control(Control(control_id="retail", in_force_at=0, written_at=1, pack=in_force), made)
    return made


class Sender:
    """Puts messages where one wants them, right or wrong."""

    def __init__(self, kafka: Kafka, settings: Settings) -> None:
        self._settings = settings
        self._producer = KafkaProducer(bootstrap_servers=[kafka.bootstrap], max_request_size=4 << 20)

    def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        self._producer.send(self._settings.topic(topic), key=key, value=value, partition=partition).get(20)

    def close(self) -> None:
        self._producer.close()


@pytest.fixture
def sender(kafka: Kafka, settings: Settings) -> Iterator[Sender]:
    made = Sender(kafka, settings)
    yield made
    made.close()


def touchpoint(number: int, **changes: object) -> Touchpoint:
    fields = {
        **FRAME,
        "event_id": f"t{number}",
        "occurred_at": now_us(),
        "touchpoint": "checkout",
        "outcome": "failure",
    }
    return Touchpoint(**{**fields, **changes})  # type: ignore[arg-type]


def now_us() -> int:
    return time.time_ns() // 1_000


def own_partition(key: bytes) -> int:
    return int((murmur2(key) & 0x7FFFFFFF) % PARTITIONS)


def wait_until_done(kafka: Kafka, settings: Settings) -> None:
    """Everything that a worker reads has been committed."""
    names = [settings.topic(name) for name in INPUTS.values() if name != "cx-controls"]
    deadline = time.monotonic() + SECONDS
    with kafka.admin() as admin:
        while left := sum(admin.lag(settings.topic("touchstone-worker"), names).values()):
            assert time.monotonic() < deadline, f"{left} messages were not taken in within {SECONDS} s"
            time.sleep(0.1)


def letters(kafka: Kafka, settings: Settings) -> Counter[Letter]:
    """What was dead-lettered: how often each."""
    found = kafka.read(settings.topic("cx-dead-letters"))
    return Counter((dict(one.headers)["touchstone.reason"].decode(), one.key, one.value) for one in found)


def examples() -> list[Invalid]:
    """Those of the kinds that a worker takes in."""
    return [example for example in invalid() if NAMES[example.expected] in INPUTS]


def test_each_invalid_example_is_one_dead_letter_and_what_is_valid_goes_on(
    kafka: Kafka, settings: Settings, sender: Sender
) -> None:
    wanted: Counter[Letter] = Counter()
    sender.send("cx-touchpoints", b"c1", CODEC.encode(touchpoint(0)))
    for example in examples():
        # Kafka itself refuses a message without key and value.
        key = example.key if example.value is not None else example.key or b"c1"
        sender.send(INPUTS[NAMES[example.expected]], key, example.value)
        wanted[(example.reason, key, example.value)] += 1
    ahead = CODEC.encode(touchpoint(1, occurred_at=now_us() + 3_600_000_000))
    sender.send("cx-touchpoints", b"c1", ahead)
    wanted[(DeadLetterReason.TIME_IN_FUTURE, b"c1", ahead)] += 1
    astray = CODEC.encode(touchpoint(2))
    sender.send("cx-touchpoints", b"c1", astray, partition=1 - own_partition(b"c1"))
    wanted[(DeadLetterReason.WRONG_PARTITION, b"c1", astray)] += 1
    said = Feedback(**FRAME, event_id="f1", occurred_at=now_us(), touchpoint="checkout", kind="nps", score=0.0)  # type: ignore[arg-type]
    sender.send("cx-feedback", b"c1", CODEC.encode(said))

    worker = start_touchstone("worker", settings=settings)
    try:
        wait_until_done(kafka, settings)
        deadline = time.monotonic() + SECONDS
        while letters(kafka, settings).total() < wanted.total() and time.monotonic() < deadline:
            time.sleep(0.1)
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=SECONDS)
    finally:
        worker.kill()
        worker.wait()
    assert worker.returncode == 0, log.decode()
    found = letters(kafka, settings)
    assert found == wanted, {"missing": short(wanted - found), "besides": short(found - wanted)}
    joined = [CODEC.decode(one.value, Experience) for one in kafka.read(settings.topic("cx-experiences"))]
    assert [(one.event_id, one.context.failures) for one in joined if not one.retracted][-1] == ("f1", 1)


def short(counts: Counter[Letter]) -> list[tuple[str, bytes | None, bytes | None]]:
    return [(reason, key and key[:40], value and value[:40]) for reason, key, value in counts]


def test_every_input_topic_has_an_example_of_what_it_refuses() -> None:
    assert {NAMES[example.expected] for example in examples()} >= {"touchpoint", "feedback", "action_update", "control"}
