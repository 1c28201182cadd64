"""State, offsets and topics that do not belong together stop the worker with the repair, before anything is written."""

import signal
from collections.abc import Callable
from contextlib import closing

import pytest
from kafka import KafkaAdminClient
from kafka.structs import TopicPartition

from streams.engine import topology
from streams.errors import UserError
from streams.settings import Settings
from tests.engine_events import events, expected
from tests.engine_jobs import AsOf, Controlled
from tests.engine_service import Bench, Process, until

REPAIR = "state cannot be used"


def _ran(bench: Callable[..., Bench]) -> Bench:
    run = bench(partitions=1)
    a, b = events(300, seed=14)
    run.produce("in-a", a)
    run.produce("in-b", b)
    worker = run.worker()
    run.until_done()
    assert worker.stop() == 0
    return run


def _refuses(run: Bench, *words: str) -> Process:
    worker = run.worker()
    assert worker.wait() == 2, worker.said()
    for each in words:
        assert each in worker.said()
    return worker


def test_a_topic_that_was_created_again_is_noticed_at_the_start(bench: Callable[..., Bench]) -> None:
    run = _ran(bench)
    _create_again(run, "in-a")
    _refuses(run, "was deleted and created again", REPAIR)


def _create_again(run: Bench, topic: str) -> None:
    with run.kafka.admin() as admin:
        admin.delete([run.settings.topic(topic)])
        until("the topic is gone", lambda: run.settings.topic(topic) not in admin.topics())
    run.create({topic: run.partitions})


def test_offsets_before_what_kafka_still_has_are_refused_not_skipped(bench: Callable[..., Bench]) -> None:
    run = _ran(bench)
    a, _ = events(300, seed=15)
    run.produce("in-a", a)
    with closing(KafkaAdminClient(bootstrap_servers=[run.kafka.bootstrap])) as admin:
        admin.delete_records({TopicPartition(run.settings.topic("in-a"), 0): 400})
    _refuses(run, "offset 300 is out of range: Kafka has 400 to 600", REPAIR)


def test_retention_that_overtakes_a_running_worker_stops_it(bench: Callable[..., Bench]) -> None:
    run = bench(partitions=1)
    worker = run.worker()
    worker.says("restored")
    worker.process.send_signal(signal.SIGSTOP)
    a, _ = events(300, seed=15)
    run.produce("in-a", a)
    with closing(KafkaAdminClient(bootstrap_servers=[run.kafka.bootstrap])) as admin:
        admin.delete_records({TopicPartition(run.settings.topic("in-a"), 0): 100})
    worker.process.send_signal(signal.SIGCONT)
    assert worker.wait() == 2, worker.said()
    assert "offset 0 is out of range" in worker.said()


def test_a_changelog_that_was_emptied_is_refused(bench: Callable[..., Bench]) -> None:
    run = _ran(bench)
    _create_again(run, "cx-asof-changelog")
    _refuses(run, "the changelog holds no state", REPAIR)


def test_offsets_that_were_deleted_are_refused_and_the_written_repair_works(bench: Callable[..., Bench]) -> None:
    run = _ran(bench)
    with closing(KafkaAdminClient(bootstrap_servers=[run.kafka.bootstrap])) as admin:
        admin.delete_groups([run.group])
    _refuses(run, "offset for", "is gone", REPAIR)
    _create_again(run, "cx-asof-changelog")
    worker = run.worker()
    run.until_done()
    assert worker.stop() == 0
    a, b = events(300, seed=14)
    last = {each["id"]: each["count"] for each in run.outputs()}
    assert last == expected(a, b)


def test_missing_topics_are_named_with_the_command_that_creates_them(bench: Callable[..., Bench]) -> None:
    run = bench()
    with run.kafka.admin() as admin:
        admin.delete([run.settings.topic("in-b"), run.settings.topic("out")])
    _refuses(run, run.settings.topic("in-b"), run.settings.topic("out"), "touchstone topics create")


def test_siblings_with_other_partition_counts_are_refused(bench: Callable[..., Bench]) -> None:
    run = bench(partitions=2)
    run.partitions = 3
    _create_again(run, "in-b")
    _refuses(run, "must have the same number of partitions", f"{run.settings.topic('in-b')} has 3")


def test_two_jobs_cannot_read_the_same_input() -> None:
    class Other(Controlled):
        name = "other"

    with pytest.raises(ValueError, match="is an input of"):
        topology.check_jobs([AsOf(), Other()])
    with pytest.raises(ValueError, match="same name"):
        topology.check_jobs([AsOf(), type("Same", (AsOf,), {"inputs": ("x",)})()])


def test_a_topic_of_another_uuid_is_an_error_and_an_unknown_one_is_not() -> None:
    now = topology.Topology({"t": 1}, {"t": "new"})
    topology.check_same({"gone": "old", "t": "new"}, now, "job/0", Settings())
    with pytest.raises(UserError, match="created again"):
        topology.check_same({"t": "old"}, now, "job/0", Settings())


def test_a_message_that_kafka_refuses_as_too_large_stops_the_worker_with_the_limit(bench: Callable[..., Bench]) -> None:
    run = bench(partitions=1)
    with run.kafka.admin() as admin:
        admin.set_configs({run.settings.topic("out"): {"max.message.bytes": "100"}})
    a, b = events(100, seed=21)
    run.produce("in-a", a)
    run.produce("in-b", b)
    _refuses(run, "too large", "max.message.bytes")
