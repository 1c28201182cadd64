"""What the metrics say of tasks and sinks that stand still: measured when asked for, and forgotten when a partition has gone."""

import asyncio
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from deploy.local import ports
from sinks.clickhouse import Sink
from sinks.tables import BY_NAME
from streams import metrics
from streams.engine import meters
from streams.engine.health import Health
from streams.engine.job import Output
from streams.errors import Unavailable
from streams.probes import serve
from streams.settings import Settings
from tests import sink_records as make
from tests.engine_core import NOW, core_of, drain, event, feed
from tests.engine_jobs import SECOND, AsOf, Moody


def told(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    meters.measure([], NOW)


def test_lag_in_messages_and_in_seconds() -> None:
    core = core_of(AsOf())
    feed(core, "in-a", [event(0, NOW - 9 * SECOND), event(1, NOW)], end=2)
    feed(core, "in-b", [])
    meters.measure([core], NOW)
    assert told("touchstone_worker_lag_messages", topic="in-a", partition="0") == 2
    assert told("touchstone_worker_lag_seconds", topic="in-a", partition="0") == 9
    assert told("touchstone_worker_lag_seconds", topic="in-b", partition="0") == 0
    drain(core)
    meters.measure([core], NOW + 60 * SECOND)
    assert told("touchstone_worker_lag_messages", topic="in-a", partition="0") == 0
    assert told("touchstone_worker_lag_seconds", topic="in-a", partition="0") == 0
    assert told("touchstone_worker_stream_delay_seconds", part="asof", partition="0") == 60
    assert told("touchstone_worker_state_subjects", part="asof", partition="0") == 1


def test_the_watermark_is_the_lateness_behind_stream_time() -> None:
    core = core_of(AsOf())
    feed(core, "in-a", [event(0, NOW)])
    feed(core, "in-b", [])
    drain(core)
    meters.measure([core], NOW + 60 * SECOND, 3600)
    assert told("touchstone_worker_watermark_delay_seconds", part="asof", partition="0") == 3660


def test_event_time_to_action_counts_what_asks_for_it() -> None:
    core = core_of(AsOf())
    feed(core, "in-a", [event(0, NOW)])
    feed(core, "in-b", [])
    drain(core)
    effects = core.take_effects(NOW)
    name = "touchstone_worker_event_to_action_seconds"
    count, total = told(f"{name}_count") or 0, told(f"{name}_sum") or 0
    meters.count(core, effects, 0.01, NOW)
    assert told(f"{name}_count") == count
    effects.outputs.append(Output("out", b"k", b"v", caused_at=NOW - 3 * SECOND))
    meters.count(core, effects, 0.01, NOW)
    assert told(f"{name}_count") == count + 1
    assert told(f"{name}_sum") == total + 3
    assert told(f"{name}_bucket", le="3.0") == (told(f"{name}_bucket", le="2.5") or 0) + 1


def test_what_waits_for_another_input_is_lag() -> None:
    core = core_of(AsOf())
    feed(core, "in-a", [event(0, NOW)])
    feed(core, "in-b", [event(0, NOW - 5 * SECOND)], end=9)
    drain(core)
    assert core.aligner.inputs[0].ready
    meters.measure([core], NOW + 3 * SECOND)
    assert told("touchstone_worker_lag_seconds", topic="in-a", partition="0") == 3


def test_timers_that_wait_and_that_fired() -> None:
    core = core_of(AsOf())
    feed(core, "in-b", [event(0, NOW, id="b")])
    feed(core, "in-a", [])
    drain(core)
    meters.measure([core], NOW)
    assert told("touchstone_worker_timers", part="asof", partition="0") == 1
    assert core.take_effects(NOW).timers_fired == 0
    drain(core, NOW + 600 * SECOND)
    effects = core.take_effects(NOW)
    assert effects.timers_fired == 1
    before = told("touchstone_worker_timers_fired_total", part="asof") or 0
    meters.count(core, effects, 0.01, NOW)
    assert told("touchstone_worker_timers_fired_total", part="asof") == before + 1


def test_what_a_held_piece_took_goes_on_waiting() -> None:
    core = core_of(Moody())
    feed(core, "in-a", [event(0, NOW, **{"raise": "unavailable"})])
    feed(core, "in-b", [])
    with pytest.raises(Unavailable):
        core.work(NOW)
    meters.measure([core], NOW + 30 * SECOND)
    assert told("touchstone_worker_lag_messages", topic="in-a", partition="0") == 1
    assert told("touchstone_worker_lag_seconds", topic="in-a", partition="0") == 30


def test_a_partition_that_has_gone_is_forgotten() -> None:
    core = core_of(AsOf())
    feed(core, "in-a", [event(0, NOW)])
    meters.measure([core], NOW)
    assert told("touchstone_worker_lag_messages", topic="in-a", partition="0") == 1
    meters.measure([], NOW)
    assert told("touchstone_worker_lag_messages", topic="in-a", partition="0") is None


def test_the_oldest_row_that_is_not_stored() -> None:
    sink = Sink(Settings(), make.CODEC)
    sink.measure()
    assert told("touchstone_sink_lag_seconds") == 0
    minute_ago = int(time.time() * 1000) - 60_000
    for offset, timestamp_ms in enumerate((minute_ago + 50_000, minute_ago)):
        row = make.row("touchpoints", make.touchpoint(), offset, timestamp_ms=timestamp_ms)
        sink._buffer.batch.add(BY_NAME["touchpoints"], row)
    sink.measure()
    assert (told("touchstone_sink_lag_seconds") or 0) >= 60
    sink._writer.close()


async def test_the_sinks_lag_has_topics_without_prefix() -> None:
    sink = Sink(Settings(kafka_prefix="mine-"), make.CODEC)
    at = TopicPartition("mine-cx-actions", 1)

    async def position(_: TopicPartition) -> int:
        return 7

    sink._consumer = SimpleNamespace(assignment=lambda: {at}, position=position, last_stable_offset=lambda _: 10)
    sink._committed = {at: 7}
    await sink._note_positions()
    assert told("touchstone_sink_lag_messages", topic="cx-actions", partition="1") == 3
    sink._writer.close()
    metrics.sink_lag_messages.clear()


async def test_asking_for_the_metrics_measures() -> None:
    core = core_of(AsOf())
    feed(core, "in-a", [event(0, NOW)])
    task: Any = SimpleNamespace(
        core=core, where="asof/0", held=False, lags=lambda: True, seconds_without_progress=lambda: 99.0
    )
    health = Health()
    health.worker = SimpleNamespace(  # type: ignore[assignment]
        membership=SimpleNamespace(assigned=True, tasks={0: [task]}), settings=Settings()
    )
    async with serve(health, Settings(metrics_port=ports.free_port())) as port:
        with await asyncio.to_thread(urlopen, f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
    assert 'touchstone_worker_lag_messages{partition="0",topic="in-a"} 1.0' in text
    assert "touchstone_process_stalled 1.0" in text
    assert "touchstone_process_ready 0.0" in text
