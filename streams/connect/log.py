"""Reads a range of topics from outside, read-committed: messages by partition and offset, up to where they end now."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from streams.admin import Admin, Partition
from streams.engine.job import Message
from streams.errors import Unavailable
from streams.kafka_config import kafka_client_config
from streams.settings import Settings

POLL_MS: Final = 1_000
SILENT_POLLS_MAX: Final = 20  # polls without a message or progress before giving up


def read_log(
    settings: Settings,
    topics: Iterable[str],
    *,
    begin: Mapping[Partition, int] | None = None,
    since_ms: int | None = None,
    end: Mapping[Partition, int] | None = None,
) -> Iterator[Message]:
    """Messages of topics (names without prefix), partition by partition, each in order of offset.

    `begin`, `end`: offsets by (full topic name, partition), default all that is there now; `since_ms`: from this time of
    arrival on. Raises Unavailable when the broker stops answering, KeyError for a topic that does not exist.
    """
    names = {settings.topic(topic): topic for topic in topics}
    with Admin(settings) as admin:
        ends = dict(end) if end is not None else admin.end_offsets(names)
        begins = dict(begin) if begin is not None else admin.begin_offsets(names)
    consumer = _consumer(settings)
    try:
        for (name, partition), last in sorted(ends.items()):
            first = begins.get((name, partition), 0)
            if first < last:
                yield from _partition(consumer, name, partition, first, last, since_ms, names[name])
    finally:
        consumer.close()


def _partition(
    consumer: Any, name: str, partition: int, first: int, last: int, since_ms: int | None, topic: str
) -> Iterator[Message]:
    from kafka import TopicPartition

    at = TopicPartition(name, partition)
    consumer.assign([at])
    if since_ms is not None:
        found = consumer.offsets_for_times({at: since_ms})[at]
        first = max(first, found.offset) if found is not None else last
    consumer.seek(at, first)
    silent = 0
    while consumer.position(at) < last:
        batch = consumer.poll(POLL_MS)
        silent = 0 if batch else silent + 1
        if silent > SILENT_POLLS_MAX:
            raise Unavailable(
                f"{name}/{partition}: nothing came for {silent} s at offset {consumer.position(at)} of {last}"
            )
        for row in batch.get(at, ()):
            if row.offset < last:
                headers = tuple(row.headers or ())
                yield Message(topic, partition, row.offset, row.timestamp, row.key, row.value, headers)


def _consumer(settings: Settings) -> Any:
    from kafka import KafkaConsumer

    return KafkaConsumer(
        **kafka_client_config(settings),
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="none",
    )
