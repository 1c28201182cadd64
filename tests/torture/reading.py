"""Reading topics as a stranger does, with librdkafka: all that a read-committed reader sees now, or as it comes."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.engine.store import TASK_KEY

READ_SECONDS = 60.0
LONG_READ_SECONDS = 300.0  # of a changelog of half an hour


class Remembered(NamedTuple):
    """What a restore would find in a changelog: keys, and bytes of keys and values."""

    keys: int
    state_bytes: int


class Seen(NamedTuple):
    """A message. `headers` by name."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]

    @property
    def place(self) -> tuple[str, int, int]:
        return self.topic, self.partition, self.offset


def consumer(bootstrap: str, *, committed: bool = True) -> Consumer:
    """Member of no group, commits nothing."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "torture-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed" if committed else "read_uncommitted",
            "reconnect.backoff.max.ms": 500,
            "fetch.wait.max.ms": 100,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )


def _seen(message: Any) -> Seen:
    headers = {name: value or b"" for name, value in message.headers() or ()}
    return Seen(message.topic(), message.partition(), message.offset(), message.key(), message.value(), headers)


def read_all(bootstrap: str, topics: Iterable[str], *, committed: bool = True) -> dict[str, list[Seen]]:
    """By topic, in order of partition and offset."""
    found: dict[str, list[Seen]] = {topic: [] for topic in topics}
    for message in _messages(bootstrap, found, committed=committed):
        found[message.topic()].append(_seen(message))
    for messages in found.values():
        messages.sort(key=lambda one: one.place)
    return found


def _messages(
    bootstrap: str, topics: Iterable[str], *, committed: bool = True, seconds: float = READ_SECONDS
) -> Iterator[Any]:
    """librdkafka's. Ends at each partition's end (EOF), which is behind the last marker."""
    reader = consumer(bootstrap, committed=committed)
    try:
        places = []
        for topic in topics:
            metadata = reader.list_topics(topic, timeout=20).topics[topic]
            places += [TopicPartition(topic, number, _begin(reader, topic, number)) for number in metadata.partitions]
        reader.assign(places)
        left = {(place.topic, place.partition) for place in places}
        deadline = time.monotonic() + seconds
        while left:
            assert time.monotonic() < deadline, f"not read to the end within {seconds:.0f} s: {sorted(left)}"
            for message in reader.consume(5000, 0.5):
                if message.error() is None:
                    yield message
                elif message.error().name() == "_PARTITION_EOF":
                    left.discard((message.topic(), message.partition()))
    finally:
        reader.close()


def remembered(bootstrap: str, changelog: str, instants: Sequence[float]) -> list[Remembered]:
    """What the changelog held at each of these instants (wall clock, ascending), by the times at which it was written."""
    held: dict[bytes, int] = {}
    found: dict[int, Remembered] = {}
    arrivals = sorted(_arrivals(bootstrap, changelog), key=lambda each: each[0])
    for at_ms, key, size in arrivals:
        _close(found, held, instants, at_ms)
        if size < 0:
            held.pop(key, None)
        else:
            held[key] = size
    _close(found, held, instants, None)
    return [found[number] for number in range(len(instants))]


def _close(
    found: dict[int, Remembered], held: dict[bytes, int], instants: Sequence[float], before_ms: int | None
) -> None:
    while len(found) < len(instants) and (before_ms is None or instants[len(found)] * 1000 < before_ms):
        found[len(found)] = Remembered(len(held), sum(map(len, held)) + sum(held.values()))


def _arrivals(bootstrap: str, topic: str) -> Iterator[tuple[int, bytes, int]]:
    """When each of its messages came (ms), key, bytes of the value (-1: none), without the task records."""
    for message in _messages(bootstrap, [topic], seconds=LONG_READ_SECONDS):
        if message.key() != TASK_KEY:
            yield message.timestamp()[1], message.key(), -1 if message.value() is None else len(message.value())


def _begin(reader: Consumer, topic: str, partition: int) -> int:
    return int(reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)[0])


class ConcurrentReader:
    """A read-committed subscriber that reads along while things break. `seen` is what it got, in its order."""

    def __init__(self, bootstrap: str, topics: Sequence[str]) -> None:
        self.seen: list[Seen] = []
        self._reader = consumer(bootstrap)
        places = []
        for topic in topics:
            metadata = self._reader.list_topics(topic, timeout=20).topics[topic]
            places += [TopicPartition(topic, number, 0) for number in metadata.partitions]
        self._reader.assign(places)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                batch = self._reader.consume(1000, 0.2)
            except KafkaException:
                time.sleep(0.2)  # the broker is away
                continue
            self.seen += [_seen(message) for message in batch if message.error() is None]

    def finish(self, until: set[tuple[str, int, int]], seconds: float = 30.0) -> list[Seen]:
        """Reads on until it has seen as many as there are; what it got."""
        deadline = time.monotonic() + seconds
        while len(self.seen) < len(until) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.close()
        return self.seen

    def close(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            self._reader.close()
