"""A raw Kafka message becomes an entry for the merge: decoded by the job, refused, or a stream-time mark."""

from collections.abc import Container, Iterable
from functools import lru_cache
from typing import NamedTuple, Protocol

from streams.engine import marks
from streams.engine.align import Entry
from streams.engine.job import AnyJob, Decoded, Headers, Message
from streams.engine.marks import Mark
from streams.engine.partitioning import partition_of
from streams.errors import DeadLetterReason, InvalidEvent, Unavailable

LOG_APPEND_TIME = 1
_CHECKED_KEYS = 100_000


class RawMessage(Protocol):
    """What is used of a client library's record."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def timestamp_type(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Refusal(NamedTuple):
    """A message that goes to the dead letters."""

    message: Message
    reason: DeadLetterReason
    detail: str


Item = Decoded[object] | Refusal | Mark


class Decoder:
    """Of one task. Checks what is the engine's to check: the key's partition and events dated after their arrival.

    `known`: keys that have passed already, those that have state.
    """

    def __init__(self, job: AnyJob, partition: int, partitions: int, future_us: int, known: Container[bytes]) -> None:
        self._decode = job.decode
        self._topics = job.inputs
        self._partition = partition
        self._partitions = partitions
        self._future_us = future_us
        self._marked = -1 if job.stream_time_from is None else job.inputs.index(job.stream_time_from)
        self._known = known
        self._check_once = lru_cache(_CHECKED_KEYS)(self._check_partition)
        self.now = 0  # wall clock, µs

    def decode(self, index: int, raws: Iterable[RawMessage], newest_at: int) -> list[Entry[Item]]:
        """Entries of messages in their order; one without a time of its own takes its neighbour's, the first `newest_at`.

        Fewer, or Unavailable is raised, when the job cannot decode the next one now. Arrival is Kafka's timestamp if the
        broker wrote it, else `now`.
        """
        job_decodes, known, now, future_us = self._decode, self._known, self.now, self._future_us
        topic, partition, marked = self._topics[index], self._partition, index == self._marked
        entries: list[Entry[Item]] = []
        add, at = entries.append, newest_at
        for raw in raws:
            offset, timestamp, key, value = raw.offset, raw.timestamp, raw.key, raw.value
            arrived_at = timestamp * 1000 if raw.timestamp_type == LOG_APPEND_TIME else now
            if marked and value is None:
                mark = marks.parse(raw.headers)
                if mark is not None:
                    add((at, offset, arrived_at, mark))
                    continue
            message = Message(topic, partition, offset, timestamp, key, value, raw.headers)
            try:
                if key is not None and key not in known:
                    self._check_once(key)
                decoded = job_decodes(message)
                if decoded.at > arrived_at + future_us:
                    ahead = (decoded.at - arrived_at) / 1e6
                    raise InvalidEvent(DeadLetterReason.TIME_IN_FUTURE, f"dated {ahead:.0f} s after its arrival")
            except InvalidEvent as invalid:
                add((at, offset, arrived_at, Refusal(message, invalid.reason, invalid.detail)))
            except Unavailable:
                if not entries:
                    raise
                break
            else:
                at = decoded.at
                add((at, offset, arrived_at, decoded))
        return entries

    def _check_partition(self, key: bytes) -> None:
        right = partition_of(key, self._partitions)
        if right != self._partition:
            raise InvalidEvent(
                DeadLetterReason.WRONG_PARTITION,
                f"by murmur2 the key belongs to partition {right} of {self._partitions}, it came on {self._partition}: "
                "set the producer's partitioner to murmur2 (librdkafka: murmur2_random)",
            )
