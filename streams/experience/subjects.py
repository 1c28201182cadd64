"""Job 1: everything about one subject. Connects the pure step with the engine: messages to inputs, outcomes to steps."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from schemas.codec import Codec
from schemas.controls import Control
from schemas.events import ActionUpdate, Customer, Event, Feedback, Touchpoint
from schemas.refusals import DeadLetterReason, InvalidEvent
from schemas.topics import notify_topic
from schemas.validate import check, check_control
from streams import metrics
from streams.engine.job import Concerned, Decoded, Message, Refold, Rejected, Step, Tick
from streams.experience.bulk import is_bulk
from streams.experience.claimants import Claimants
from streams.experience.controls import Controls, Shelf
from streams.experience.folding import TOPICS, Input, Source
from streams.experience.members import steers
from streams.experience.state import Piece
from streams.experience.step import step
from streams.experience.surroundings import Limits, Outcome, Surroundings
from streams.experience.text import Analyser

_TYPES: Final[tuple[type[Event], ...]] = (Customer, Touchpoint, Feedback, ActionUpdate)  # by rank
_RANK: Final = {topic: rank for rank, topic in enumerate(TOPICS)}
MICROSECONDS: Final = 1_000_000
log = logging.getLogger(__name__)


class Subjects:
    """The job: touchpoints, feedback, customers and receipts in; experiences, actions, episodes and causes out."""

    name = "subjects"
    inputs: tuple[str, ...] = TOPICS
    broadcast: str | None = "cx-controls"
    stream_time_to: str | None = "cx-causes"
    stream_time_from: str | None = None
    gathers: bool = False

    def __init__(self, codec: Codec, shelf: Shelf, analyser: Analyser, limits: Limits) -> None:
        self._codec = codec
        self._shelf = shelf
        self._analyser = analyser
        self._limits = limits
        self._around: Surroundings | None = None
        audiences = sorted({audience for pack in shelf.packs() for audience in pack.file.audiences})
        self.outputs: tuple[str, ...] = (
            "cx-experiences",
            "cx-actions",
            "cx-episodes",
            "cx-holdouts",
            "cx-suppressions",
            "cx-causes",
            *(notify_topic(audience) for audience in audiences),
        )

    def decode(self, message: Message) -> Decoded[Input]:
        """Raises InvalidEvent."""
        rank = _RANK[message.topic]
        record = self._codec.decode(message.value, _TYPES[rank])
        check(record, message.key, len(message.value or b""))
        source = Source(record.event_id, rank, message.partition, message.offset, record.occurred_at)
        return Decoded(message.key or b"", record.occurred_at, Input(source, record, message.value or b"", message))

    def again(self, piece: Piece) -> Input:
        """An input of the window."""
        record = self._codec.decode(piece.value, _TYPES[piece.rank])
        return Input(Source(piece.id, piece.rank, piece.partition, piece.offset, piece.at), record, piece.value)

    def step(
        self, key: bytes, state: bytes | None, inputs: Sequence[Input | Tick | Refold], controls: Controls
    ) -> Step:
        """Raises Unavailable when a pack is missing."""
        around = self._around
        if around is None or around.controls is not controls:
            around = self._around = Surroundings(controls, self._codec, self._analyser, self._limits, self.again)
        outcome = step(key.decode(), state, inputs, around)
        if outcome.duplicates or outcome.refolds or outcome.errors or outcome.losers:
            _count(outcome)
        if not outcome.late:
            return Step(outcome.state, outcome.outputs, outcome.next_due_at)
        metrics.too_late_total.inc(len(outcome.late))
        rejected = [
            Rejected(late.message, DeadLetterReason.TOO_LATE, self._too_late(late))
            for late in outcome.late
            if late.message is not None
        ]
        return Step(outcome.state, outcome.outputs, outcome.next_due_at, rejected)

    def _too_late(self, late: Input) -> str:
        return f"occurred_at {late.source.at} µs is behind the subject's window of {self._limits.lateness // MICROSECONDS} s"

    def new_controls(self) -> Controls:
        """Controls of a task that has seen none."""
        return Controls(self._shelf)

    def control(self, controls: Controls, message: Message, stream_time: int | None) -> Concerned | None:
        """Raises InvalidEvent for one that is malformed, or dated before the horizon."""
        control = self._codec.decode(message.value, Control)
        check_control(control, message.key)
        if stream_time is not None:
            controls.claimants.begin(stream_time)
            controls.sufferers.begin(stream_time)
        if controls.knows(control):
            return None
        if control.incident is not None:
            if not steers(control.incident.cause, self._shelf.packs()):
                return None
            since = _past(controls.word(control), stream_time)
            return since if is_bulk(control.incident.cause) else _of_these(controls.sufferers, since)
        if control.usual_waiting is not None:
            since = _past(controls.habits.apply(control), stream_time)
            recent = since is not None and since.since_at >= (stream_time or 0) - self._limits.lateness
            return since if recent else None
        if control.used is not None:
            return _of_these(controls.claimants, _past(controls.used.apply(control), stream_time))
        if stream_time is not None and control.in_force_at < stream_time - self._limits.lateness:
            raise InvalidEvent(
                DeadLetterReason.CONTROL_TOO_LATE,
                f"in force at {control.in_force_at} µs, but decisions up to {stream_time - self._limits.lateness} µs are final; date it ahead",
            )
        controls.apply(control)
        if control.pack is not None:
            labels = (control.pack.name, control.pack.version, control.brand or "")
            metrics.pack_from_seconds.labels(*labels).set(control.in_force_at / 1e6)
        late = stream_time is not None and control.in_force_at <= stream_time
        return Concerned(control.in_force_at) if late else None


def _past(since: int | None, stream_time: int | None) -> Concerned | None:
    """From when on subjects are folded anew. What is settled stays as it was decided; that is no reason to refuse a word."""
    return Concerned(since) if since is not None and stream_time is not None and since <= stream_time else None


def _of_these(subjects: Claimants, concerned: Concerned | None) -> Concerned | None:
    """A word on a limit concerns those who have claimed since, one on an incident those who were unhappy since."""
    found = subjects.since(concerned.since_at) if concerned is not None else None
    if concerned is None or found is None:
        return concerned
    return Concerned(concerned.since_at, [subject.encode() for subject in found])


@lru_cache(maxsize=1024)
def _told(pack: str, rule: str) -> None:
    """Says once a process that a rule of a pack fails; from then on the metric counts."""
    log.warning(
        "pack %s: rule %s could not be evaluated and did not fire; touchstone_core_condition_errors_total counts it, "
        "`touchstone decide` on such events shows where",
        pack,
        rule,
    )


def _count(outcome: Outcome) -> None:
    if outcome.duplicates:
        metrics.duplicates_total.inc(outcome.duplicates)
    if outcome.refolds:
        metrics.refolds_total.inc(outcome.refolds)
    for pack, rule, _ in outcome.errors:
        metrics.condition_errors_total.labels(pack, rule).inc()
        _told(pack, rule)
    for loser in outcome.losers:
        metrics.losers_total.labels(loser.reason).inc()
