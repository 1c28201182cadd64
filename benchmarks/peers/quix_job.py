"""Detection job v0 on Quix Streams: two data frames joined by `concat`, which aligns them in time, and one stateful function.

Runs in an environment of its own (quix-requirements.txt), started by engines.py with one JSON argument. Tuned: state as bytes
with the job's own encoding, a checkpoint a second, larger buffers and batches.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from quixstreams import Application, State
from quixstreams.models import Deserializer

from benchmarks.detection_rules import Record, fold, read_feedback, read_touchpoint
from benchmarks.peers.said import Progress


class Avro(Deserializer):  # type: ignore[misc]  # not in this environment
    """Confluent wire format to a record."""

    def __init__(self, read: Callable[[bytes], Record], progress: Progress) -> None:
        super().__init__()
        self._read, self._progress = read, progress

    def __call__(self, value: bytes, ctx: Any) -> Any:
        self._progress.decoding()
        return self._read(value)


def main() -> None:
    arguments = json.loads(sys.argv[1])
    progress = Progress(arguments["messages"])
    app = Application(
        broker_address=arguments["bootstrap"],
        consumer_group=arguments["group"],
        auto_offset_reset="earliest",
        commit_interval=arguments["commit_seconds"],
        state_dir=arguments["state_dir"],
        producer_extra_config={"linger.ms": 50, "batch.size": 1 << 20, "partitioner": "murmur2_random"},
        max_partition_buffer_size=50_000,  # fewer pauses of the partitions that are ahead
        loglevel="WARNING",
    )
    touchpoints = app.topic(
        arguments["touchpoints"],
        key_deserializer="bytes",
        value_deserializer=Avro(read_touchpoint, progress),
    )
    feedback = app.topic(
        arguments["feedback"], key_deserializer="bytes", value_deserializer=Avro(read_feedback, progress)
    )
    actions = app.topic(arguments["actions"], key_serializer="bytes", value_serializer="bytes")

    def rules(record: Any, key: bytes, at: int, headers: Any, state: State) -> list[bytes]:
        held, found = fold(key, state.get_bytes("customer"), [record])
        state.set_bytes("customer", held)
        progress.handled()
        return found

    both = app.dataframe(touchpoints).concat(app.dataframe(feedback))
    both.apply(rules, stateful=True, expand=True, metadata=True).to_topic(actions)
    app.run()


if __name__ == "__main__":
    main()
