"""What the engine runs: a job takes messages of co-partitioned topics, keeps bytes a key, and gives messages back.

The engine moves bytes; what they mean is the job's. `decode` and `step` must be pure: same arguments, same answer.
"""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from streams.errors import DeadLetterReason

Headers = Sequence[tuple[str, bytes]]


class Message(msgspec.Struct, frozen=True, gc=False):
    """Kafka's bytes and where they stand. `topic` is the name in topics.yaml, without prefix; `timestamp_ms` is arrival."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Output(msgspec.Struct, frozen=True):
    """A message to send. `topic` without prefix; `partition` None: by murmur2 of the key; -1: a copy to every partition.

    `urgent`: somebody waits for it, a transaction begins for it at once; others go with the next one. `caused_at`: event time
    (µs) of what it answers at once, for the latency that is measured; 0: it is not measured.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None
    urgent: bool = False
    caused_at: int = 0


class Tick(NamedTuple):
    """Stream time has reached `due_at` (µs): the key's timers due at or before it fire."""

    due_at: int


class Refold(NamedTuple):
    """A control that was not known before is in force from `since_at` (µs): judge inputs from then on again."""

    since_at: int


class Concerned(NamedTuple):
    """What a control concerns: keys to judge again from `since_at` on, those without state passed over. `keys` None: all."""

    since_at: int
    keys: Sequence[bytes] | None = None


class Rejected(NamedTuple):
    """A decoded message that the job refuses after all: it is dead-lettered with its bytes."""

    message: Message
    reason: DeadLetterReason
    detail: str


class Step(msgspec.Struct):
    """What became of a key. `state` None deletes it. `next_due_at` (µs) asks for a Tick, None for none."""

    state: bytes | None
    outputs: list[Output]
    next_due_at: int | None = None
    rejected: list[Rejected] = []


InputT = TypeVar("InputT")
ControlsT = TypeVar("ControlsT")


class Decoded(msgspec.Struct, Generic[InputT], frozen=True, gc=False):
    """`key` the state's key; `at` event time in µs; `value` what step receives."""

    key: bytes
    at: int
    value: InputT


class Job(Protocol[InputT, ControlsT]):
    """A pure computation on co-partitioned topics.

    `inputs` in rank order (ties of event time are processed in this order). `broadcast`: a topic with a copy of every
    record on each partition, read ahead of the inputs and folded into one `controls` value a task; None for none.
    `stream_time_to`: topic to whose every partition each task sends its stream time (for a downstream job);
    `stream_time_from`: the input topic on which this job receives such marks, instead of deriving stream time itself.
    `gathers`: after a piece of work inputs are gathered for a multiple of what it took, unless many wait: for a job whose
    step may cost as much for one input as for a hundred.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    broadcast: str | None
    stream_time_to: str | None
    stream_time_from: str | None
    gathers: bool

    def decode(self, message: Message) -> Decoded[InputT]:
        """Raises InvalidEvent. `message.key` has been checked against the partition by the engine."""
        ...

    def step(
        self, key: bytes, state: bytes | None, inputs: Sequence[InputT | Tick | Refold], controls: ControlsT
    ) -> Step:
        """Inputs in merged order. Raises Unavailable to hold the task. Called with few inputs at a time."""
        ...

    def new_controls(self) -> ControlsT:
        """Controls of a task that has seen no control yet."""
        ...

    def control(self, controls: ControlsT, message: Message, stream_time: int | None) -> Concerned | None:
        """Fold a control in (in place). What must be refolded, or None for no need.

        `stream_time`: how far this task has come (the newest event processed, if that is ahead); None when it has seen no
        event yet, or when the control had been applied before and is only read again.

        Raises InvalidEvent for one that is malformed or dated before the horizon.
        """
        ...


AnyJob = Job[Any, Any]
