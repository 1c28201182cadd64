"""A task without Kafka: pieces of work happen whole, in order, and effects say what a restart needs."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.engine import marks
from streams.engine.job import Concerned, Output, Refold, Step
from streams.engine.marks import Mark
from streams.engine.record import decode
from streams.errors import Unavailable, UserError
from tests.engine_core import LIMITS, NOW, Log, Raw, core_of, drain, event, feed
from tests.engine_jobs import SECOND, AsOf, Controlled, Downstream, Moody, Upstream, value


def _of(outputs: list[Output], topic: str) -> list[dict[str, object]]:
    return [json.loads(output.value or b"null") for output in outputs if output.topic == topic]


def test_two_inputs_are_joined_as_of_event_time() -> None:
    core = core_of(AsOf())
    feed(core, "in-a", [event(0, NOW - 9), event(1, NOW - 3)])
    feed(core, "in-b", [event(0, NOW - 5, id="b")])
    drain(core)
    assert _of(core.take_effects(NOW).outputs, "out") == [{"id": "b", "revision": 1, "count": 1}]


def test_effects_carry_offsets_states_and_the_record_and_are_taken_once() -> None:
    core = core_of(AsOf())
    feed(core, "in-a", [event(0, NOW), event(7, NOW)])
    feed(core, "in-b", [])
    drain(core)
    effects = core.take_effects(NOW)
    assert effects.offsets == {"in-a": 8, "in-b": 0}
    assert [key for key, _ in effects.changes] == [b"k"]
    assert decode(effects.record).stream_time == NOW
    assert effects.inputs == {"in-a": 2}
    assert not core.has_effects()


class Announced(AsOf):
    """AsOf whose answers somebody waits for; what is settled goes with the next transaction."""

    def step(self, *given: Any) -> Step:
        step = super().step(*given)
        step.outputs = [msgspec.structs.replace(each, urgent=each.topic == "out") for each in step.outputs]
        return step


def test_an_output_is_urgent_until_it_is_taken() -> None:
    core = core_of(Announced())
    feed(core, "in-a", [])
    feed(core, "in-b", [event(0, NOW, id="b")])
    drain(core)
    assert core.outputs_wait
    assert core.urgent
    core.take_effects(NOW)
    drain(core, NOW + 600 * SECOND)
    assert core.outputs_wait
    assert not core.urgent


def test_a_timer_fires_when_stream_time_reaches_it_and_survives_a_restart() -> None:
    log = Log()
    core = core_of(AsOf())
    feed(core, "in-b", [event(0, NOW, id="b")])
    feed(core, "in-a", [])
    drain(core)
    log.commit(core.take_effects(NOW))
    core = log.restart(lambda: core_of(AsOf()))
    for topic, offset in (("in-a", 0), ("in-b", 1)):
        core.reaches(topic, offset, offset)
    drain(core, NOW + 599 * SECOND)
    assert _of(core.take_effects(NOW).outputs, "settled") == []
    assert core.next_wake_at() == NOW + 600 * SECOND
    drain(core, NOW + 600 * SECOND)
    assert _of(core.take_effects(NOW).outputs, "settled") == [{"id": "b", "count": 0}]


def test_a_timer_waits_while_an_input_lags() -> None:
    core = core_of(AsOf())
    feed(core, "in-b", [event(0, NOW, id="b")])
    feed(core, "in-a", [], end=5)
    drain(core, NOW)
    drain(core, NOW + 5 * SECOND)
    drain(core, NOW + 6000 * SECOND)
    assert _of(core.take_effects(NOW).outputs, "settled") == []


def test_a_written_state_keeps_its_wake_up_while_its_tick_is_held(tmp_path: Path) -> None:
    class Held(AsOf):
        def _settle(self, key: bytes, held: dict[str, object], due_at: int) -> list[Output]:
            raise Unavailable("not now")

    log = Log()
    core = core_of(Held())
    feed(core, "in-b", [event(0, NOW, id="b")])
    feed(core, "in-a", [])
    drain(core)
    with pytest.raises(Unavailable):
        drain(core, NOW + 700 * SECOND)
    log.commit(core.take_effects(NOW))
    core = log.restart(lambda: core_of(AsOf()))
    for topic, offset in (("in-a", 0), ("in-b", 1)):
        core.reaches(topic, offset, offset)
    drain(core, NOW + 700 * SECOND)
    assert _of(core.take_effects(NOW).outputs, "settled") == [{"id": "b", "count": 0}]


def test_unavailable_holds_the_piece_whole_and_it_is_done_once_later(tmp_path: Path) -> None:
    cure = tmp_path / "cure"
    core = core_of(Moody(str(cure)))
    raws = [event(0, NOW, key=b"x"), event(1, NOW, key=b"y", **{"raise": "unavailable"}), event(2, NOW, key=b"z")]
    feed(core, "in-a", raws)
    feed(core, "in-b", [])
    for _ in range(3):
        with pytest.raises(Unavailable):
            core.work(NOW)
    assert core.take_effects(NOW).inputs == {}
    assert len(core.store) == 0
    cure.touch()
    drain(core)
    effects = core.take_effects(NOW)
    assert effects.inputs == {"in-a": 3}
    assert len(core.store) == 3


def test_a_defect_in_the_job_is_not_caught(tmp_path: Path) -> None:
    core = core_of(Moody())
    feed(core, "in-a", [event(0, NOW, **{"raise": "defect"})])
    feed(core, "in-b", [])
    with pytest.raises(KeyError):
        core.work(NOW)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (Raw(0, b"k", b"{"), b"malformed"),
        (Raw(0, None, value(at=NOW, id="e")), b"key_mismatch"),
        (event(0, NOW + 301 * SECOND, arrived_at=NOW), b"time_in_future"),
        (event(0, NOW, reject=True), b"too_late"),
    ],
)
def test_an_invalid_message_becomes_a_dead_letter_and_moves_nothing_else(raw: Raw, reason: bytes) -> None:
    core = core_of(AsOf())
    feed(core, "in-a", [raw])
    feed(core, "in-b", [])
    drain(core)
    effects = core.take_effects(NOW)
    (output,) = effects.outputs
    assert (output.topic, output.key, output.value) == ("cx-dead-letters", raw.key, raw.value)
    assert dict(output.headers)["touchstone.reason"] == reason
    assert dict(output.headers)["__connect.errors.topic"] == b"prefix-in-a"
    assert effects.offsets["in-a"] == 1
    if reason != b"too_late":
        assert core.stream_time is None


def test_arrival_is_the_brokers_time_only_if_the_broker_wrote_it() -> None:
    core = core_of(AsOf())
    created = event(0, NOW + 301 * SECOND, arrived_at=NOW + 301 * SECOND)._replace(timestamp_type=0)
    feed(core, "in-a", [created])
    feed(core, "in-b", [])
    drain(core)
    assert core.take_effects(NOW).dead_letters == {("in-a", "time_in_future"): 1}


def test_a_key_in_a_partition_that_is_not_its_own_is_refused() -> None:
    core = core_of(AsOf(), partitions=4)
    feed(core, "in-a", [event(number, NOW, key=f"k{number}".encode()) for number in range(40)])
    feed(core, "in-b", [])
    drain(core)
    effects = core.take_effects(NOW)
    refused = effects.dead_letters[("in-a", "wrong_partition")]
    assert 0 < refused < 40
    assert len(core.store) == 40 - refused


def test_too_many_invalid_messages_stop_the_task() -> None:
    core = core_of(AsOf(), LIMITS._replace(breaker_in_a_row=60))
    feed(core, "in-a", [Raw(number, b"k", b"{") for number in range(100)])
    feed(core, "in-b", [])
    with pytest.raises(UserError, match="60 in a row"):
        drain(core)


def test_late_events_do_not_open_the_breaker() -> None:
    core = core_of(AsOf(), LIMITS._replace(breaker_in_a_row=5))
    feed(core, "in-a", [event(number, NOW, reject=True) for number in range(100)])
    feed(core, "in-b", [])
    drain(core)
    assert core.take_effects(NOW).dead_letters == {("in-a", "too_late"): 100}


def test_a_job_that_asks_for_the_tick_that_it_just_had_is_stopped() -> None:
    class Stuck(AsOf):
        def _settle(self, key: bytes, held: dict[str, object], due_at: int) -> list[Output]:
            return []

    core = core_of(Stuck())
    feed(core, "in-b", [event(0, NOW, id="b")])
    feed(core, "in-a", [])
    with pytest.raises(ValueError, match="again"):
        drain(core, NOW + 601 * SECOND)


def _control(offset: int, **fields: object) -> Raw:
    return Raw(offset, b"c", value(**fields))


def test_controls_go_ahead_of_inputs() -> None:
    core = core_of(Controlled())
    feed(core, "in-a", [event(0, NOW - 9)])
    feed(core, "in-b", [event(0, NOW - 5, id="b")])
    assert not core.work(NOW)  # the controls' end is not known yet
    feed(core, "controls", [_control(0, since=0, factor=10)])
    drain(core)
    assert _of(core.take_effects(NOW).outputs, "out") == [{"id": "b", "revision": 1, "count": 10}]


def test_inputs_do_not_wait_for_controls_for_ever() -> None:
    core = core_of(Controlled())
    feed(core, "in-a", [event(0, NOW)])
    feed(core, "in-b", [])
    assert not core.work(NOW)
    assert core.next_wake_at() == NOW + LIMITS.align_wait_us
    assert core.work(NOW + LIMITS.align_wait_us)


def _with_three_keys() -> tuple[Log, int]:
    log = Log()
    core = core_of(Controlled())
    feed(core, "controls", [])
    keys = [f"k{number}".encode() for number in range(120)]
    feed(core, "in-a", [event(number, NOW - 9, key=key) for number, key in enumerate(keys)])
    feed(core, "in-b", [event(number, NOW - 5, key=key, id=key.decode()) for number, key in enumerate(keys)])
    drain(core)
    log.commit(core.take_effects(NOW))
    return log, len(keys)


def test_a_control_that_comes_late_refolds_every_key_and_counts_as_read_only_then() -> None:
    log, keys = _with_three_keys()
    core = log.restart(lambda: core_of(Controlled()))
    for topic in ("in-a", "in-b"):
        core.reaches(topic, keys, keys)
    feed(core, "controls", [_control(0, since=0, factor=10), _control(1, bad=True)])
    core.work(NOW)
    core.work(NOW)
    core.work(NOW)  # two controls, a part of the refolding
    half = core.take_effects(NOW)
    assert 0 < len(_of(half.outputs, "out")) < keys
    assert decode(half.record).controls_next == 0
    drain(core)
    rest = core.take_effects(NOW)
    assert len(_of(half.outputs, "out")) + len(_of(rest.outputs, "out")) == keys
    assert decode(rest.record).controls_next == 2
    assert decode(rest.record).refused_controls == [1]
    assert rest.dead_letters == {("controls", "control_too_late"): 1}


def test_controls_that_were_refused_are_refused_again_when_they_are_read_again() -> None:
    log, keys = _with_three_keys()
    core = log.restart(lambda: core_of(Controlled()))
    feed(core, "controls", [_control(0, since=0, factor=10), _control(1, bad=True), _control(2, since=0, factor=20)])
    for topic in ("in-a", "in-b"):
        core.reaches(topic, keys, keys)
    drain(core)
    log.commit(core.take_effects(NOW))
    core = log.restart(lambda: core_of(Controlled()))
    for raw in (_control(0, since=0, factor=10), _control(1, since=0, factor=99), _control(2, since=0, factor=20)):
        core.controls.reread(raw)
    assert core.controls.value == {"factors": [[0, 10], [0, 20]]} or core.controls.value == {
        "factors": [(0, 10), (0, 20)]
    }


def test_stream_time_marks_go_out_now_and_then_and_only_when_time_advanced() -> None:
    core = core_of(Upstream())
    feed(core, "in-a", [event(0, NOW)])
    feed(core, "in-b", [])
    drain(core)
    marked = [output for output in core.take_effects(NOW).outputs if output.topic == "marks"]
    assert [marks.parse(output.headers) for output in marked] == [Mark(0, 1, NOW)]
    assert not core.mark_due(NOW + 10 * SECOND)
    drain(core, NOW + SECOND // 2)
    assert not core.mark_due(NOW + SECOND // 2)
    drain(core, NOW + SECOND)
    assert core.mark_due(NOW + SECOND)


def test_a_task_that_never_had_an_event_says_so_once_when_there_is_nothing_to_read() -> None:
    core = core_of(Upstream())
    feed(core, "in-a", [])
    assert not core.mark_due(NOW)
    feed(core, "in-b", [])
    drain(core)
    (marked,) = core.take_effects(NOW).outputs
    assert marks.parse(marked.headers) == Mark(0, 1, marks.EMPTY)
    assert not core.mark_due(NOW + 10 * SECOND)
    feed(core, "in-a", [event(0, NOW)])
    drain(core, NOW + 10 * SECOND)
    assert core.mark_due(NOW + 10 * SECOND)


def test_a_mark_on_a_topic_that_carries_none_is_an_ordinary_message() -> None:
    core = core_of(AsOf())
    feed(core, "in-a", [Raw(0, None, None, headers=tuple(marks.output("in-a", Mark(0, 1, NOW)).headers))])
    feed(core, "in-b", [])
    drain(core)
    assert core.take_effects(NOW).dead_letters == {("in-a", "malformed"): 1}


def test_a_following_jobs_timers_go_by_the_slowest_source() -> None:
    core = core_of(Downstream())

    def mark(offset: int, source: int, time: int) -> Raw:
        return Raw(offset, None, None, headers=tuple(marks.output("marks", Mark(source, 2, time)).headers))

    feed(core, "marks", [event(0, NOW), mark(1, 0, NOW + 600 * SECOND)])
    drain(core, NOW + 3600 * SECOND)
    assert core.stream_time is None
    feed(core, "marks", [mark(2, 1, NOW + 599 * SECOND)])
    drain(core)
    assert _of(core.take_effects(NOW).outputs, "settled-down") == []
    feed(core, "marks", [mark(3, 1, NOW + 600 * SECOND)])
    drain(core)
    effects = core.take_effects(NOW)
    assert _of(effects.outputs, "settled-down") == [{"id": "k", "due_at": NOW + 600 * SECOND}]
    assert decode(effects.record).sources == {0: NOW + 600 * SECOND, 1: NOW + 600 * SECOND}
    assert effects.offsets == {"marks": 4}


def test_offsets_pass_over_the_markers_of_transactions_once_everything_is_processed() -> None:
    core = core_of(AsOf())
    core.add("in-a", [event(0, NOW)], 1)
    core.reaches("in-a", 2, 2)  # offset 1 is a marker
    core.reaches("in-b", 0, 5)
    drain(core, NOW)
    assert core.take_effects(NOW).offsets["in-a"] == 0
    core.reaches("in-b", 5, 5)
    drain(core, NOW)
    assert core.take_effects(NOW).offsets == {"in-a": 2, "in-b": 5}


def test_the_controls_position_passes_over_markers_too() -> None:
    core = core_of(Controlled())
    feed(core, "controls", [_control(0, since=0, factor=10)])
    core.reaches("controls", 2, 2)  # offset 1 is a marker
    for topic in ("in-a", "in-b"):
        core.reaches(topic, 0, 0)
    drain(core)
    assert decode(core.take_effects(NOW).record).controls_next == 2


def test_a_control_hears_of_the_newest_event_even_if_stream_time_is_behind_it() -> None:
    heard: list[int | None] = []

    class Listening(Controlled):
        def control(self, controls: dict[str, object], message: object, stream_time: int | None) -> Concerned | None:
            heard.append(stream_time)
            return None

    core = core_of(Listening())
    feed(core, "controls", [_control(0, since=0, factor=1)])
    feed(core, "in-a", [event(0, NOW - SECOND)])
    feed(core, "in-b", [], end=9)
    drain(core, NOW)
    drain(core, NOW + LIMITS.align_wait_us)
    assert core.stream_time is None
    feed(core, "controls", [_control(1, since=0, factor=1)])
    drain(core, NOW)
    assert heard == [None, NOW - SECOND]


def test_a_piece_that_is_held_goes_on_when_the_control_that_it_waits_for_comes() -> None:
    class Waiting(Controlled):
        def step(self, key: bytes, state: bytes | None, inputs: Any, controls: dict[str, Any]) -> Step:
            if not controls["factors"]:
                raise Unavailable("no pack is in force")
            return super().step(key, state, inputs, controls)

    core = core_of(Waiting())
    feed(core, "controls", [])
    feed(core, "in-a", [event(0, NOW - 9)])
    feed(core, "in-b", [event(0, NOW - 5, id="b")])
    with pytest.raises(Unavailable):
        core.work(NOW)
    feed(core, "controls", [_control(0, since=0, factor=10)])
    drain(core)
    effects = core.take_effects(NOW)
    assert _of(effects.outputs, "out") == [{"id": "b", "revision": 1, "count": 10}]
    assert effects.inputs == {"in-a": 1, "in-b": 1}


def test_a_control_that_concerns_some_keys_makes_the_task_look_at_these_alone() -> None:
    seen: list[bytes] = []

    class Watched(Controlled):
        def step(self, key: bytes, state: bytes | None, inputs: Any, controls: dict[str, Any]) -> Step:
            seen.extend(key for one in inputs if isinstance(one, Refold))
            return super().step(key, state, inputs, controls)

    core = core_of(Watched())
    feed(core, "controls", [])
    feed(core, "in-a", [event(0, NOW - 9)])
    keys = [b"k%03d" % number for number in range(200)]
    feed(core, "in-b", [event(number, NOW - 5, key=key, id=f"b{number}") for number, key in enumerate(keys)])
    drain(core)
    core.take_effects(NOW)
    some = ["k003", "k150", "nobody", "k003"]
    feed(core, "controls", [_control(0, since=NOW - 6, factor=2, keys=some)])
    drain(core)
    assert seen == [b"k003", b"k150"]
    core.take_effects(NOW)
    seen.clear()
    many = [key.decode() for key in keys[:150]]  # more than one part
    feed(core, "controls", [_control(1, since=NOW - 6, factor=3, keys=many)])
    core.work(NOW)
    core.work(NOW)
    begun = list(seen)
    assert 0 < len(begun) < 150
    feed(core, "controls", [_control(2, since=NOW - 7, factor=4, keys=["k199"])])
    drain(core)
    assert seen == [*begun, *keys[len(begun) : 150], b"k199"]  # none twice, none left out
    assert decode(core.take_effects(NOW).record).controls_next == 3
    seen.clear()
    feed(core, "controls", [_control(3, since=NOW - 6, factor=5, keys=["k001"]), _control(4, since=NOW, factor=6)])
    drain(core)
    assert sorted(set(seen)) == sorted([b"k", *keys])
    seen.clear()
    feed(core, "controls", [_control(5, since=NOW - 6, factor=5, keys=["nobody"])])
    drain(core)
    assert seen == []
    assert decode(core.take_effects(NOW).record).controls_next == 6
    seen.clear()
    feed(core, "controls", [_control(6, since=NOW, factor=7)])
    core.work(NOW)
    core.work(NOW)
    feed(core, "controls", [_control(7, since=NOW - 6, factor=8, keys=["k001"])])
    drain(core)
    assert sorted(seen) == sorted([b"k", *keys, b"k001"])  # what was begun for all is not begun anew
    assert decode(core.take_effects(NOW).record).controls_next == 8
