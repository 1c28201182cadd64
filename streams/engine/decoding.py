"""A raw Kafka message becomes an entry for the merge: decoded by the job, refused, or a stream-time mark."""

from typing import NamedTuple, Protocol

from streams.engine import marks
from streams.engine.align import UNDATED, Entry
from streams.engine.job import AnyJob, Decoded, Headers, Message
from streams.engine.marks import Mark
from streams.engine.partitioning import partition_of
from streams.errors import DeadLetterReason, InvalidEvent

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
    """Of one task. Checks what is the engine's to check: the key's partition and events dated after their arrival."""

    def __init__(self, job: AnyJob, partition: int, partitions: int, future_us: int) -> None:
        self._decode = job.decode
        self._topics = job.inputs
        self._partition = partition
        self._partitions = partitions
        self._future_us = future_us
        self._marked = -1 if job.stream_time_from is None else job.inputs.index(job.stream_time_from)
        self._right_keys: set[bytes] = set()
        self.now = 0  # wall clock, µs

    def decode(self, index: int, raw: RawMessage) -> Entry[Item]:
        """Raises Unavailable when the job cannot decode now. Arrival is Kafka's timestamp if the broker wrote it, else `now`."""
        offset, timestamp = raw.offset, raw.timestamp
        arrived_at = timestamp * 1000 if raw.timestamp_type == LOG_APPEND_TIME else self.now
        if index == self._marked and raw.value is None:
            mark = marks.parse(raw.headers)
            if mark is not None:
                return UNDATED, offset, arrived_at, mark
        key = raw.key
        message = Message(self._topics[index], self._partition, offset, timestamp, key, raw.value, raw.headers)
        try:
            if key is not None and key not in self._right_keys:
                self._check_partition(key)
            decoded = self._decode(message)
            if decoded.at > arrived_at + self._future_us:
                ahead = (decoded.at - arrived_at) / 1e6
                raise InvalidEvent(DeadLetterReason.TIME_IN_FUTURE, f"dated {ahead:.0f} s after its arrival")
        except InvalidEvent as invalid:
            return UNDATED, offset, arrived_at, Refusal(message, invalid.reason, invalid.detail)
        return decoded.at, offset, arrived_at, decoded

    def _check_partition(self, key: bytes) -> None:
        right = partition_of(key, self._partitions)
        if right != self._partition:
            raise InvalidEvent(
                DeadLetterReason.WRONG_PARTITION,
                f"by murmur2 the key belongs to partition {right} of {self._partitions}, it came on {self._partition}: "
                "set the producer's partitioner to murmur2 (librdkafka: murmur2_random)",
            )
        if len(self._right_keys) >= _CHECKED_KEYS:
            self._right_keys.clear()
        self._right_keys.add(key)
