"""Workers on the real Kafka: results, restart, restore with a quiet partition's timer, two workers and a rebalance, SIGTERM."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable

from deploy.local.ports import free_port
from tests.engine_events import events, expected
from tests.engine_jobs import Brisk, Downstream
from tests.engine_service import Bench, until


def test_two_topics_are_joined_and_a_restart_goes_on_where_it_was(bench: Callable[..., Bench]) -> None:
    run = bench()
    a, b = events(2000, seed=1)
    run.produce("in-a", a[:1000])
    run.produce("in-b", b[:100])
    worker = run.worker()
    run.until_done()
    assert worker.stop() == 0
    run.produce("in-b", b[100:])
    run.produce("in-a", a[1000:])
    worker = run.worker()
    run.until_done()
    assert worker.stop() == 0
    assert run.in_force() == expected(a, b)
    assert "restored 0 keys" not in worker.said()


def test_a_backlog_in_order_is_joined_without_a_single_revision(bench: Callable[..., Bench]) -> None:
    run = bench()
    a, b = events(6000, seed=2)
    for each in (a, b):
        each.sort(key=lambda event: event["at"])
    run.produce("in-b", b)
    run.produce("in-a", a)
    run.worker()
    run.until_done()
    assert run.in_force() == expected(a, b)
    assert {output["revision"] for output in run.outputs()} == {1}


def test_a_quiet_partitions_timers_fire_after_a_restart(bench: Callable[..., Bench]) -> None:
    """Stream time was the event's; while nobody runs and nothing comes, it goes on with the wall clock."""
    run = bench("brisk", partitions=1)
    now = int(time.time() * 1e6)
    run.produce("in-b", [{"key": "k", "id": "quiet", "at": now}])
    worker = run.worker()
    run.until_done()
    assert worker.stop() == 0
    early = run.outputs("settled")
    assert not early or time.time() * 1e6 > now + Brisk.settle_us  # on a slow machine the first worker has met it
    worker = run.worker()
    until("the timer fires", lambda: [each["id"] for each in run.outputs("settled")] == ["quiet"])
    worker.says("restored 1 keys")
    assert worker.stop() == 0


def test_a_second_job_follows_the_stream_time_of_the_first(bench: Callable[..., Bench]) -> None:
    run = bench("chain")
    a, b = events(600, seed=16)
    run.produce("in-a", a)
    run.produce("in-b", b)
    worker = run.worker()
    newest = max(each["at"] for each in [*a, *b])
    due: dict[str, int] = {}
    for each in b:
        name = f"of-{each['id'][-1]}"
        due[name] = max(due.get(name, 0), each["at"] + Downstream.settle_us)
    ripe = {name for name, at in due.items() if at <= newest}
    until("timers fire by the first job's time", lambda: ripe <= {each["id"] for each in run.outputs("settled-down")})
    run.until_done()
    assert worker.stop() == 0
    assert run.in_force() == expected(a, b)
    counted = {record.key: record.value for record in run.records("cx-down-changelog") if record.value}
    assert sum(int(value[9:]) for key, value in counted.items() if key and key.startswith(b"of-")) == len(b)


def test_at_least_once_processes_everything_without_transactions(bench: Callable[..., Bench]) -> None:
    run = bench(worker_delivery="at_least_once")
    a, b = events(1000, seed=17)
    run.produce("in-b", b[:50])
    run.produce("in-a", a[:500])
    worker = run.worker()
    run.until_done()
    assert worker.stop() == 0
    run.produce("in-a", a[500:])
    run.produce("in-b", b[50:])
    worker = run.worker()
    run.until_done()
    assert worker.stop() == 0
    assert run.in_force() == expected(a, b)


def test_health_says_ready_and_metrics_count_what_was_committed(bench: Callable[..., Bench]) -> None:
    port = free_port()
    run = bench(metrics_port=port)
    a, b = events(400, seed=18)
    run.produce("in-a", a)
    run.produce("in-b", b)
    worker = run.worker()
    run.until_done()
    until("ready", lambda: _get(port, "/readyz") == (200, "ok\n"))
    assert _get(port, "/livez") == (200, "ok\n")
    status, text = _get(port, "/metrics")
    assert status == 200
    assert 'touchstone_worker_inputs_total{topic="in-a"} 400.0' in text
    assert f'touchstone_worker_outputs_total{{topic="out"}} {len(run.outputs())}.0' in text
    assert worker.stop() == 0


def _get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""
