"""Detection job v0 on stock Faust, as its guide has it: two agents and a table. Run by engines.py with one JSON argument.

Tuned: table in memory, values as bytes with the codec of the job, a commit a second, no web server, no leader topic.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import faust
from faust.serializers.codecs import Codec
from faust.types import StreamT

from benchmarks.detection_rules import Record, fold, read_feedback, read_touchpoint
from benchmarks.peers.said import Progress

PARTITIONS = 4


class Avro(Codec):
    """Confluent wire format to a record."""

    def __init__(self, read: Callable[[bytes], Record], progress: Progress) -> None:
        super().__init__()
        self._read, self._progress = read, progress

    def _loads(self, s: bytes) -> Any:
        self._progress.decoding()
        return self._read(s)


def build(arguments: dict[str, Any]) -> faust.App:
    progress = Progress(arguments["messages"])
    app = faust.App(
        arguments["group"],
        broker=f"kafka://{arguments['bootstrap']}",
        store="memory://",
        topic_partitions=PARTITIONS,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=arguments["commit_seconds"],
        broker_max_poll_records=2000,  # the default, None, lets one poll of a backlog block the loop for long
        producer_linger=0.05,  # the default, 0, sends each change of the table by itself
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    inputs = {
        name: app.topic(
            arguments[name], key_type=bytes,
            value_serializer=Avro(read, progress),
        )
        for name, read in (
            ("touchpoints", read_touchpoint),
            ("feedback", read_feedback),
        )
    }  # fmt: skip
    actions = app.topic(arguments["actions"], key_type=bytes, value_type=bytes)
    customers = app.Table("customers", partitions=PARTITIONS, key_type=bytes, value_type=bytes)  # bytes: as they are

    async def follow(stream: StreamT[Any]) -> None:
        async for key, record in stream.items():
            customers[key], found = fold(key, customers.get(key), [record])
            for action in found:
                await actions.send(key=key, value=action)
            progress.handled()

    for name, topic in inputs.items():
        app.agent(topic, name=name)(follow)
    return app


def main() -> None:
    app = build(json.loads(sys.argv[1]))
    faust.Worker(app, loglevel="WARNING").execute_from_commandline()


if __name__ == "__main__":
    main()
