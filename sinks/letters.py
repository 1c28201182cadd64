"""The sink's own dead letters: messages that its tables can never hold, to cx-dead-letters with their bytes.

Sent before the offsets are committed, so a crash in between sends them again: readers tell them apart by the position in the headers.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from sinks.buffer import Refusal
from sinks.dead_letters import TOPIC, letter_headers
from streams import metrics
from streams.errors import ExitCode, Unavailable, UserError
from streams.kafka_config import aiokafka_client_config
from streams.settings import Settings

SINK: Final = "sink-clickhouse"
REQUEST_BYTES_MAX: Final = 8 * 1024 * 1024
REFUSED_MAX: Final = 500  # more in one flush is a bad deploy: it must not drain a topic into the dead letters

log = logging.getLogger(__name__)


class Letters:
    """A producer that is started by the first letter."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: Any = None

    async def send(self, refused: Sequence[Refusal]) -> None:
        """Acknowledged by all replicas when it returns. Raises Unavailable, UserError when there are far too many."""
        if not refused:
            return
        self._check(refused)
        try:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **aiokafka_client_config(self._settings),
                    acks="all",
                    enable_idempotence=True,
                    max_request_size=REQUEST_BYTES_MAX,
                )
                await producer.start()
                self._producer = producer
            for refusal in refused:
                await self._send(refusal)
        except KafkaError as error:
            raise Unavailable(f"Kafka does not take the dead letters: {error}") from error

    async def _send(self, refusal: Refusal) -> None:
        message, topic = refusal.message, self._settings.topic(TOPIC)
        detail = refusal.detail
        for value in (message.value, None):
            headers = letter_headers(message, self._settings.topic(message.topic), SINK, refusal.reason, detail)
            try:
                await self._producer.send_and_wait(topic, value=value, key=message.key, headers=headers)
            except MessageSizeTooLargeError:
                detail = f"{detail} (the value of {len(message.value or b'')} bytes is too large for {topic})"
                continue
            break
        metrics.sink_dead_letters_total.labels(refusal.table.name, refusal.reason).inc()
        where = (self._settings.topic(message.topic), message.partition, message.offset)
        log.warning("%s/%d@%d goes to the dead letters: %s: %s", *where, refusal.reason, refusal.detail)

    def _check(self, refused: Sequence[Refusal]) -> None:
        for refusal in refused:
            if refusal.message.topic == TOPIC:
                raise UserError(
                    f"ClickHouse rejects a dead letter, {TOPIC}/{refusal.message.partition}@{refusal.message.offset}: "
                    f"{refusal.detail}",
                    "compare the table dead_letters with sinks/sql; nothing was committed",
                    exit_code=ExitCode.NO,
                )
        if len(refused) > REFUSED_MAX:
            raise UserError(
                f"{len(refused)} messages of one flush are to be refused, the first because: {refused[0].detail}",
                "that is no fault of single messages: is this version older than the worker's? Nothing was committed",
                exit_code=ExitCode.NO,
            )

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
