"""Metrics of a task, counted after each committed transaction."""

from streams import metrics
from streams.engine.core import TaskCore
from streams.engine.effects import Effects


def count(core: TaskCore, effects: Effects, seconds: float, now: int) -> None:
    """`seconds`: how long the transaction took, which ended at wall clock `now` (µs)."""
    name, partition = core.job.name, str(core.partition)
    metrics.commits_total.labels(name).inc()
    metrics.commit_seconds.labels(name).observe(seconds)
    metrics.batch_events.labels(name).observe(sum(effects.inputs.values()))
    for topic, messages in effects.inputs.items():
        metrics.inputs_total.labels(topic).inc(messages)
    for (topic, reason), letters in effects.dead_letters.items():
        metrics.dead_letters_total.labels(topic, reason).inc(letters)
    for output in effects.outputs:
        metrics.outputs_total.labels(output.topic).inc()
    for arrived_at in effects.arrivals:
        metrics.action_seconds.observe(max(0, now - arrived_at) / 1e6)
    metrics.state_bytes.labels(name, partition).set(core.store.size_bytes)
    metrics.state_subjects.labels(name, partition).set(len(core.store))
    if core.stream_time is not None:
        metrics.stream_time_seconds.labels(name, partition).set(core.stream_time / 1e6)
    for topic, lag in core.lag().items():
        metrics.lag_messages.labels(topic, partition).set(lag)
