"""How long the oldest message that a group has not committed has been waiting: its arrival, read from Kafka itself."""

import time
from collections.abc import Mapping
from typing import Any, Final

from streams.admin import Partition
from streams.kafka_config import kafka_client_config
from streams.settings import Settings

_READ_SECONDS: Final = 4.0


def oldest_seconds(positions: Mapping[Partition, int], settings: Settings) -> float | None:
    """Age of the oldest message that is not committed; None if none could be read in time."""
    from kafka import KafkaConsumer, TopicPartition

    consumer: Any = KafkaConsumer(
        **kafka_client_config(settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=16_384,
        metrics_enabled=False,
    )
    oldest: dict[Any, int] = {}
    deadline = time.monotonic() + _READ_SECONDS
    try:
        left = {TopicPartition(*at): offset for at, offset in positions.items()}
        consumer.assign(list(left))
        for at, offset in left.items():
            consumer.seek(at, offset)
        while len(oldest) < len(left) and time.monotonic() < deadline:
            for at, records in consumer.poll(timeout_ms=200).items():
                oldest.setdefault(at, records[0].timestamp)
                consumer.pause(at)
    finally:
        consumer.close(autocommit=False)
    return max(0.0, time.time() - min(oldest.values()) / 1000) if oldest else None
