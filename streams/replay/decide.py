"""Events through the core, decisions out, without Kafka: both jobs in memory, in order of event time or of arrival."""

from collections.abc import Iterable
from typing import Final

import msgspec

from schemas.codec import STRUCTS, Codec
from schemas.controls import Control
from schemas.decisions import Action, Episode, Experience, Holdout, Suppression
from schemas.events import Event
from schemas.topics import all_topics
from streams.engine.job import Message, Output, Rejected
from streams.errors import UserError
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf
from streams.experience.folding import TOPICS
from streams.experience.incidents import Incidents
from streams.experience.subjects import Subjects
from streams.experience.surroundings import Limits
from streams.experience.text import Analyser, default_analyser
from streams.replay.driver import Driver

Decided = Action | Experience | Episode | Holdout | Suppression

_INPUT_TOPIC: Final = {
    STRUCTS[entry.schema]: name
    for name, entry in all_topics().items()
    if entry.schema in ("touchpoint", "feedback", "customer", "action_update")
}
_DECIDED: Final[dict[str, type[Decided]]] = {
    "cx-actions": Action,
    "cx-experiences": Experience,
    "cx-episodes": Episode,
    "cx-holdouts": Holdout,
    "cx-suppressions": Suppression,
}


_RANK: Final = {kind: TOPICS.index(name) for kind, name in _INPUT_TOPIC.items()}


def in_order(record: Event) -> tuple[int, int, str]:
    """What records are sorted by: event time, and ties as they are judged, so that nothing has to be judged twice."""
    return record.occurred_at, _RANK[type(record)], record.event_id


class Decider:
    """Both jobs, fed with records. Results collect in `decided` (as emitted, in order) and `rejected`."""

    def __init__(
        self, pack: CompiledPack, limits: Limits, codec: Codec | None = None, analyser: Analyser | None = None
    ) -> None:
        self._codec = codec or Codec()
        shelf = Shelf((pack,))
        self._subjects = Driver(Subjects(self._codec, shelf, analyser or default_analyser(), limits))
        self._incidents = Driver(Incidents(self._codec, shelf, limits))
        self._offsets: dict[str, int] = {}
        self._pack = pack
        self.decided: list[Decided] = []
        self.taken = 0

    def control(self, control: Control) -> None:
        """Something that steers the decisions, before the events that it steers. Raises InvalidEvent."""
        key = control.control_id.encode()
        self._note(self._subjects.control(Message("cx-controls", 0, 0, 0, key, self._codec.encode(control))))

    def take(self, record: Event) -> None:
        """One event."""
        self._go_on(record.occurred_at)
        topic = _INPUT_TOPIC[type(record)]
        offset = self._offsets[topic] = self._offsets.get(topic, -1) + 1
        message = Message(topic, 0, offset, 0, record.subject_id.encode(), self._codec.encode(record))
        self.taken += 1
        self._note(self._subjects.take(message))
        if self._subjects.stream_time is not None:
            self._found(self._incidents.advance(self._subjects.stream_time))

    def advance(self, until: int) -> None:
        """Stream time goes on to an instant (µs): what is due by then fires."""
        self._go_on(until)
        self._note(self._subjects.advance(until))
        self._found(self._incidents.advance(until))

    def _go_on(self, until: int) -> None:
        """One instant after the other, so that what one customer's timer claims is known when the next one's fires."""
        while (due := self.resumes_at()) is not None and due <= until:
            self._note(self._subjects.advance(due))
            self._found(self._incidents.advance(due))

    @property
    def rejected(self) -> list[Rejected]:
        """What was refused."""
        return self._subjects.rejected

    @property
    def newest_at(self) -> int | None:
        """Event time of the newest event (µs)."""
        return self._subjects.stream_time

    def because(self, action: Action) -> str:
        """What speaks for an action the most, in the pack's words."""
        return "; ".join(dict.fromkeys(self._pack.signal(row.signal) for row in action.evidence[:4]))

    def resumes_at(self) -> int | None:
        """When something more would be due (µs)."""
        due = (self._subjects.next_due(), self._incidents.next_due())
        return min((at for at in due if at is not None), default=None)

    def _note(self, outputs: Iterable[Output]) -> None:
        outputs = list(outputs)
        self._decode(outputs)
        for output in outputs:
            if output.topic == "cx-causes":
                offset = self._offsets["cx-causes"] = self._offsets.get("cx-causes", -1) + 1
                self._found(self._incidents.take(Message("cx-causes", 0, offset, 0, output.key, output.value)))

    def _found(self, outputs: Iterable[Output]) -> None:
        """What the second job has found out; what returns to the subjects changes what was decided."""
        outputs = list(outputs)
        self._decode(outputs)
        for output in outputs:
            if output.topic == "cx-controls":
                self._note(self._subjects.control(Message("cx-controls", 0, 0, 0, output.key, output.value)))

    def _decode(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            kind = _DECIDED.get(output.topic)
            if kind is not None:
                self.decided.append(self._codec.decode(output.value, kind))


def event(record: msgspec.Struct, where: str) -> Event | Control:
    """The record, if it is one that decisions take. Raises UserError."""
    if isinstance(record, Event | Control):
        return record
    raise UserError(
        f"{where}: a {type(record).__name__} is a result, not an event",
        "give touchpoints, feedback, customers or receipts",
    )
