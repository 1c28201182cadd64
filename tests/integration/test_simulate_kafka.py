"""`touchstone simulate` on the real Kafka: what arrives is what the plan says; staff who hear of actions; Ctrl-C."""

import json
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from schemas.codec import Codec
from schemas.events import ActionUpdate, Touchpoint
from schemas.json_form import instant
from schemas.topics import all_topics
from streams.admin import TopicSpec
from streams.engine.partitioning import partition_of
from streams.settings import Settings
from streams.simulate import Plan, Simulation
from tests.kafka_service import Kafka, Record
from tests.touchstone_command import start_touchstone, touchstone
from tests.unit.test_simulate_staff import action

START = "2026-03-01T09:00:00Z"
PARTITIONS = 3
INPUTS = ("cx-touchpoints", "cx-feedback", "cx-customers", "cx-action-updates", "cx-controls")


@pytest.fixture
def settings(kafka: Kafka, tmp_path: Path) -> Settings:
    settings = kafka.settings(kafka_partitions=PARTITIONS, local_dir=tmp_path)
    names = (*INPUTS, "cx-actions")
    with kafka.admin() as admin:
        admin.create(TopicSpec(settings.topic(name), PARTITIONS, 1, all_topics()[name].config()) for name in names)
    return settings


def read(kafka: Kafka, settings: Settings, *topics: str) -> list[Record]:
    return kafka.read(*(settings.topic(topic) for topic in topics or INPUTS))


def test_what_arrives_is_what_the_plan_says(kafka: Kafka, settings: Settings) -> None:
    options = ("--events", 1_500, "--hours", 20, "--start", START, "--speed", "max", "--malformed", 0.02)
    done = touchstone("simulate", *options, "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    plan = Plan(start_us=instant(START), hours=20.0, events=1_500, malformed=0.02)
    codec, expected = Codec(), Counter[tuple[str, bytes, bytes]]()
    for one in Simulation(plan):
        value = codec.encode(one.record) if one.record is not None else one.raw
        assert value is not None
        copies = PARTITIONS if one.topic == "cx-controls" else 1
        expected[settings.topic(one.topic), one.key, value] += copies
    messages = read(kafka, settings)
    assert Counter((one.topic, one.key, one.value) for one in messages) == expected
    for one in messages:
        if one.topic != settings.topic("cx-controls"):
            assert one.key is not None
            assert one.partition == partition_of(one.key, PARTITIONS)
    report = json.loads(done.stdout)
    assert sum(report["sent"].values()) == len(messages)
    assert Path(report["truth"]).parent == settings.local_dir


def test_a_run_that_ends_now_arrives_after_it_happened(kafka: Kafka, settings: Settings) -> None:
    done = touchstone("simulate", "--hours", 0.1, "--speed", 360, "--malformed", 0, settings=settings)
    assert done.returncode == 0, done.stderr
    codec = Codec()
    behind = [
        one.timestamp_ms / 1000 - codec.decode(one.value, Touchpoint).occurred_at / 1e6
        for one in read(kafka, settings, "cx-touchpoints")
    ]
    assert min(behind) > 0
    assert min(behind) < 60


def test_staff_answer_the_actions_that_they_hear_of(kafka: Kafka, settings: Settings) -> None:
    options = ("--staff", "--hours", 10, "--speed", 1_200, "--seed", 7, "--malformed", 0)
    process = start_touchstone("simulate", *options, settings=settings)
    try:
        deadline = time.monotonic() + 40
        while not (people := read(kafka, settings, "cx-customers")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert people[0].key is not None
        actions = [action(number, people[0].key.decode()) for number in range(10)]
        kafka.produce(settings.topic("cx-actions"), [(people[0].key, Codec().encode(one)) for one in actions])
        kafka.produce(settings.topic("cx-actions"), [(b"x", b"no action")])
        receipts: list[ActionUpdate] = []
        while not any(receipt.status == "resolved" for receipt in receipts):
            assert time.monotonic() < deadline
            time.sleep(0.1)
            messages = read(kafka, settings, "cx-action-updates")
            receipts = [Codec().decode(one.value, ActionUpdate) for one in messages]
        assert {receipt.subject_id for receipt in receipts} == {people[0].key.decode()}
        assert {receipt.action_id for receipt in receipts} <= {one.action_id for one in actions}
    finally:
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    assert b"Traceback" not in error


def test_ctrl_c_counts_what_was_acknowledged(kafka: Kafka, settings: Settings) -> None:
    process = start_touchstone("simulate", "--hours", 10, "--speed", 600, "--json", settings=settings)
    deadline = time.monotonic() + 40
    while len(read(kafka, settings, "cx-touchpoints")) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    assert b"Traceback" not in error
    assert json.loads(out)["sent"] == Counter(
        one.topic.removeprefix(settings.kafka_prefix) for one in read(kafka, settings)
    )


def test_missing_topics_are_named_before_anything_is_written(kafka: Kafka, tmp_path: Path) -> None:
    settings = kafka.settings(local_dir=tmp_path)
    done = touchstone("simulate", settings=settings)
    assert done.returncode == 2
    assert "touchstone topics create" in done.stderr
    assert not list(tmp_path.iterdir())
