"""Actions from Kafka → the simulated staff: whatever comes to cx-actions while a run plays, committed only."""

import threading
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Self

from schemas.decisions import Action
from streams.admin import Admin
from streams.codec import codec
from streams.connect.log import LogReader
from streams.errors import InvalidEvent, Unavailable, UserError
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
        self._log = LogReader(settings, ends)
        self._thread = threading.Thread(target=self._listen, name="actions", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._log.close()

    def _listen(self) -> None:
        while not self._stopped.is_set():
            for message in self._log.poll(_POLL_MS):
                self._hear(message.value)

    def _hear(self, value: bytes | None) -> None:
        try:
            action = self._codec.decode(value, Action)
        except (InvalidEvent, Unavailable):
            return  # forgotten by the staff; whoever reads actions for a living deals with that
        self.heard += 1
        self._simulation.take(action)
