"""Messages → Kafka, each acknowledged by all replicas: an idempotent kafka-python producer with a bound on what is under way.

Partitions by murmur2 of the key, as Java does. A publisher belongs to one call: one that outlives its broker leaks sockets.
"""

import threading
import time
from collections import Counter
from typing import Any, Final, NamedTuple

from schemas.codec import MESSAGE_BYTES_MAX
from streams.admin import must_accept_connections
from streams.errors import ExitCode, UserError
from streams.kafka_config import kafka_client_config
from streams.settings import Settings

UNDER_WAY_MAX: Final = 20_000  # messages
UNDER_WAY_BYTES_MAX: Final = 32 << 20
DELIVERY_SECONDS: Final = 30.0
_OVERHEAD_BYTES: Final = 65_536  # of a batch around a message of the greatest size
_WAIT_SECONDS: Final = 0.2


class Failure(NamedTuple):
    """A message that was not acknowledged. `line` is what the caller gave as its tag."""

    line: int
    error: Exception


class Publisher:
    """Sends; counts acknowledgements by topic (without prefix); keeps failures for the caller to look at."""

    def __init__(self, settings: Settings, delivery_seconds: float = DELIVERY_SECONDS) -> None:
        from kafka import KafkaProducer
        from kafka.errors import KafkaError

        self._settings = settings
        self.delivery_seconds = delivery_seconds
        self._changed = threading.Condition()
        self._under_way = 0
        self._bytes = 0
        self.acknowledged: Counter[str] = Counter()
        self.failures: list[Failure] = []
        must_accept_connections(settings)
        try:
            self._producer: Any = KafkaProducer(
                **kafka_client_config(settings),
                enable_idempotence=True,
                acks="all",
                linger_ms=20,
                batch_size=256 << 10,
                max_request_size=MESSAGE_BYTES_MAX + _OVERHEAD_BYTES,
                allow_auto_create_topics=False,
                delivery_timeout_ms=int(delivery_seconds * 1000),
                request_timeout_ms=int(delivery_seconds * 500),
                max_block_ms=int(delivery_seconds * 1000),
                bootstrap_timeout_ms=int(delivery_seconds * 1000),
                reconnect_backoff_max_ms=1000,
                metrics_enabled=False,
            )
        except KafkaError as error:
            fix = "`touchstone doctor` says what answers and what does not"
            raise UserError(f"Kafka: {error}", fix, exit_code=ExitCode.UNAVAILABLE) from error

    def send(self, topic: str, key: bytes, value: bytes, line: int, partition: int | None = None) -> None:
        """Hands a message over; waits while too much is under way. A failure shows later, in `failures`."""
        from kafka.errors import KafkaError

        size = len(key) + len(value)
        with self._changed:
            while self._under_way >= UNDER_WAY_MAX or self._bytes >= UNDER_WAY_BYTES_MAX:
                self._changed.wait(_WAIT_SECONDS)
            self._under_way += 1
            self._bytes += size
        try:
            future = self._producer.send(self._settings.topic(topic), key=key, value=value, partition=partition)
        except KafkaError as error:
            self._done(topic, line, size, error)
            return
        future.add_callback(lambda _: self._done(topic, line, size, None))
        future.add_errback(lambda error: self._done(topic, line, size, error))

    def _done(self, topic: str, line: int, size: int, error: Exception | None) -> None:
        with self._changed:
            self._under_way -= 1
            self._bytes -= size
            if error is None:
                self.acknowledged[topic] += 1
            else:
                self.failures.append(Failure(line, error))
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Until nothing is under way, at most that long. False: something still is."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._under_way and time.monotonic() < deadline:
                self._changed.wait(_WAIT_SECONDS)
            return self._under_way == 0

    @property
    def under_way(self) -> int:
        """Messages that are neither acknowledged nor given up."""
        return self._under_way

    def close(self) -> None:
        """Gives up what is still under way, and ends the producer's thread."""
        if self._under_way:
            self._producer._sender.force_close()  # the public close would wait, and fail, for a broker that is gone
        self._producer.close()
