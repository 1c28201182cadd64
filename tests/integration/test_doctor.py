"""`touchstone doctor` on the real Kafka and ClickHouse: all well, each thing that can be wrong, and addresses that answer nothing."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from schemas.codec import Codec
from schemas.controls import Control, PackInForce
from schemas.events import Touchpoint
from sinks.migrations import migrate
from streams import lag, topics
from streams.connect.controls import send_control
from streams.connect.outgoing import CONTROLS
from streams.doctor import group_checks, kafka_checks, other_checks
from streams.doctor.check import Finding
from streams.engine.dead_letter import letter
from streams.engine.job import Message
from streams.engine.topology import WORKER_GROUP
from streams.errors import DeadLetterReason
from streams.packs_folder import shelf
from streams.settings import Settings
from tests.clickhouse_service import ClickHouseService
from tests.kafka_service import Kafka
from tests.touchstone_command import touchstone

PARTITIONS = 2
CODEC = Codec()


@pytest.fixture
def settings(kafka: Kafka) -> Settings:
    """Every topic of topics.yaml, and of the built-in packs' audiences."""
    made = kafka.settings(kafka_partitions=PARTITIONS)
    audiences = {audience for pack in shelf(made).packs() for audience in pack.file.audiences}
    with kafka.admin() as admin:
        topics.create(admin, made, audiences)
    return made


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.status, finding.what) for finding in findings]


def activate(settings: Settings, name: str = "retail", version: str | None = None, at: int = 0) -> None:
    pack = next(pack for pack in shelf(settings).packs() if pack.name == "retail")
    in_force = PackInForce(name=name, version=version or pack.version)
    control_id = f"{name}-{version}-{at}"
    send_control(Control(control_id=control_id, in_force_at=at, written_at=at + 1, pack=in_force), settings)


def produce_to(kafka: Kafka, topic: str, partition: int, key: bytes, value: bytes, headers: Any = None) -> None:
    producer = KafkaProducer(bootstrap_servers=[kafka.bootstrap])
    producer.send(topic, key=key, value=value, partition=partition, headers=headers).get(20)
    producer.close()


def test_all_well(
    kafka: Kafka, settings: Settings, clickhouse_server: ClickHouseService, clickhouse_database: str
) -> None:
    place = {"clickhouse_host": clickhouse_server.host, "clickhouse_port": clickhouse_server.port}
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    well = Settings(**{**given, **place, "clickhouse_database": clickhouse_database})
    migrate(well)
    activate(well)
    done = touchstone("doctor", "--json", "--timeout", 30, settings=well)
    report = json.loads(done.stdout)
    statuses = {one["check"]: one["status"] for one in report["findings"]}
    assert done.returncode == 0, report["findings"]
    assert statuses.pop("worker") == "attention"  # none runs, and none has anything to do
    assert statuses.pop("sink") in ("attention", "failed")
    assert set(statuses.values()) == {"ok"}, report["findings"]
    assert len(statuses) == 11
    assert any("version 4." in one["what"] for one in report["findings"] if one["check"] == "Kafka")
    sources = {one["name"]: one["source"] for one in report["settings"]}
    assert sources["TOUCHSTONE_KAFKA_BROKERS"] == "environment"


def test_topics_that_are_missing_or_differ(kafka: Kafka) -> None:
    settings = kafka.settings(kafka_partitions=PARTITIONS)
    (missing,) = kafka_checks.topics_as_declared(settings)
    assert missing.status == "failed"
    assert missing.fix.startswith("`touchstone topics create --audience")
    with kafka.admin() as admin:
        audiences = {audience for pack in shelf(settings).packs() for audience in pack.file.audiences}
        topics.create(admin, settings, audiences)
        admin.set_configs({settings.topic("cx-actions"): {"retention.ms": "1000"}})
    deadline = time.monotonic() + 20
    while (differs := kafka_checks.topics_as_declared(settings)[0]).status == "ok":  # a change takes a moment
        assert time.monotonic() < deadline
    assert "cx-actions: retention.ms is 1000" in differs.what
    assert "--update-config" in differs.fix
    other = settings.model_copy(update={"kafka_partitions": 7})
    assert any("TOUCHSTONE_KAFKA_PARTITIONS says 7" in one.what for one in kafka_checks.topics_as_declared(other))


def test_no_pack_in_force(settings: Settings) -> None:
    (finding,) = kafka_checks.controls(settings)
    assert (finding.status, finding.what) == ("attention", "0 controls, no pack is in force")
    assert "packs activate" in finding.fix


def test_the_pack_in_force_and_one_that_is_not_here(settings: Settings) -> None:
    activate(settings)
    (finding,) = kafka_checks.controls(settings)
    assert finding.status == "ok"
    assert finding.what.startswith("pack retail ")
    assert finding.what.endswith("since the beginning")
    activate(settings, version="0ff", at=1_772_357_400_000_000)
    (finding,) = kafka_checks.controls(settings)
    assert finding.status == "attention"
    assert finding.what == "pack retail 0ff is in force since 2026-03-01T09:30:00Z, and not installed here"


def test_a_pack_that_the_workers_refused_is_not_in_force(kafka: Kafka, settings: Settings) -> None:
    activate(settings)
    late = Control(
        control_id="late", in_force_at=0, written_at=2, brand="acme", pack=PackInForce(name="x", version="1")
    )
    send_control(late, settings)
    message = Message(CONTROLS, 1, 1, 0, b"late", CODEC.encode(late), ())
    refusal = letter(message, settings.topic(CONTROLS), "subjects", DeadLetterReason.CONTROL_TOO_LATE, "too late")
    produce_to(kafka, settings.topic("cx-dead-letters"), 0, b"late", refusal.value, headers=list(refusal.headers))
    refused, retail, _acme = kafka_checks.controls(settings)
    assert refused.what.startswith("pack x from the beginning for brand acme was refused in 1 of 2 partitions")
    assert "packs activate x --brand acme" in refused.fix
    assert retail.what.startswith("pack retail ")
    later = Control(
        control_id="later",
        in_force_at=1_772_357_400_000_000,
        written_at=3,
        brand="acme",
        pack=PackInForce(name="x", version="1"),
    )
    send_control(later, settings)
    assert not any("refused" in finding.what for finding in kafka_checks.controls(settings))


def test_a_control_that_is_not_on_every_partition(kafka: Kafka, settings: Settings) -> None:
    activate(settings)
    lone = Control(control_id="lone", in_force_at=0, written_at=1, pack=PackInForce(name="x", version="1"))
    produce_to(kafka, settings.topic("cx-controls"), 1, b"lone", CODEC.encode(lone))
    finding = kafka_checks.controls(settings)[0]
    assert finding.status == "failed"
    assert finding.what == "1 of 2 are not the same on all partitions: lone"
    assert "send them again" in finding.fix
    send_control(lone, settings)
    assert kafka_checks.controls(settings)[0].status != "failed"


def test_dead_letters_by_reason(kafka: Kafka, settings: Settings) -> None:
    assert told(kafka_checks.dead_letters(settings)) == [("ok", "none in the last hour")]
    for reason in (b"malformed", b"malformed", b"too_late"):
        headers = [("touchstone.reason", reason), ("__connect.errors.topic", b"cx-touchpoints")]
        produce_to(kafka, settings.topic("cx-dead-letters"), 0, b"SECRET", b"SECRET", headers)
    (finding,) = kafka_checks.dead_letters(settings)
    assert finding.status == "attention"
    assert finding.what == "3 in the last hour: 2 malformed on cx-touchpoints, 1 too_late on cx-touchpoints"
    assert "SECRET" not in finding.what + finding.fix


def test_transactions_and_the_clock(kafka: Kafka, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kafka_checks.transactions(settings, 20)[0].status == "ok"
    assert "nothing has arrived" in kafka_checks.clock(settings)[0].what
    send_touchpoints(kafka, settings, 1)
    assert kafka_checks.clock(settings)[0].status == "ok"
    now = time.time()
    monkeypatch.setattr(kafka_checks.time, "time", lambda: now - 3600)
    (finding,) = kafka_checks.clock(settings)
    assert finding.status == "failed"
    assert "in the future" in finding.what


def send_touchpoints(kafka: Kafka, settings: Settings, count: int) -> None:
    fields = {"event_id": "e", "subject_type": "customer", "subject_id": "c1", "occurred_at": 1_772_357_400_000_000}
    record = Touchpoint(**fields, touchpoint="checkout")  # type: ignore[arg-type]
    kafka.produce(settings.topic("cx-touchpoints"), [(b"c1", CODEC.encode(record))] * count)


def test_lag_in_messages_and_seconds(kafka: Kafka, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    (idle,) = group_checks.worker(settings)
    assert (idle.status, idle.fix) == ("attention", "start `touchstone worker`")
    send_touchpoints(kafka, settings, 5)
    (stopped,) = group_checks.worker(settings)
    assert stopped.status == "failed"
    assert f"no members of {settings.topic(WORKER_GROUP)}, 5 messages to go, the oldest for " in stopped.what
    topic = settings.topic("cx-touchpoints")
    consumer = KafkaConsumer(topic, bootstrap_servers=[kafka.bootstrap], group_id=settings.topic(WORKER_GROUP), auto_offset_reset="earliest", enable_auto_commit=False)  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while not consumer.assignment():
            consumer.poll(timeout_ms=200)
            assert time.monotonic() < deadline
        place = next(record for record in kafka.read(topic)).partition
        consumer.commit({TopicPartition(topic, place): OffsetAndMetadata(2, "", -1)})
        (behind,) = group_checks.worker(settings)
        assert behind.status == "ok"
        assert f"1 member of {settings.topic(WORKER_GROUP)}, 3 messages to go" in behind.what
        later = time.time() + 3600
        monkeypatch.setattr(lag.time, "time", lambda: later)
        (old,) = group_checks.worker(settings)
        assert old.status == "attention"
        assert f"most of it on {topic}/{place}" in old.fix
    finally:
        consumer.close()


def test_tables_and_touchpoints_that_no_pack_knows(
    clickhouse_server: ClickHouseService, clickhouse_database: str
) -> None:
    place: dict[str, Any] = {"clickhouse_host": clickhouse_server.host, "clickhouse_port": clickhouse_server.port}
    settings = Settings(**place, clickhouse_database=clickhouse_database)
    assert other_checks.clickhouse(settings)[0].status == "ok"
    (pending,) = other_checks.tables(settings)
    assert (pending.status, pending.fix) == ("failed", "`touchstone migrate`")
    migrate(settings)
    assert other_checks.tables(settings)[0].status == "ok"
    assert other_checks.touchpoints(settings)[0].what.startswith("0 different ones")
    rows = "INSERT INTO touchpoints (event_id, subject_id, touchpoint, _topic, _partition, _offset, _timestamp) VALUES "
    values = ", ".join(f"('e{n}', 'SECRET', '{name}', 't', 0, {n}, now64(3, 'UTC'))" for n, name in enumerate(["checkout", "teleporter", "teleporter"]))  # fmt: skip
    clickhouse_server.query(rows + values, clickhouse_database)
    (finding,) = other_checks.touchpoints(settings)
    assert finding.status == "attention"
    assert "teleporter (2)" in finding.what
    assert "checkout" not in finding.what
    absent = Settings(**place, clickhouse_database="there_is_no_such_database")
    (finding,) = other_checks.tables(absent)
    assert (finding.status, finding.fix) == ("failed", "`touchstone migrate`")


@contextmanager
def black_hole() -> Iterator[int]:
    """Takes connections and never says a word; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


def test_an_address_that_swallows_everything_does_not_hang_the_doctor() -> None:
    with black_hole() as port:
        settings = Settings(
            kafka_brokers=f"127.0.0.1:{port}",
            clickhouse_port=port,
            registry_url=f"http://127.0.0.1:{port}",
        )
        started = time.monotonic()
        done = touchstone("doctor", "--timeout", 2, "--json", settings=settings)
    assert time.monotonic() - started < 30
    assert done.returncode == 3, done.stderr
    failed = {one["check"]: one for one in json.loads(done.stdout)["findings"] if one["status"] == "failed"}
    assert set(failed) == {"Kafka", "ClickHouse", "registry"}
    assert all(one["unreachable"] for one in failed.values())
    assert "Traceback" not in done.stderr


def test_where_nothing_answers_each_failure_says_what_to_do(tmp_path: Path) -> None:
    settings = Settings(kafka_brokers="127.0.0.1:1", clickhouse_port=1, registry_url="http://127.0.0.1:1/")
    done = touchstone("doctor", settings=settings)
    assert done.returncode == 3
    assert "TOUCHSTONE_KAFKA_BROKERS" in done.stdout
    assert "FAILED Kafka: no Kafka answers at 127.0.0.1:1" in done.stdout
    assert "FAILED ClickHouse: 127.0.0.1:1: ClickHouse does not answer" in done.stdout
    assert "FAILED registry: http://127.0.0.1:1 does not answer: Connection refused" in done.stdout
    assert "start the local stack with `touchstone up`" in done.stdout
    assert "topics: not looked at, because Kafka failed" in done.stdout
    assert "Traceback" not in done.stderr
