"""`topics create` and `topics list` on the real Kafka: twice, with mismatches, with a prefix; exit codes; and offsets, lag, ids."""

import json

import pytest
from typer.testing import CliRunner

from schemas.topics import all_topics, find
from streams import cli, settings, topics
from streams.admin import Admin, TopicSpec
from streams.errors import UserError
from tests.kafka_service import Kafka


@pytest.fixture
def prefix(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> str:
    """A prefix of the test's own, in the environment of the command."""
    prefix = kafka.prefix()
    monkeypatch.setenv("TOUCHSTONE_KAFKA_BROKERS", kafka.bootstrap)
    monkeypatch.setenv("TOUCHSTONE_KAFKA_PREFIX", prefix)
    monkeypatch.setattr(settings, "current", settings.load)
    return prefix


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of `touchstone topics …`."""
    done = CliRunner().invoke(cli.app, ["topics", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_create_list_and_create_again(prefix: str, kafka: Kafka) -> None:
    code, out, _ = run("create", "--audience", "frontline", "-a", "managers", "--json")
    report = json.loads(out)
    wanted = {prefix + name for name in all_topics() if "{" not in name}
    assert code == 0
    assert set(report["created"]) == wanted | {f"{prefix}cx-notify-frontline", f"{prefix}cx-notify-managers"}

    code, out, _ = run("create", "-a", "frontline", "--json")
    assert (code, json.loads(out)["created"]) == (0, [])

    with kafka.admin() as admin:
        states = admin.topics()
        assert states[f"{prefix}cx-touchpoints"].partitions == 4
        assert states[f"{prefix}cx-dead-letters"].partitions == 1
        config = admin.configs({f"{prefix}cx-controls": ["cleanup.policy", "retention.ms", "message.timestamp.type"]})
    assert config[f"{prefix}cx-controls"] == {
        "cleanup.policy": "compact",
        "retention.ms": "-1",
        "message.timestamp.type": "LogAppendTime",
    }

    code, out, _ = run("list", "--json")
    rows = {row["topic"]: row for row in json.loads(out)}
    assert code == 0
    assert rows[f"{prefix}cx-notify-managers"]["exists"] is True
    assert rows[f"{prefix}cx-actions"]["messages"] == 0
    assert rows[f"{prefix}cx-actions"]["id"] == states[f"{prefix}cx-actions"].id


def test_another_number_of_partitions_than_the_setting(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("create")[0] == 0
    monkeypatch.setenv("TOUCHSTONE_KAFKA_PARTITIONS", "6")
    code, out, err = run("create", "-a", "new")
    assert code == 1
    assert "4 each, TOUCHSTONE_KAFKA_PARTITIONS says 6" in " ".join(err.split())
    assert "set TOUCHSTONE_KAFKA_PARTITIONS=4" in err
    assert "created" not in out  # not one more topic that does not fit


def test_siblings_that_differ(prefix: str, kafka: Kafka) -> None:
    with kafka.admin() as admin:
        admin.create([TopicSpec(f"{prefix}cx-touchpoints", 4, 1, {}), TopicSpec(f"{prefix}cx-feedback", 3, 1, {})])
    code, out, err = run("create")
    assert code == 1
    assert f"{prefix}cx-feedback 3, {prefix}cx-touchpoints 4" in " ".join(err.split())
    assert "created" not in out


def test_another_configuration(prefix: str, kafka: Kafka) -> None:
    topic = f"{prefix}cx-dead-letters"
    with kafka.admin() as admin:
        admin.create([TopicSpec(topic, 1, 1, {**find("cx-dead-letters").config(), "retention.ms": "1000"})])
    code, out, err = run("create")
    assert code == 1
    assert f"{topic}: retention.ms is 1000, topics.yaml says 7776000000" in err
    assert "--update-config" in err
    assert f"created {prefix}cx-actions" in out

    code, out, _ = run("create", "--update-config", "--json")
    assert code == 0
    assert json.loads(out)["updated"] == {topic: ["retention.ms"]}
    assert run("create")[0] == 0


def test_a_name_that_kafka_would_refuse(prefix: str) -> None:
    with pytest.raises(UserError, match="cannot be a topic's name"):
        topics.create(None, settings.load(), ["front line"])  # type: ignore[arg-type]


def test_without_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_KAFKA_BROKERS", "127.0.0.1:1")
    monkeypatch.setattr(settings, "current", settings.load)
    code, out, err = run("list", "--json")
    assert code == 0
    assert json.loads(out)[0]["exists"] is None
    assert "only the declarations are shown" in err
    with pytest.raises(UserError, match=r"127\.0\.0\.1:1: Connection refused") as refused:
        Admin(settings.load())
    assert refused.value.exit_code == 3


def test_offsets_and_lag(kafka: Kafka) -> None:
    topic = kafka.topic(partitions=2)
    kafka.produce(topic, [(None, b"x")] * 5, partition=1)
    with kafka.admin() as admin:
        assert admin.end_offsets([topic]) == {(topic, 0): 0, (topic, 1): 5}
        assert admin.begin_offsets([topic]) == {(topic, 0): 0, (topic, 1): 0}
        group = kafka.prefix()
        assert admin.group_offsets(group) == {}
        assert sum(admin.lag(group, [topic]).values()) == 5
        from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

        consumer = KafkaConsumer(bootstrap_servers=[kafka.bootstrap], group_id=group, enable_auto_commit=False)
        at = TopicPartition(topic, 1)
        consumer.assign([at])
        consumer.commit({at: OffsetAndMetadata(3, "", -1)})
        consumer.close()
        assert admin.group_offsets(group) == {(topic, 1): 3}
        assert admin.lag(group, [topic]) == {(topic, 0): 0, (topic, 1): 2}


def test_a_topic_made_anew_has_another_id(kafka: Kafka) -> None:
    topic = kafka.topic()
    with kafka.admin() as admin:
        before = admin.topics()[topic].id
        admin.delete([topic])
        admin.create([TopicSpec(topic, 1, 1, {})])
        assert admin.topics()[topic].id != before
