"""Actions from Kafka → the simulated staff: whatever comes to cx-actions while a run plays, committed only."""

import threading
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, Self

from schemas.records import Action
from streams.admin import Admin
from streams.codec import codec
from streams.errors import InvalidEvent, Unavailable, UserError
from streams.kafka_config import kafka_client_config
from streams.settings import Settings
from streams.simulate.simulation import Simulation

ACTIONS: Final = "cx-actions"
_POLL_MS: Final = 200


class Listening(AbstractContextManager["Listening"]):
    """Begins where the topic ends now. `heard` counts actions. Raises UserError when the topic is missing."""

    def __init__(self, settings: Settings, simulation: Simulation) -> None:
        self._simulation = simulation
        self._codec = codec(settings, writes=())
        self._stopped = threading.Event()
        self.heard = 0
        topic = settings.topic(ACTIONS)
        with Admin(settings) as admin:
            if topic not in admin.topics():
                raise UserError(f"topic {topic} does not exist", "`touchstone topics create` makes it")
            ends = admin.end_offsets([topic])
        self._consumer = _consumer(settings, ends)
        self._thread = threading.Thread(target=self._listen, name="actions", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._consumer.close()

    def _listen(self) -> None:
        while not self._stopped.is_set():
            for messages in self._consumer.poll(_POLL_MS).values():
                for message in messages:
                    self._hear(message.value)

    def _hear(self, value: bytes | None) -> None:
        try:
            action = self._codec.decode(value, Action)
        except (InvalidEvent, Unavailable):
            return  # forgotten by the staff; whoever reads actions for a living deals with that
        self.heard += 1
        self._simulation.take(action)


def _consumer(settings: Settings, ends: dict[tuple[str, int], int]) -> Any:
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(
        **kafka_client_config(settings),
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="latest",
    )
    consumer.assign([TopicPartition(*partition) for partition in ends])
    for partition, offset in ends.items():
        consumer.seek(TopicPartition(*partition), offset)
    return consumer
