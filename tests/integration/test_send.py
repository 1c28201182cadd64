"""`touchstone send` on the real Kafka: each kind of file, partitions, refusals, controls, a broker that is not there or goes."""

import gzip
import io
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import confluent_kafka
import fastavro
import openpyxl
import pytest

from schemas.codec import Codec
from schemas.controls import Control, PackInForce
from schemas.events import Touchpoint
from schemas.registry import latest
from schemas.topics import all_topics
from streams.admin import TopicSpec
from streams.connect.controls import send_control
from streams.errors import UserError
from streams.settings import Settings
from tests.kafka_service import Kafka
from tests.touchstone_command import start_touchstone, touchstone

PARTITIONS = 3
FIELDS = ["event_id", "subject_type", "subject_id", "occurred_at", "touchpoint"]
CONTROL: dict[str, object] = {
    "control_id": "k1",
    "in_force_at": 0,
    "written_at": "2026-03-01T09:30:00Z",
    "pack": {"name": "retail", "version": "1"},
}


def settings_with_topics(kafka: Kafka) -> Settings:
    """The input topics under a prefix of their own."""
    settings = kafka.settings(kafka_partitions=PARTITIONS)
    inputs = ("cx-touchpoints", "cx-feedback", "cx-customers", "cx-action-updates", "cx-controls")
    with kafka.admin() as admin:
        admin.create(TopicSpec(settings.topic(name), PARTITIONS, 1, all_topics()[name].config()) for name in inputs)
    return settings


@pytest.fixture
def settings(kafka: Kafka) -> Settings:
    return settings_with_topics(kafka)


def event(number: int, **changes: object) -> dict[str, object]:
    values = [f"e{number}", "customer", f"客户{number}", "2026-03-01T09:30:00Z", "checkout"]
    return dict(zip(FIELDS, values, strict=True)) | changes


def wait_for(kafka: Kafka, topic: str, messages: int) -> None:
    deadline = time.monotonic() + 20
    while len(kafka.read(topic)) < messages:
        assert time.monotonic() < deadline


def json_lines(*documents: dict[str, object]) -> bytes:
    return b"".join(json.dumps(document, ensure_ascii=False).encode() + b"\n" for document in documents)


def as_csv(documents: list[dict[str, object]], encoding: str) -> bytes:
    lines = [",".join(FIELDS), *(",".join(str(document[name]) for name in FIELDS) for document in documents)]
    return "\n".join(lines).encode(encoding)


def as_xlsx(documents: list[dict[str, object]]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    sheet = book.worksheets[0]
    sheet.append(FIELDS)
    for document in documents:
        sheet.append([document[name] for name in FIELDS])
    book.save(out)
    return out.getvalue()


def as_avro(documents: list[dict[str, object]]) -> bytes:
    out, at = io.BytesIO(), 1_772_357_400_000_000
    fastavro.writer(out, latest("touchpoint").document, [document | {"occurred_at": at} for document in documents])
    return out.getvalue()


FILES: dict[str, Callable[[list[dict[str, object]]], bytes]] = {
    "events.jsonl": lambda documents: json_lines(*documents),
    "events.csv": lambda documents: as_csv(documents, "utf-8-sig"),
    "gb.csv": lambda documents: as_csv(documents, "gb18030"),
    "events.xlsx": as_xlsx,
    "events.avro": as_avro,
    "events.jsonl.gz": lambda documents: gzip.compress(json_lines(*documents)),
}


@pytest.mark.parametrize("name", FILES)
def test_each_kind_of_file_arrives(kafka: Kafka, settings: Settings, tmp_path: Path, name: str) -> None:
    documents = [event(number) for number in range(20)]
    (tmp_path / name).write_bytes(FILES[name](documents))
    done = touchstone("send", tmp_path / name, "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["acknowledged"] == {"cx-touchpoints": 20}
    codec = Codec()
    found = [codec.decode(record.value, Touchpoint) for record in kafka.read(settings.topic("cx-touchpoints"))]
    assert sorted(record.event_id for record in found) == sorted(f"e{number}" for number in range(20))
    assert {record.subject_id for record in found} == {f"客户{number}" for number in range(20)}
    assert {record.occurred_at for record in found} == {1_772_357_400_000_000}


def test_another_client_finds_each_message_in_the_partition_that_java_would_choose(
    kafka: Kafka, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "events.jsonl").write_bytes(json_lines(*(event(number) for number in range(50))))
    assert touchstone("send", tmp_path / "events.jsonl", settings=settings).returncode == 0
    name, twin = settings.topic("cx-touchpoints"), kafka.topic(PARTITIONS)
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random"})
    for number in range(50):
        producer.produce(twin, key=f"客户{number}".encode(), value=b"")
    assert producer.flush(20) == 0
    places = {topic: read_places(kafka, topic) for topic in (name, twin)}
    assert places[name] == places[twin]
    assert len(places[name]) == 50


def read_places(kafka: Kafka, topic: str) -> dict[bytes, int]:
    """Key → partition, read by librdkafka."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": kafka.prefix()})
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    found: dict[bytes, int] = {}
    deadline = time.monotonic() + 20
    while len(found) < 50 and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found[message.key()] = message.partition()
    consumer.close()
    return found


def test_what_is_refused_is_told_and_the_rest_is_sent(kafka: Kafka, settings: Settings, tmp_path: Path) -> None:
    lines = json_lines(event(1), event(2, subject_id=""), event(3)) + b"{broken\n" + json_lines(event(4, gate="B"))
    (tmp_path / "mixed.jsonl").write_bytes(lines)
    refused = tmp_path / "refused.jsonl"
    done = touchstone("send", tmp_path / "mixed.jsonl", "--refused", refused, settings=settings)
    assert done.returncode == 1
    assert "5 rows read, 2 acknowledged (cx-touchpoints 2), 3 refused" in done.stdout
    assert f"{tmp_path / 'mixed.jsonl'}:2: subject_id is empty" in done.stdout
    told = [json.loads(line) for line in refused.read_text(encoding="utf-8").splitlines()]
    assert [(entry["line"], entry["reason"]) for entry in told] == [
        (2, "missing_subject"),
        (4, "malformed"),
        (5, "malformed"),
    ]
    assert told[1]["raw"] == "{broken"
    assert len(kafka.read(settings.topic("cx-touchpoints"))) == 2


def test_several_kinds_in_one_file_go_to_their_topics(kafka: Kafka, settings: Settings, tmp_path: Path) -> None:
    frame = {key: value for key, value in event(1).items() if key != "touchpoint"}
    kinds = [event(1), frame | {"kind": "praise"}, frame | {"record": "customer"}, frame | {"status": "resolved", "action_id": "a"}, CONTROL]  # fmt: skip
    (tmp_path / "kinds.jsonl").write_bytes(json_lines(*kinds))
    done = touchstone("send", tmp_path / "kinds.jsonl", "--json", settings=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["acknowledged"] == dict.fromkeys(
        ("cx-touchpoints", "cx-feedback", "cx-customers", "cx-action-updates", "cx-controls"), 1
    )
    copies = kafka.read(settings.topic("cx-controls"))
    assert [record.partition for record in copies] == list(range(PARTITIONS))
    assert len({record.value for record in copies}) == 1
    assert {record.key for record in copies} == {b"k1"}


def test_a_dry_run_needs_no_broker_and_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(json_lines(event(1), event(2, touchpoint="")))
    nobody = Settings(kafka_brokers="127.0.0.1:1")
    done = touchstone("send", tmp_path / "events.jsonl", "--dry-run", settings=nobody)
    assert done.returncode == 1
    assert "2 rows read, 1 would be sent (cx-touchpoints 1), 1 refused" in done.stdout


def test_a_broker_that_is_down_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(json_lines(event(1)))
    done = touchstone("send", tmp_path / "events.jsonl", settings=Settings(kafka_brokers="127.0.0.1:1"))
    assert done.returncode == 3
    assert "no Kafka answers at 127.0.0.1:1" in done.stderr
    assert "touchstone up" in done.stderr
    assert "Traceback" not in done.stderr


def test_topics_that_are_missing_or_differ_are_told_before_anything_is_sent(kafka: Kafka, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(json_lines(event(1)))
    settings = kafka.settings()
    done = touchstone("send", tmp_path / "events.jsonl", settings=settings)
    assert done.returncode == 2
    assert f"topic {settings.kafka_prefix}cx-touchpoints does not exist" in done.stderr
    assert "touchstone topics create" in done.stderr
    with kafka.admin() as admin:
        names = [name for name in all_topics() if name != "cx-notify-{audience}"]
        admin.create(TopicSpec(settings.topic(name), 2 if name == "cx-feedback" else 1, 1, {}) for name in names)
    done = touchstone("send", tmp_path / "events.jsonl", settings=settings)
    assert done.returncode == 2
    assert "differ in their partitions" in done.stderr
    assert kafka.read(settings.topic("cx-touchpoints")) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rate", "fast"], "--rate fast is no rate"),
        (["--topic", "cx-actions"], "nothing can be sent there"),
        (["--record", "parcel"], "no such record"),
        (["--encoding", "utf-16"], "cannot be read line by line"),
    ],
)
def test_wrong_options(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "events.jsonl").write_bytes(json_lines(event(1)))
    done = touchstone("send", tmp_path / "events.jsonl", *arguments, settings=Settings(kafka_brokers="127.0.0.1:1"))
    assert done.returncode == 2
    assert says in done.stderr


def test_a_topic_says_what_the_rows_are_and_refuses_the_rest(kafka: Kafka, settings: Settings) -> None:
    frame = {key: value for key, value in event(1).items() if key != "touchpoint"}
    name = settings.topic("cx-customers")
    stdin = json_lines(frame | {"tier": "gold"}, event(2, record="touchpoint"))
    done = touchstone("send", "-", "--topic", name, "--json", settings=settings, stdin=stdin)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert (report["acknowledged"], report["refused"]) == ({"cx-customers": 1}, {"wrong_schema": 1})
    assert len(kafka.read(name)) == 1


def test_ctrl_c_stops_cleanly_and_counts_what_was_acknowledged(kafka: Kafka, settings: Settings) -> None:
    process = start_touchstone("send", "-", "--json", settings=settings)
    assert process.stdin is not None
    process.stdin.write(json_lines(*(event(number) for number in range(10))))
    process.stdin.flush()
    wait_for(kafka, settings.topic("cx-touchpoints"), 10)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    report = json.loads(out)
    assert report["interrupted"] is True
    assert report["acknowledged"] == {"cx-touchpoints": 10}
    assert b"10 acknowledged messages, 0 not acknowledged" in err
    assert b"Traceback" not in err


def test_a_broker_that_goes_in_mid_file_ends_it_with_the_line_to_look_at(new_broker: Callable[..., Kafka]) -> None:
    kafka = new_broker()
    settings = settings_with_topics(kafka)
    process = start_touchstone("send", "-", "--json", "--patience", 3, settings=settings)
    assert process.stdin is not None
    process.stdin.write(json_lines(event(1)))
    process.stdin.flush()
    wait_for(kafka, settings.topic("cx-touchpoints"), 1)
    kafka.broker.kill()
    out, err = process.communicate(json_lines(event(2), event(3)), timeout=60)
    assert process.returncode == 3, err
    report = json.loads(out)
    assert (report["acknowledged"], report["unacknowledged"]) == ({"cx-touchpoints": 1}, 2)
    assert b"standard input:2: not acknowledged" in err
    assert b"Traceback" not in err


def control(**changes: object) -> Control:
    fields = {"control_id": "k1", "in_force_at": 0, "written_at": 1_772_357_400_000_000}
    return Control(**{**fields, "pack": PackInForce(name="retail", version="1"), **changes})  # type: ignore[arg-type]


def test_a_control_is_written_to_every_partition(kafka: Kafka, settings: Settings) -> None:
    assert send_control(control(), settings) == PARTITIONS
    copies = kafka.read(settings.topic("cx-controls"))
    assert [record.partition for record in copies] == list(range(PARTITIONS))
    assert {Codec().decode(record.value, Control).control_id for record in copies} == {"k1"}


def test_a_control_that_every_worker_would_refuse_is_not_written(kafka: Kafka, settings: Settings) -> None:
    with pytest.raises(UserError, match="exactly one of"):
        send_control(control(pack=None), settings)
    assert kafka.read(settings.topic("cx-controls")) == []


def test_a_broker_that_comes_back_gets_every_copy(new_broker: Callable[..., Kafka]) -> None:
    kafka = new_broker()
    settings = settings_with_topics(kafka)
    process = start_touchstone("send", "-", "--json", settings=settings)
    assert process.stdin is not None
    process.stdin.write(json_lines(CONTROL))
    process.stdin.flush()
    wait_for(kafka, settings.topic("cx-controls"), PARTITIONS)
    kafka.broker.kill()
    process.stdin.write(json_lines(CONTROL | {"control_id": "k2"}))
    process.stdin.flush()
    kafka.broker.start()
    kafka.broker.wait()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["acknowledged"] == {"cx-controls": 2}
    copies = kafka.read(settings.topic("cx-controls"))
    assert {record.partition for record in copies if record.key == b"k2"} == set(range(PARTITIONS))
