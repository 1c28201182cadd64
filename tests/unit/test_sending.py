"""What becomes a message, what is refused, how rows are paced and failures told; Kafka is not there."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from schemas.codec import Codec
from schemas.controls import Control, Limit
from schemas.events import Touchpoint
from streams.connect.outgoing import Outgoing, Preparation, Refusal, topics
from streams.connect.publisher import Failure, Publisher
from streams.connect.rows import Row
from streams.connect.send_report import Refusals
from streams.connect.sending import Pace, Sending
from streams.errors import DeadLetterReason, Unavailable, UserError

NOW = 1_772_357_400.0
CODEC = Codec()


def touchpoint(**changes: Any) -> Touchpoint:
    fields = {"event_id": "e1", "subject_type": "customer", "subject_id": "王小明", "touchpoint": "checkout"}
    return Touchpoint(**{**fields, "occurred_at": int(NOW * 1e6), **changes})


def control() -> Control:
    limit = Limit(name="vouchers", most=Decimal("5.0000"), period_seconds=86_400)
    return Control(control_id="k1", in_force_at=0, written_at=int(NOW * 1e6), limit=limit)


def row(record: Any = None, line: int = 1, error: str | None = None) -> Row:
    return Row(line, record, error, b"raw")


def prepare(record: Any, topic: str | None = None) -> Outgoing | Refusal:
    return Preparation(CODEC, 300.0, topic, lambda: NOW).message(row(record))


def test_a_record_goes_to_its_topic_under_its_subject() -> None:
    message = prepare(touchpoint())
    assert isinstance(message, Outgoing)
    assert (message.topic, message.key, message.everywhere) == ("cx-touchpoints", "王小明".encode(), False)
    assert CODEC.decode(message.value, Touchpoint) == touchpoint()


def test_a_control_goes_everywhere_under_its_id() -> None:
    message = prepare(control())
    assert isinstance(message, Outgoing)
    assert (message.topic, message.key, message.everywhere) == ("cx-controls", b"k1", True)


def test_each_input_has_its_topic() -> None:
    assert topics() == {
        "touchpoint": "cx-touchpoints",
        "feedback": "cx-feedback",
        "customer": "cx-customers",
        "action_update": "cx-action-updates",
        "control": "cx-controls",
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subject_id": ""}, DeadLetterReason.MISSING_SUBJECT),
        ({"event_id": ""}, DeadLetterReason.MISSING_ID),
        ({"occurred_at": 0}, DeadLetterReason.TIME_TOO_OLD),
        ({"occurred_at": int((NOW + 301) * 1e6)}, DeadLetterReason.TIME_IN_FUTURE),
        ({"waiting_seconds": float("nan")}, DeadLetterReason.OUT_OF_RANGE),
        ({"attributes": {"a": "x" * 20_000}}, DeadLetterReason.TOO_LARGE),
        ({"touchpoint": ""}, DeadLetterReason.MISSING_FIELD),
        ({"outcome": "failed"}, DeadLetterReason.OUT_OF_RANGE),
    ],
)
def test_what_the_worker_would_refuse_is_refused(changes: dict[str, Any], reason: DeadLetterReason) -> None:
    refusal = prepare(touchpoint(**changes))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason
    assert refusal.detail
    assert refusal.raw == b"raw"


def test_the_future_has_a_limit() -> None:
    assert isinstance(prepare(touchpoint(occurred_at=int((NOW + 299) * 1e6))), Outgoing)


def test_a_bad_row_and_the_wrong_topic_are_refused() -> None:
    bad = Preparation(CODEC, 300.0).message(row(error="not a whole JSON object"))
    assert bad == Refusal(1, DeadLetterReason.MALFORMED, "not a whole JSON object", b"raw")
    wrong = prepare(touchpoint(), topic="cx-feedback")
    assert isinstance(wrong, Refusal)
    assert wrong.reason is DeadLetterReason.WRONG_SCHEMA
    assert isinstance(prepare(touchpoint(), topic="cx-touchpoints"), Outgoing)


class Broker:
    """Stands for a Publisher: takes what `answers` says (an exception fails the message)."""

    def __init__(self, answers: dict[int, Exception] | None = None) -> None:
        self.answers = answers or {}
        self.sent: list[tuple[int, int | None]] = []
        self.acknowledged: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.closed = False
        self.delivery_seconds = 1.0

    def send(self, topic: str, key: bytes, value: bytes, line: int, partition: int | None = None) -> None:
        self.sent.append((line, partition))
        if line in self.answers:
            self.failures.append(Failure(line, self.answers[line]))
        else:
            self.acknowledged[topic] += 1

    def wait(self, seconds: float) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def sending(broker: Broker | None, **options: Any) -> Sending:
    preparation = Preparation(CODEC, 300.0, None, lambda: NOW)
    options.setdefault("refused", lambda _: None)
    return Sending(preparation, cast("Publisher | None", broker), Pace(None), **options)


def test_counts() -> None:
    broker, refused = Broker(), list[Refusal]()
    rows = [row(touchpoint(), 1), row(None, 2, "bad"), row(touchpoint(event_id=""), 3), row(touchpoint(), 4)]
    report = sending(broker, refused=refused.append).run(rows)
    assert (report.rows, report.acknowledged["cx-touchpoints"]) == (4, 2)
    assert report.refused == {"malformed": 1, "missing_id": 1}
    assert [refusal.line for refusal in refused] == [2, 3]
    assert (report.failure, report.interrupted, broker.closed) == ("", False, True)


def test_a_dry_run_sends_nothing() -> None:
    report = sending(None).run([row(touchpoint())])
    assert (report.prepared["cx-touchpoints"], report.acknowledged.total()) == (1, 0)


def test_the_first_failure_ends_the_file_and_is_told_with_its_line() -> None:
    broker = Broker({2: TimeoutError("gone")})
    report = sending(broker).run(row(touchpoint(), line) for line in range(1, 10))
    assert [line for line, _ in broker.sent] == [1, 2]
    assert (report.unacknowledged, report.failure) == (2, "gone")
    assert report.acknowledged["cx-touchpoints"] == 1


def test_a_message_beyond_the_brokers_own_limit_is_refused_and_the_rest_goes_on() -> None:
    from kafka.errors import MessageSizeTooLargeError

    report = sending(Broker({1: MessageSizeTooLargeError()})).run([row(touchpoint(), 1), row(touchpoint(), 2)])
    assert report.refused == {"too_large": 1}
    assert (report.acknowledged["cx-touchpoints"], report.failure) == (1, "")


def test_ctrl_c_is_told_and_what_was_sent_counts() -> None:
    def rows() -> Iterator[Row]:
        yield row(touchpoint(), 1)
        raise KeyboardInterrupt

    report = sending(Broker()).run(rows())
    assert (report.interrupted, report.acknowledged["cx-touchpoints"]) == (True, 1)


def test_a_control_has_a_copy_for_every_partition() -> None:
    broker = Broker()
    report = sending(broker, partitions=3).run([row(control(), 7)])
    assert broker.sent == [(7, 0), (7, 1), (7, 2)]
    assert report.acknowledged == {"cx-controls": 1}


def test_a_control_that_lacks_a_copy_is_repaired() -> None:
    repaired = list[Outgoing]()
    report = sending(Broker({7: TimeoutError()}), partitions=3, repair=repaired.append).run([row(control(), 7)])
    assert [message.key for message in repaired] == [b"k1"]
    assert (report.acknowledged["cx-controls"], report.failure) == (1, "")


def test_a_control_that_cannot_be_repaired_is_a_failure() -> None:
    def repair(_: Outgoing) -> None:
        raise Unavailable("partition 2 did not acknowledge")

    report = sending(Broker({7: TimeoutError()}), partitions=3, repair=repair).run([row(control(), 7)])
    assert (report.acknowledged["cx-controls"], report.unacknowledged) == (0, 7)
    assert report.failure == "partition 2 did not acknowledge"


def test_pace() -> None:
    now, slept = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(10, lambda: now[0], sleep)
    for _ in range(11):
        pace.wait()
    assert now[0] == pytest.approx(101.0)
    now[0] += 60  # a pause is not made up for more than a second
    slept.clear()
    for _ in range(20):
        pace.wait()
    assert sum(slept) == pytest.approx(0.9)


def test_refused_lines_go_to_a_file_with_their_bytes(tmp_path: Path) -> None:
    with Refusals(Path("in.jsonl"), tmp_path / "refused.jsonl") as refusals:
        refusals.add(Refusal(3, DeadLetterReason.MALFORMED, "why", "王".encode()))
        refusals.add(Refusal(5, DeadLetterReason.MALFORMED, "why not", b"\xff\xfe"))
    lines = [json.loads(line) for line in io.StringIO((tmp_path / "refused.jsonl").read_text(encoding="utf-8"))]
    assert lines == [
        {"line": 3, "reason": "malformed", "error": "why", "raw": "王"},
        {"line": 5, "reason": "malformed", "error": "why not", "raw_base64": "//4="},
    ]
    assert refusals.firsts[DeadLetterReason.MALFORMED].line == 3
    with pytest.raises(UserError, match="--refused"), Refusals(Path("in"), tmp_path / "no" / "such"):
        pass
