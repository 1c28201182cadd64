"""What a task has done since its last transaction, gathered between two pieces of work so that it is whole steps only."""

import msgspec

from streams.engine.dead_letter import letter
from streams.engine.decoding import Refusal
from streams.engine.job import Output


class Effects(msgspec.Struct, frozen=True):
    """One transaction: outputs, changelog records (value None deletes), the task record, offsets by topic.

    Topics are without prefix. For metrics: `inputs` counts messages by topic, `dead_letters` by topic and reason; `arrivals`
    are the instants (wall clock, µs) at which what caused outputs had arrived, one a piece of work.
    """

    outputs: list[Output]
    changes: list[tuple[bytes, bytes | None]]
    record: bytes
    offsets: dict[str, int]
    inputs: dict[str, int]
    dead_letters: dict[tuple[str, str], int]
    arrivals: list[int]
    timers_fired: int = 0


class Gathered:
    """What is not in a transaction yet, besides states and offsets, which store and ledger gather themselves."""

    __slots__ = ("arrivals", "dead_letters", "inputs", "outputs", "timers_fired", "urgent")

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.inputs: dict[str, int] = {}
        self.dead_letters: dict[tuple[str, str], int] = {}
        self.arrivals: list[int] = []
        self.timers_fired = 0
        self.urgent = False

    def told(self, before: int) -> None:
        """The outputs after the first `before` are new."""
        self.urgent = self.urgent or any(output.urgent for output in self.outputs[before:])

    def took(self, topic: str, count: int) -> None:
        """Messages of an input were processed."""
        self.inputs[topic] = self.inputs.get(topic, 0) + count

    def refuse(self, refusal: Refusal, topic_on_cluster: str, job: str) -> None:
        """A message goes to the dead letters."""
        message = refusal.message
        self.outputs.append(letter(message, topic_on_cluster, job, refusal.reason, refusal.detail))
        label = (message.topic, str(refusal.reason))
        self.dead_letters[label] = self.dead_letters.get(label, 0) + 1
