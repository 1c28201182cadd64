"""Follows topics, outside any group and read-committed: units, packs and incidents from cx-controls, new actions, receipts.

What somebody does on a page shows here first, some hundred milliseconds after it was sent, when it comes back through the stream.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from schemas.codec import Codec
from schemas.controls import Control, Incident, PackInForce, Unit
from schemas.decisions import Action
from schemas.events import ActionUpdate
from sinks.console.follower import Follower
from streams.admin import Admin
from streams.codec import codec
from streams.connect.log import LogReader
from streams.engine.job import Message
from streams.errors import InvalidEvent
from streams.settings import Settings

CONTROLS: Final = "cx-controls"
FOLLOWED: Final = ("cx-actions", "cx-action-updates")
BACK_SECONDS: Final = 900  # how far back it begins to read
POLL_MS: Final = 200
RETRY_SECONDS: Final = 2.0
ACTIONS_KEPT: Final = 200
RECEIPTS_KEPT: Final = 20_000


class Told(NamedTuple):
    """An action as it came, and when (ms)."""

    action: Action
    arrived_ms: int


class Pack(NamedTuple):
    """A pack that was put into force. `since`: event time, µs."""

    brand: str
    pack: PackInForce
    since: int
    written_at: int


def packs_in_force(packs: Iterable[Pack], now_us: int) -> dict[str, Pack]:
    """Of each brand the one that is in force now."""
    found: dict[str, Pack] = {}
    for one in packs:
        known = found.get(one.brand)
        if one.since <= now_us and (known is None or (one.since, one.written_at) > (known.since, known.written_at)):
            found[one.brand] = one
    return found


class Known(NamedTuple):
    """An incident, and the brand that it is of."""

    brand: str
    incident: Incident


class Topics(Follower):
    """What was seen so far. Others only look: each field is replaced or grows, nothing is taken back in parts."""

    def __init__(self, settings: Settings, tell: Callable[[], None]) -> None:
        super().__init__("topics", tell, RETRY_SECONDS)
        self._settings = settings
        self._unit_versions: dict[str, tuple[int, int]] = {}
        self.units: dict[str, Unit] = {}
        self.packs: dict[str, Pack] = {}  # by control
        self.incidents: dict[str, Known] = {}  # by incident, its newest revision
        self.told: deque[Told] = deque(maxlen=ACTIONS_KEPT)
        self.receipts: OrderedDict[str, ActionUpdate] = OrderedDict()  # the latest of an action
        self.receipts_version = 0

    def _follow(self) -> None:
        """From the same places each time: positions are kept nowhere."""
        reading = codec(self._settings, writes=())
        name = self._settings.topic
        with Admin(self._settings) as admin:
            since = int((time.time() - BACK_SECONDS) * 1000)
            begins = admin.begin_offsets([name(CONTROLS)])
            begins |= admin.offsets_since([name(topic) for topic in FOLLOWED], since)
        with LogReader(self._settings, begins) as reader:
            while not self._stopped.is_set():
                messages = reader.poll(POLL_MS)
                for message in messages:
                    self._see(message, reading)
                self._saw(news=bool(messages))

    def _see(self, message: Message, reading: Codec) -> None:
        """What does not decode is the worker's to refuse."""
        try:
            if message.topic == CONTROLS:
                self._control(reading.decode(message.value, Control))
            elif message.topic == "cx-actions":
                action = reading.decode(message.value, Action)
                if action.revision == 1 and not action.retracted:
                    self.told.append(Told(action, message.timestamp_ms))
            else:
                self._receipt(reading.decode(message.value, ActionUpdate))
        except InvalidEvent:
            return

    def _receipt(self, update: ActionUpdate) -> None:
        known = self.receipts.get(update.action_id)
        if known is None or known.occurred_at <= update.occurred_at:
            self.receipts[update.action_id] = update
            self.receipts.move_to_end(update.action_id)
            self.receipts_version += 1
        while len(self.receipts) > RECEIPTS_KEPT:
            self.receipts.popitem(last=False)

    def _control(self, control: Control) -> None:
        if control.unit is not None:
            version = (control.in_force_at, control.written_at)
            if version >= self._unit_versions.get(control.unit.unit_id, (0, 0)):
                self._unit_versions[control.unit.unit_id] = version
                self.units = {**self.units, control.unit.unit_id: control.unit}
        elif control.pack is not None:
            brand = control.brand or ""
            found = Pack(brand, control.pack, control.in_force_at, control.written_at)
            self.packs = {**self.packs, control.control_id: found}
        elif control.incident is not None:
            known = self.incidents.get(control.incident.incident_id)
            if known is None or known.incident.revision < control.incident.revision:
                found_one = Known(control.brand or "", control.incident)
                self.incidents = {**self.incidents, control.incident.incident_id: found_one}
