"""Topics that are not what they were: made anew, or emptied by retention. Loud, named, and never a silent jump."""

from collections.abc import Callable
from contextlib import closing

from streams.admin import Admin, TopicSpec
from tests.torture.load import Load
from tests.torture.play import Scenario
from tests.torture.process import until
from tests.torture.stage import Stage


def _stopped_in_order(stage: Stage) -> None:
    worker, sink = stage.worker(), stage.sink()
    stage.send(Load(stage.seed, 600).messages())
    stage.until_decided()
    until("all is stored", lambda: stage.lag(1) == 0)
    worker.stop(), sink.stop()


def _refuses(stage: Stage, what: str, start: Callable[[], object], codes: tuple[int, ...], words: str) -> None:
    group = 0 if what == "worker" else 1
    places = stage.cluster.partitions(stage.inputs)
    before = stage.cluster.committed(stage.groups[group], places), len(stage.reader.seen)
    process = start()
    code = process.wait(90)  # type: ignore[attr-defined]
    said = process.said()  # type: ignore[attr-defined]
    after = stage.cluster.committed(stage.groups[group], places), len(stage.reader.seen)
    stage.note(f"{what} stops loudly", code in codes and words in said, f"exit code {code}: {words}")
    stage.note(f"{what} did nothing", before == after, "offsets and outputs as before")


def made_anew(stage: Stage) -> None:
    """Offsets of the old topic mean nothing in the new one, though they may exist in it."""
    _stopped_in_order(stage)
    name = stage.settings.topic("cx-touchpoints")
    with Admin(stage.settings) as admin:
        admin.delete([name])
        until("the topic is gone", lambda: name not in admin.topics())
        admin.create([TopicSpec(name, stage.settings.kafka_partitions, 1, {"message.timestamp.type": "LogAppendTime"})])
    _refuses(stage, "worker", stage.worker, (2,), "was deleted and created again")
    _refuses(stage, "sink", stage.sink, (1,), "was deleted and made anew")


def out_of_range(stage: Stage) -> None:
    """Retention has removed what was not processed yet."""
    from kafka import TopicPartition
    from kafka.admin import KafkaAdminClient

    _stopped_in_order(stage)
    stage.send(Load(stage.seed, 600, name="later").messages())
    name = stage.settings.topic("cx-touchpoints")
    ends = stage.cluster.ends({(name, 0): 0}, committed=True)
    with closing(KafkaAdminClient(bootstrap_servers=[stage.kafka.bootstrap])) as admin:
        admin.delete_records({TopicPartition(name, 0): ends[name, 0] - 10})
    _refuses(stage, "worker", stage.worker, (2,), "is out of range")
    _refuses(stage, "sink", stage.sink, (1,), "does not exist")


SCENARIOS = [
    Scenario("topic made anew", made_anew, "an input is deleted and created again", drains=False),
    Scenario("out of range", out_of_range, "retention removed what was not processed", drains=False),
]
