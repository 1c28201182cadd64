"""The sink's place in Kafka: its group, what it subscribes to, where it starts, and when it must not start.

There is no reset policy. A partition without a committed offset is read from its beginning, explicitly; an offset that is
not there any more stops the sink: going on would leave a hole that nobody sees.
"""

import logging
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError

from sinks.tables import TABLES
from streams.admin import Admin
from streams.engine import failpoints
from streams.errors import ExitCode, UserError
from streams.kafka_config import aiokafka_client_config
from streams.settings import Settings

GROUP: Final = "touchstone-sink-clickhouse"
SESSION_MS: Final = 6_000  # after a kill -9 the others take over that soon
FETCH_BYTES: Final = 8 * 1024 * 1024
FETCH_LEAST_BYTES: Final = 64 * 1024  # rows are stored once a second: no need to be told of each message
FETCH_WAIT_MS: Final = 100  # … but after this of any
PARTITION_FETCH_BYTES: Final = 2 * 1024 * 1024

log = logging.getLogger(__name__)


def topics(settings: Settings) -> list[str]:
    """What the sink reads, by the cluster's names."""
    return [settings.topic(table.topic) for table in TABLES]


def consumer(settings: Settings) -> Any:
    """A consumer that reads committed messages only, not started."""
    return AIOKafkaConsumer(
        **aiokafka_client_config(settings),
        group_id=settings.topic(GROUP),
        isolation_level=failpoints.isolation_level,
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_bytes=FETCH_BYTES,
        fetch_min_bytes=FETCH_LEAST_BYTES,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=SESSION_MS // 3,
        metadata_max_age_ms=60_000,
        partition_assignment_strategy=(RoundRobinPartitionAssignor,),
    )


def identities(settings: Settings) -> dict[str, str]:
    """Topic → its id on the cluster. Raises UserError when one is missing, or no broker answers."""
    with Admin(settings) as admin:
        states = admin.topics()
    missing = [name for name in topics(settings) if name not in states]
    if missing:
        raise UserError(
            f"topics are missing: {', '.join(missing)}", "`touchstone topics create`", exit_code=ExitCode.UNAVAILABLE
        )
    return {name: states[name].id for name in topics(settings)}


def reset_command(settings: Settings, topic: str, partition: int) -> str:
    """What to type to read a partition from its beginning again."""
    return (
        f"stop the sink and run: python -m kafka.admin -b {settings.kafka_brokers} groups reset-offsets "
        f"-g {settings.topic(GROUP)} -p {topic}:{partition} -s earliest"
    )


async def start_at_beginning(source: Any, error: NoOffsetForPartitionError) -> None:
    """The first start on a partition: from its oldest message, said in the log."""
    at: TopicPartition = error.args[0]
    offset = (await source.beginning_offsets([at]))[at]
    log.info("%s/%d was never read by this group: starts at its beginning, offset %d", at.topic, at.partition, offset)
    if at in source.assignment():
        source.seek(at, offset)


def out_of_range(settings: Settings, error: OffsetOutOfRangeError) -> UserError:
    """Says which offset is gone, and what to do."""
    at, offset = next(iter(error.args[0].items()))
    return UserError(
        f"{at.topic}/{at.partition}: offset {offset}, where the sink has to go on, does not exist: retention removed it "
        "before it was stored, or the topic was made anew",
        f"what is lost is lost; to go on with what is there, {reset_command(settings, at.topic, at.partition)}",
        exit_code=ExitCode.NO,
    )
