"""Clock, wake-ups, ledger, store, breaker, marks, dead letters, task record, partitioning: one behaviour each."""

import pytest
from aiokafka.partitioner import murmur2 as reference_murmur2

from streams.engine import marks
from streams.engine.breaker import WINDOW_MESSAGES, Breaker
from streams.engine.clock import SourceClock, StreamClock
from streams.engine.dead_letter import letter
from streams.engine.job import Message
from streams.engine.ledger import Ledger
from streams.engine.marks import Mark
from streams.engine.partitioning import murmur2, partition_of
from streams.engine.record import TaskRecord, decode, encode
from streams.engine.store import TASK_KEY, Store, pack, unpack
from streams.engine.timers import WakeUps
from streams.errors import DeadLetterReason, UserError


def test_stream_time_is_the_slowest_of_the_inputs_that_lag() -> None:
    clock = StreamClock(2)
    clock.saw(0, 100, 1000)
    clock.saw(1, 40, 1000)
    assert clock.advance([True, True], 1000) == 40
    assert clock.advance([True, False], 1000) == 100


def test_a_lagging_input_that_nobody_has_seen_holds_stream_time() -> None:
    clock = StreamClock(2)
    clock.saw(0, 100, 1000)
    assert clock.advance([False, True], 1000) is None


def test_without_lag_stream_time_is_the_largest_seen_plus_the_time_that_passed() -> None:
    clock = StreamClock(2)
    clock.saw(0, 100, 1000)
    clock.saw(1, 40, 1010)
    assert clock.advance([False, False], 1010) == 100
    assert clock.advance([False, False], 1075) == 165


def test_stream_time_never_goes_back() -> None:
    clock = StreamClock(1)
    clock.saw(0, 100, 1000)
    clock.advance([False], 1500)
    clock.saw(0, 90, 1500)
    assert clock.advance([True], 1500) == 600


def test_a_replay_of_last_year_does_not_jump_to_today() -> None:
    clock = StreamClock(1)
    today = 10**15
    clock.saw(0, today - 365 * 86_400_000_000, today)
    assert clock.advance([False], today + 5) == today - 365 * 86_400_000_000 + 5


def test_a_restored_clock_counts_the_time_that_nobody_ran() -> None:
    clock = StreamClock(1)
    clock.restore(100, 100, 1000)
    assert clock.advance([True], 9000) == 100
    assert clock.advance([False], 9000) == 8100


def test_a_following_job_waits_until_every_source_is_known_and_takes_the_slowest() -> None:
    clock = SourceClock()
    clock.mark(0, 2, 50)
    assert clock.time is None
    clock.mark(1, 2, 30)
    assert clock.time == 30
    clock.mark(1, 2, 20)
    assert clock.time == 30
    clock.mark(1, 2, 70)
    assert clock.time == 50


def test_a_source_that_never_had_an_event_is_known_and_holds_nobody_up() -> None:
    clock = SourceClock()
    clock.mark(0, 3, marks.EMPTY)
    clock.mark(1, 3, 50)
    assert clock.time is None
    clock.mark(2, 3, marks.EMPTY)
    assert clock.time == 50
    clock.mark(0, 3, 20)
    assert clock.time == 50
    clock.mark(1, 3, 90)
    assert clock.time == 50


def test_wake_ups_come_earliest_first_and_only_the_last_wish_counts() -> None:
    timers = WakeUps()
    timers.set(b"a", 30)
    timers.set(b"b", 10)
    timers.set(b"c", 20)
    timers.set(b"b", 40)
    timers.set(b"c", None)
    assert timers.next_due_at() == 30
    assert timers.due(100, 10) == [(30, b"a"), (40, b"b")]


def test_a_wake_up_is_remembered_until_its_key_has_been_stepped() -> None:
    timers = WakeUps()
    timers.set(b"a", 30)
    timers.due(30, 10)
    assert timers.due_of(b"a") == 30
    timers.set(b"a", None)
    assert timers.due_of(b"a") is None


def test_a_key_that_changed_its_mind_twice_is_due_once() -> None:
    timers = WakeUps()
    for due_at in (30, 50, 30):
        timers.set(b"a", due_at)
    assert timers.due(100, 10) == [(30, b"a")]


def test_the_ledger_commits_every_start_first_and_then_what_moved() -> None:
    ledger = Ledger({"a": 5, "b": 7})
    assert ledger.take_changes() == {"a": 5, "b": 7}
    ledger.processed("a", 9)
    assert ledger.take_changes() == {"a": 10}
    assert not ledger.changed


def test_the_ledger_refuses_to_go_back() -> None:
    with pytest.raises(ValueError, match="processed twice"):
        Ledger({"a": 5}).processed("a", 4)


def test_a_state_is_written_once_for_a_transaction_with_its_wake_up() -> None:
    store = Store()
    store.put(b"k", b"1")
    store.put(b"k", b"22")
    assert store.take_changes(lambda _: 99) == [(b"k", pack(b"22", 99))]
    assert store.take_changes(lambda _: 99) == []
    assert unpack(pack(b"22", 99)) == (b"22", 99)
    assert unpack(pack(b"", None)) == (b"", None)


def test_a_deleted_state_is_a_tombstone_and_one_that_never_was_is_nothing() -> None:
    store = Store()
    store.load(b"k", b"1", None)
    store.put(b"k", None)
    store.put(b"other", None)
    assert store.take_changes(lambda _: None) == [(b"k", None)]
    assert (len(store), store.size_bytes) == (0, 0)


def test_the_store_counts_its_bytes() -> None:
    store = Store()
    store.put(b"k", b"1234")
    store.put(b"k", b"12")
    assert store.size_bytes == 3


def test_the_task_records_key_is_not_for_jobs() -> None:
    with pytest.raises(ValueError, match="task record"):
        Store().put(TASK_KEY, b"")


@pytest.mark.parametrize("stored", [b"", b"\x02" + bytes(8), b"\x01abc"])
def test_a_changelog_value_of_another_format_is_not_guessed_at(stored: bytes) -> None:
    with pytest.raises(UserError):
        unpack(stored)


def test_the_task_record_comes_back() -> None:
    record = TaskRecord({"t": "u"}, 1, 2, 3, 4, [5], {6: 7}, 8)
    assert decode(encode(record)) == record


@pytest.mark.parametrize("stored", [b"", b"{}", b'{"topics":{},"version":2}', b'{"topics":{},"new":1}'])
def test_a_task_record_of_another_version_is_not_guessed_at(stored: bytes) -> None:
    with pytest.raises(UserError):
        decode(stored)


def test_the_breaker_opens_at_too_many_in_a_row() -> None:
    breaker = Breaker("job/0", 3, 1.0)
    breaker.record([False, False, True, False])
    with pytest.raises(UserError, match="3 in a row"):
        breaker.record([False, False])


def test_the_breaker_opens_at_too_large_a_share_of_a_full_window() -> None:
    breaker = Breaker("job/0", 10_000, 0.5)
    half = [True, False] * (WINDOW_MESSAGES // 2 - 1)
    breaker.record(half)
    with pytest.raises(UserError, match=f"of the last {WINDOW_MESSAGES}"):
        breaker.record([True, False])


def test_what_was_valid_long_ago_does_not_hold_the_breaker_shut() -> None:
    breaker = Breaker("job/0", 10_000, 0.5)
    for _ in range(10 * WINDOW_MESSAGES // 50):
        breaker.all_valid(50)
    for _ in range(WINDOW_MESSAGES // 50 // 2 - 1):
        breaker.record([False] * 50)
    with pytest.raises(UserError):
        breaker.record([False] * 50)


def test_a_mark_comes_back_and_an_ordinary_message_is_none() -> None:
    mark = Mark(3, 8, 1_700_000_000_000_000)
    output = marks.output("topic", mark)
    assert (output.key, output.value, output.partition) == (None, None, -1)
    assert marks.parse(output.headers) == mark
    assert marks.parse([("other", b"1")]) is None
    assert marks.parse([*output.headers[:2], ("touchstone.source-partitions", b"x")]) is None


def test_a_dead_letter_keeps_key_bytes_and_headers_and_says_where_and_why() -> None:
    message = Message("topic", 3, 17, 1234, b"k", b"\x00\xff", (("trace", b"1"), ("touchstone.reason", b"old")))
    output = letter(message, "prefix-topic", "job", DeadLetterReason.MALFORMED, "what is wrong " + "x" * 2000)
    headers = dict(output.headers)
    assert (output.key, output.value) == (b"k", b"\x00\xff")
    assert headers["trace"] == b"1"
    assert headers["__connect.errors.topic"] == b"prefix-topic"
    assert headers["__connect.errors.partition"] == b"3"
    assert headers["__connect.errors.offset"] == b"17"
    assert headers["touchstone.reason"] == b"malformed"
    assert len(headers["__connect.errors.exception.message"]) == 1000
    assert len([name for name, _ in output.headers if name == "touchstone.reason"]) == 1


@pytest.mark.parametrize("key", [b"", b"a", b"ab", b"abc", b"abcd", b"customer-17", bytes(range(256))])
def test_murmur2_is_kafkas(key: bytes) -> None:
    assert murmur2(key) == reference_murmur2(key) & 0x7FFFFFFF
    assert partition_of(key, 7) == murmur2(key) % 7
