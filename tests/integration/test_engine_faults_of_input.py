"""What cannot be processed: dead letters, the breaker, holding, defects. Each is said, and nothing is lost."""

from collections.abc import Callable
from pathlib import Path

from tests.engine_events import events, expected
from tests.engine_jobs import value
from tests.engine_service import Bench, until


def test_invalid_messages_are_dead_lettered_with_their_bytes_exactly_once(bench: Callable[..., Bench]) -> None:
    run = bench(partitions=1)
    a, b = events(300, seed=10)
    run.produce("in-a", a[:150])
    run.produce_raw("in-a", [(b"k1", b"\xff{"), (None, value(at=1, id="x")), (b"k2", None)])
    run.produce("in-a", a[150:])
    run.produce("in-b", b)
    run.worker()
    run.until_done()
    letters = run.records("cx-dead-letters")
    assert sorted((letter.key or b"", letter.value or b"") for letter in letters) == sorted(
        [(b"k1", b"\xff{"), (b"", value(at=1, id="x")), (b"k2", b"")]
    )
    headers = [dict(letter.headers) for letter in letters]
    assert {each["__connect.errors.topic"].decode() for each in headers} == {run.settings.topic("in-a")}
    assert sorted(int(each["__connect.errors.offset"]) for each in headers) == [150, 151, 152]
    assert {each["touchstone.reason"] for each in headers} == {b"malformed", b"key_mismatch"}
    assert run.in_force() == expected(a, b)


def test_a_key_in_a_partition_that_is_not_its_own_founds_no_second_state(bench: Callable[..., Bench]) -> None:
    run = bench(partitions=2)
    a, b = events(200, seed=11, keys=1)
    run.produce("in-a", a)
    run.produce("in-b", b)
    for partition in (0, 1):
        run.produce("in-a", [{**a[0], "id": "astray"}], partition=partition)
    run.worker()
    run.until_done()
    letters = run.records("cx-dead-letters")
    assert [dict(letter.headers)["touchstone.reason"] for letter in letters] == [b"wrong_partition"]
    twice = run.in_force()
    assert twice == {name: count + 1 for name, count in expected(a, b).items()}


def test_too_many_invalid_messages_stop_the_worker_before_the_topic_is_drained(bench: Callable[..., Bench]) -> None:
    run = bench(partitions=1, worker_breaker_in_a_row=200)
    run.produce_raw("in-a", [(b"k", b"{")] * 1000)
    worker = run.worker()
    assert worker.wait() == 1
    assert "200 in a row" in worker.said()
    assert "touchstone tail cx-dead-letters" in worker.said()
    assert len(run.records("cx-dead-letters")) < 200


def test_unavailable_holds_the_task_commits_nothing_of_it_and_goes_on_later(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    run = bench("moody", partitions=2)
    cure = tmp_path / "cure"
    a, b = events(400, seed=12)
    trouble = {**a[200], "raise": "unavailable"}
    run.produce("in-a", [*a[:200], trouble, *a[201:]])
    run.produce("in-b", b)
    worker = run.worker(TOUCHSTONE_TEST_CURE=str(cure))
    worker.says("held, nothing of it is committed: the pack is not here yet")
    other = [event for event in a if event["key"] != trouble["key"]]
    assert other
    until("the other task goes on", lambda: 0 < run.lag() < 230)
    cure.touch()
    run.until_done()
    worker.says("goes on")
    assert worker.stop() == 0
    assert run.in_force() == expected(a, b)


def test_a_defect_stops_the_process_loudly_and_commits_nothing_of_it(bench: Callable[..., Bench]) -> None:
    run = bench("moody", partitions=1)
    a, b = events(400, seed=13)
    run.produce("in-b", b)
    run.produce("in-a", [*a[:390], {**a[390], "raise": "defect"}, *a[391:]])
    for _ in range(2):
        worker = run.worker()
        assert worker.wait() == 1
        assert "KeyError: 'a defect in the job'" in worker.said()
    assert run.lag() >= 10
    assert set(run.in_force().items()) <= set(expected(a, b).items())
