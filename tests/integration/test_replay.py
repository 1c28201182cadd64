"""`touchstone replay` against a log: what the worker refused is refused again, and each difference has the class that it deserves.

What was live here is what the core said in memory, put on cx-actions, so that the tests can make it differ.
"""

from collections.abc import Iterable, Iterator

import msgspec
import pytest

from schemas.controls import Control, Staff, Unit
from schemas.events import Touchpoint
from schemas.refusals import DeadLetterReason
from streams.app import limits
from streams.connect.controls import send_control
from streams.connect.log import read_log
from streams.engine.dead_letter import letter
from streams.engine.job import Message, Output
from streams.engine.partitioning import partition_of
from streams.experience.text import Tone
from streams.packs_folder import shelf
from streams.replay.replay import Range, Replay, Report
from streams.settings import Settings
from streams.topics import create
from tests.builders import CODEC, SECOND, START, actions, driver, message, pack, pack_control
from tests.kafka_service import Kafka

PARTITIONS = 2


@pytest.fixture
def settings(kafka: Kafka) -> Iterator[Settings]:
    settings = kafka.settings(kafka_partitions=PARTITIONS)
    with kafka.admin() as admin:
        assert not create(admin, settings, list(pack().file.audiences)).problems
        yield settings
        admin.delete([name for name in admin.topics() if name.startswith(settings.kafka_prefix)])


def subject_of(partition: int) -> str:
    """A subject whose key belongs on a partition."""
    return next(name for name in map(str, range(100)) if partition_of(name.encode(), PARTITIONS) == partition)


ANNA, BEN = subject_of(0), subject_of(1)


def unhappy(subject: str, at: int = 0) -> list[Message]:
    """Two failed payments."""
    fields = {"touchpoint": "payment", "outcome": "failure", "unit": "shop-1", "subject": subject}
    return [message("touchpoint", f"{subject}-{at + number}", at + 60 * number, **fields) for number in range(2)]


def came(kafka: Kafka, settings: Settings, messages: Iterable[Message], partition: int | None = None) -> list[Message]:
    """They arrive; as they stand in the log."""
    found = []
    for one in messages:
        [(at, offset)] = kafka.produce(settings.topic(one.topic), [(one.key, one.value)], partition)
        found.append(msgspec.structs.replace(one, partition=at, offset=offset))
    return found


def decided(messages: Iterable[Message]) -> list[Output]:
    """What the core says to them. Where nothing comes any more, time goes on in live."""
    by_partition = {partition: driver() for partition in range(PARTITIONS)}
    outputs = []
    for one in messages:
        outputs += by_partition[one.partition].take(one)
    for one_driver in by_partition.values():
        outputs += one_driver.advance(START + 30_000 * SECOND)
    return [output for output in outputs if output.topic == "cx-actions"]


def went_out(kafka: Kafka, settings: Settings, outputs: Iterable[Output]) -> None:
    kafka.produce(settings.topic("cx-actions"), [(output.key, output.value) for output in outputs])


def replayed(settings: Settings, range_: Range = Range()) -> Report:  # noqa: B008 - never changed
    return Replay(settings, shelf(settings), limits(settings), None).run(range_)


@pytest.fixture
def log(kafka: Kafka, settings: Settings) -> list[Message]:
    """Two unhappy customers, long ago enough that nothing of them lies at an edge of the range."""
    send_control(pack_control(pack()), settings)
    around = [message("touchpoint", f"{who}-{at}", at, touchpoint="search", outcome="success", subject=who)
              for at, who in ((-9_000, ANNA), (-9_000, BEN), (9_000, ANNA), (20_000, BEN))]  # fmt: skip
    first, last = around[:2], around[2:]
    return came(kafka, settings, [*first, *unhappy(ANNA), *unhappy(BEN), *last])


def test_what_the_engine_refuses_is_refused_again(kafka: Kafka, settings: Settings, log: list[Message]) -> None:
    went_out(kafka, settings, decided(log))
    future = message("touchpoint", "future", 10**9, touchpoint="payment", outcome="failure", subject=ANNA)
    came(kafka, settings, [future])
    came(kafka, settings, unhappy(ANNA, 5_000), partition=1)  # a partitioner that is not murmur2
    report = replayed(settings)
    assert (report.inputs, report.refused) == (11, 3)
    assert report.differences == []
    assert report.same == report.live > 4


def test_a_control_that_live_refused_does_not_hold(kafka: Kafka, settings: Settings, log: list[Message]) -> None:
    went_out(kafka, settings, decided(log))
    staff = Unit(unit_id="shop-1", staff=[Staff(staff_id="eva", role="manager")])
    send_control(Control(control_id="late", in_force_at=0, written_at=1, unit=staff), settings)
    assert {field for one in replayed(settings).differences for field in one.fields} == {"assignee"}
    for one in read_log(settings, ["cx-controls"]):
        if one.key == b"late":
            refused = letter(one, settings.topic("cx-controls"), "subjects", DeadLetterReason.CONTROL_TOO_LATE, "late")
            with_headers(kafka, settings, refused)
    assert replayed(settings).differences == []


class Other:
    """An analyser of another version, to which every text is well meant."""

    version = "other-1"

    def analyse(self, text: str) -> Tone:
        return Tone(0.9, False, (), (), self.version)


def test_what_another_analyser_reads_differently_has_its_own_class(
    kafka: Kafka, settings: Settings, log: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = message("feedback", "told", 3_000, kind="complaint", text="态度太差了", touchpoint="payment", subject=ANNA)
    went_out(kafka, settings, decided([*log[:-2], *came(kafka, settings, [told]), *log[-2:]]))
    assert replayed(settings).differences == []
    monkeypatch.setattr("streams.replay.replay.analyser", lambda _: Other())
    found = replayed(settings)
    assert set(found.by_class()) == {"analyser"}
    assert {one.subject_id for one in found.differences} == {ANNA}


def test_offsets_are_compared_with_the_subjects_that_they_hold(
    kafka: Kafka, settings: Settings, log: list[Message]
) -> None:
    outputs = decided(log)
    went_out(kafka, settings, outputs)
    topic = settings.topic("cx-touchpoints")
    own = Range(begin={(topic, 0): 0}, end={(topic, 0): sum(one.partition == 0 for one in log)})
    report = replayed(settings, own)
    assert report.differences == []
    held = {
        one.action_id for one in actions(outputs) if one.subject_id == ANNA and one.decided_at <= START + 9_000 * SECOND
    }
    assert report.live == report.same == len(held) > 0
    part = Range(begin={(topic, 0): 2}, end={(topic, 0): 4})
    assert set(replayed(settings, part).by_class()) == {"edge"}


def test_a_subject_whose_input_came_too_late_in_live(kafka: Kafka, settings: Settings, log: list[Message]) -> None:
    anna = [one for one in log if one.key == ANNA.encode()]
    late = [one for one in anna if 0 <= _at(one) < 3_600]
    went_out(kafka, settings, decided(one for one in log if one not in late))
    assert set(replayed(settings).by_class()) == {"late", "other"}  # settled messages, and what nobody explains
    for one in late:
        refused = letter(one, settings.topic(one.topic), "subjects", DeadLetterReason.TOO_LATE, "late")
        with_headers(kafka, settings, refused)
    report = replayed(settings)
    assert set(report.by_class()) == {"late"}
    assert report.late == 1


def _at(one: Message) -> float:
    """Seconds after START."""
    return (CODEC.decode(one.value, Touchpoint).occurred_at - START) / 1_000_000


def with_headers(kafka: Kafka, settings: Settings, refused: Output) -> None:
    """A dead letter arrives."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=[kafka.bootstrap])
    headers = list(refused.headers)
    producer.send(settings.topic(refused.topic), key=refused.key, value=refused.value, headers=headers).get(20)
    producer.close()
