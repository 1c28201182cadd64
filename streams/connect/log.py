"""Topics read from outside any consumer group, committed messages only: a range of them, or whatever comes from an offset on.

`read_log` reads a range to its end; `LogReader` is for those who follow. Partitions go by (full topic name, number), messages
carry the name without prefix.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Self

from streams.admin import Admin, Partition
from streams.engine.job import Message
from streams.errors import Unavailable
from streams.kafka_config import kafka_client_config
from streams.settings import Settings

POLL_MS: Final = 500
POLL_MESSAGES: Final = 5_000
STUCK_SECONDS: Final = 30.0  # a range gives up when nothing was heard for so long


def read_log(
    settings: Settings,
    topics: Iterable[str],
    *,
    begin: Mapping[Partition, int] | None = None,
    since_ms: int | None = None,
    end: Mapping[Partition, int] | None = None,
) -> Iterator[Message]:
    """Messages of topics (names without prefix), each partition's in order of offset; partitions mix.

    `begin`, `end`: offsets, default all that is there now; a partition that they do not name is not read. `since_ms`: from
    this time of arrival on. Raises Unavailable when nothing comes any more, KeyError for a topic that does not exist.
    """
    names = {settings.topic(topic) for topic in topics}
    since: Mapping[Partition, int] = {}
    if begin is None or end is None or since_ms is not None:
        with Admin(settings) as admin:
            end = admin.end_offsets(names) if end is None else end
            begin = admin.begin_offsets(names) if begin is None else begin
            since = admin.offsets_since(names, since_ms) if since_ms is not None else {}
    wanted = {at: max(first, since.get(at, 0)) for at, first in begin.items() if at in end and at[0] in names}
    with LogReader(settings, wanted, end) as reader:
        silent_ms = 0
        before: dict[Partition, int] = {}
        while left := reader.left():
            silent_ms = silent_ms + POLL_MS if left == before else 0
            if silent_ms > STUCK_SECONDS * 1_000:
                (topic, partition), offset = min(left.items())
                raise Unavailable(f"{topic}/{partition}: nothing comes from offset {offset} on, although there is more")
            before = left
            yield from reader.poll(POLL_MS)


class LogReader:
    """Reads each partition of `begin` from its offset on: to before that of `end`, or without `end` for ever.

    Where messages are gone meanwhile, a range raises Unavailable; who follows goes on with the oldest that are there.
    """

    def __init__(
        self, settings: Settings, begin: Mapping[Partition, int], end: Mapping[Partition, int] | None = None
    ) -> None:
        from kafka import KafkaConsumer, TopicPartition

        self._prefix = settings.kafka_prefix
        self._consumer: Any = KafkaConsumer(
            **kafka_client_config(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest" if end is None else "none",
            allow_auto_create_topics=False,
            max_poll_records=POLL_MESSAGES,
            reconnect_backoff_max_ms=1_000,
            metrics_enabled=False,
        )
        wanted = {TopicPartition(*at): offset for at, offset in begin.items() if end is None or offset < end[at]}
        self._end = None if end is None else {at: end[at] for at in wanted}
        self._consumer.assign(list(wanted))
        for at, offset in wanted.items():
            self._consumer.seek(at, offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._consumer.close(autocommit=False)

    def poll(self, timeout_ms: int) -> list[Message]:
        """What came; nothing after `timeout_ms`. Raises Unavailable."""
        from kafka.errors import KafkaError

        try:
            polled = self._consumer.poll(timeout_ms)
        except KafkaError as error:
            raise Unavailable(f"reading from Kafka: {error}") from error
        return [
            Message(
                at.topic.removeprefix(self._prefix),
                at.partition,
                record.offset,
                record.timestamp,
                record.key,
                record.value,
                tuple(record.headers or ()),
            )
            for at, records in polled.items()
            for record in records
            if self._end is None or record.offset < self._end[at]
        ]

    def left(self) -> dict[Partition, int]:
        """The partitions whose end is not reached, with their positions; these pass over the markers of transactions, too."""
        assert self._end is not None  # for a range only
        positions = {at: self._consumer.position(at) for at in self._end}
        done = [at for at, position in positions.items() if position >= self._end[at]]
        self._consumer.pause(*done)
        return {(at.topic, at.partition): position for at, position in positions.items() if at not in done}
