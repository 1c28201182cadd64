"""Metrics of tasks: counted after each committed transaction, measured whenever somebody asks for them."""

from collections.abc import Iterable
from typing import Final

from streams import metrics
from streams.engine.align import Input
from streams.engine.core import TaskCore
from streams.engine.decoding import Item, RawMessage
from streams.engine.effects import Effects

_MEASURED: Final = (
    metrics.state_bytes,
    metrics.state_subjects,
    metrics.stream_time_seconds,
    metrics.stream_delay_seconds,
    metrics.watermark_delay_seconds,
    metrics.timers,
    metrics.lag_messages,
    metrics.lag_seconds,
)


def count(core: TaskCore, effects: Effects, seconds: float, now: int) -> None:
    """`seconds`: how long the transaction took, which ended at wall clock `now` (µs)."""
    name = core.job.name
    metrics.commits_total.labels(name).inc()
    metrics.commit_seconds.labels(name).observe(seconds)
    metrics.batch_events.labels(name).observe(sum(effects.inputs.values()))
    for topic, messages in effects.inputs.items():
        metrics.inputs_total.labels(topic).inc(messages)
    for (topic, reason), letters in effects.dead_letters.items():
        metrics.dead_letters_total.labels(topic, reason).inc(letters)
    for output in effects.outputs:
        metrics.outputs_total.labels(output.topic).inc()
        if output.caused_at:
            metrics.event_to_action_seconds.observe(max(0, now - output.caused_at) / 1e6)
    for arrived_at in effects.arrivals:
        metrics.action_seconds.observe(max(0, now - arrived_at) / 1e6)
    metrics.timers_fired_total.labels(name).inc(effects.timers_fired)


def measure(cores: Iterable[TaskCore], now: int, lateness_seconds: int = 0) -> None:
    """How the tasks of this worker stand at wall clock `now` (µs). Those of other workers are forgotten."""
    for metric in _MEASURED:
        metric.clear()
    for core in cores:
        name, partition = core.job.name, str(core.partition)
        metrics.state_bytes.labels(name, partition).set(core.store.size_bytes)
        metrics.state_subjects.labels(name, partition).set(len(core.store))
        metrics.timers.labels(name, partition).set(len(core.timers))
        if core.stream_time is not None:
            metrics.stream_time_seconds.labels(name, partition).set(core.stream_time / 1e6)
            delay_seconds = (now - core.stream_time) / 1e6
            metrics.stream_delay_seconds.labels(name, partition).set(delay_seconds)
            metrics.watermark_delay_seconds.labels(name, partition).set(delay_seconds + lateness_seconds)
        lag = core.lag()
        for topic, buffer in zip(core.job.inputs, core.aligner.inputs, strict=True):
            messages = lag.get(topic, 0)
            arrived_at = _oldest(buffer) or (core.held_arrived_at if messages else 0)
            metrics.lag_messages.labels(topic, partition).set(messages)
            metrics.lag_seconds.labels(topic, partition).set(max(0, now - arrived_at) / 1e6 if arrived_at else 0)


def _oldest(buffer: Input[RawMessage, Item]) -> int:
    """Arrival (wall clock, µs) of the first message that was read and is not decided; 0: there is none."""
    if buffer.ready:
        _, _, arrived_at, _ = buffer.ready[buffer.next_ready]
        return arrived_at
    return buffer.chunks[0][0][buffer.next_raw].timestamp * 1000 if buffer.chunks else 0
