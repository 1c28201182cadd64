"""A task without Kafka, for tests: raw messages in, effects out, and a changelog in memory to restore from."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from streams.engine.core import TaskCore
from streams.engine.effects import Effects
from streams.engine.job import AnyJob, Output
from streams.engine.limits import Limits
from streams.engine.record import decode
from streams.engine.store import unpack
from tests.engine_jobs import value

NOW = 1_800_000_000_000_000  # µs
LIMITS = Limits(align_wait_us=5_000_000, future_us=300_000_000, breaker_in_a_row=500, breaker_share=0.5)


class Raw(NamedTuple):
    """As aiokafka's ConsumerRecord."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = NOW // 1000
    timestamp_type: int = 1
    headers: tuple[tuple[str, bytes], ...] = ()


def core_of(job: AnyJob, limits: Limits = LIMITS, partitions: int = 1) -> TaskCore:
    """A task that starts at offset 0 of everything."""
    core = TaskCore(job, 0, partitions, limits, lambda topic: f"prefix-{topic}")
    core.start(dict.fromkeys(job.inputs, 0))
    return core


def event(offset: int, at: int, key: bytes = b"k", **fields: Any) -> Raw:
    """A test event; it arrives when it happens unless `arrived_at` (µs) says otherwise."""
    arrived_at = fields.pop("arrived_at", at)
    return Raw(offset, key, value(at=at, id=fields.pop("id", f"e{offset}"), **fields), arrived_at // 1000)


def feed(core: TaskCore, topic: str, raws: Sequence[Raw], end: int | None = None) -> None:
    """Deliver `raws`, and say that the partition ends at `end` (default: after them)."""
    core.add(topic, raws, len(raws))
    position = raws[-1].offset + 1 if raws else 0
    core.reaches(topic, position, position if end is None else end)


def drain(core: TaskCore, now: int = NOW) -> None:
    """Work until there is nothing to do."""
    for _ in range(100_000):
        if not core.work(now):
            return
    raise AssertionError("does not come to rest")


class Log:
    """What a read-committed reader has seen of a task, and what a restart would find."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.changelog: dict[bytes, bytes] = {}
        self.record: bytes | None = None
        self.offsets: dict[str, int] = {}

    def commit(self, effects: Effects) -> None:
        """A transaction that succeeds."""
        self.outputs += effects.outputs
        for key, changed in effects.changes:
            if changed is None:
                self.changelog.pop(key, None)
            else:
                self.changelog[key] = changed
        self.record = effects.record
        self.offsets |= effects.offsets

    def restart(self, make: Callable[[], TaskCore]) -> TaskCore:
        """A task as after a crash."""
        core = make()
        core.restore(decode(self.record) if self.record else None)
        for key, stored in self.changelog.items():
            core.load(key, *unpack(stored))
        core.start({topic: self.offsets.get(topic, 0) for topic in core.job.inputs})
        return core
