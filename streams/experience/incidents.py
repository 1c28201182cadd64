"""Job 2: what only shows over many customers. Many with one cause at one touchpoint are one incident for the touchpoint's owner.

Of each `cause_id` the highest revision counts; a retraction removes it. Incidents follow from the causes in order of event
time, so any order of arrival ends in the same ones; what has changed goes out as the next revision.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from schemas.codec import Codec
from schemas.controls import Control, Incident
from schemas.decisions import Action, Cause, Evidence, Notification
from schemas.refusals import DeadLetterReason, InvalidEvent
from schemas.topics import notify_topic
from streams.engine.job import Concerned, Decoded, Message, Output, Refold, Rejected, Step, Tick
from streams.experience import insights, limit_board, usual_waiting
from streams.experience.bulk import SweepRule, is_bulk, rule_of
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf
from streams.experience.evidence import origin_of
from streams.experience.ids import action_id, cause_key, content_hash, digest
from streams.experience.incident_board import Board, Emitted, let_go, load_board, sweep_board, take
from streams.experience.incident_sweep import SECOND, Contribution, Found, size_shown
from streams.experience.state import dump
from streams.experience.surroundings import Limits
from streams.experience.words import fill

RULE_NAME: Final = "incident"


class CauseInput(msgspec.Struct, frozen=True, gc=False):
    """A decoded cause and its message."""

    cause: Cause
    message: Message


_NOTIFICATION_FIELDS: Final = Notification.__struct_fields__


class Incidents:
    """The job: causes in; incidents out, as actions and as controls."""

    name = "incidents"
    inputs: tuple[str, ...] = ("cx-causes",)
    broadcast: str | None = None
    stream_time_to: str | None = None
    stream_time_from: str | None = "cx-causes"
    gathers: bool = True  # a step goes through all contributions of a cause

    def __init__(self, codec: Codec, shelf: Shelf, limits: Limits) -> None:
        self._codec = codec
        self._shelf = shelf
        self._limits = limits
        rules = [rule for pack in shelf.packs() for rule in (pack.file.incidents, pack.file.bulk_answers)]
        audiences = {rule.audience for rule in rules if rule is not None}.union(*map(insights.audiences, shelf.packs()))
        self.outputs: tuple[str, ...] = (
            "cx-actions",
            "cx-controls",
            *(notify_topic(audience) for audience in sorted(audiences)),
        )

    def decode(self, message: Message) -> Decoded[CauseInput]:
        """Raises InvalidEvent."""
        cause = self._codec.decode(message.value, Cause)
        if message.key != cause_key(cause):
            raise InvalidEvent(DeadLetterReason.KEY_MISMATCH, "the key must be the brand, touchpoint and cause")
        return Decoded(message.key or b"", cause.occurred_at, CauseInput(cause, message))

    def new_controls(self) -> None:
        """This job has none."""

    def control(self, controls: None, message: Message, stream_time: int | None) -> Concerned | None:
        """Never called: this job has no broadcast."""
        return None

    def step(
        self, key: bytes, state: bytes | None, inputs: Sequence[CauseInput | Tick | Refold], controls: None
    ) -> Step:
        """Raises Unavailable when a pack is missing."""
        if usual_waiting.concerns(key):
            ticked_to = max((item.due_at for item in inputs if isinstance(item, Tick)), default=0)
            waits = (item.cause for item in inputs if isinstance(item, CauseInput))
            return usual_waiting.learn(state, waits, ticked_to, self._shelf, self._codec, self._limits)
        if limit_board.concerns(key):
            claims = (item.cause for item in inputs if isinstance(item, CauseInput))
            return limit_board.count(state, claims, self._codec, self._limits)
        if insights.concerns(key):
            ticked_to = max((item.due_at for item in inputs if isinstance(item, Tick)), default=0)
            told = (item.cause for item in inputs if isinstance(item, CauseInput))
            return insights.learn(key, state, told, ticked_to, self._shelf, self._codec, self._limits)
        board = load_board(state)
        for item in inputs:
            if isinstance(item, Tick):
                board.ticked_to = max(board.ticked_to, item.due_at)
        late = take(board, ((item.cause, item.message) for item in inputs if isinstance(item, CauseInput)))
        detail = f"contributions before {board.let_go_at} µs are settled" if late else ""
        rejected = [Rejected(message, DeadLetterReason.TOO_LATE, detail) for message in late]
        pack = self._pack(board)
        rule = None if pack is None else _rule(board.cause, pack)
        if pack is None or rule is None:
            return Step(dump(board), [], None, rejected)
        found = sweep_board(board, board.contributions, rule, board.ticked_to)
        outputs = self._emit(key, board, pack, rule, found)
        let_go(board, rule, self._limits)
        current = found[-1] if found and found[-1].ended_at is None else None
        due = None if current is None else current.last_at + int(rule.ends_after_seconds * SECOND)
        return Step(dump(board), outputs, due, rejected)

    def _pack(self, board: Board) -> CompiledPack | None:
        if not board.contributions:
            return None
        newest = max(board.contributions, key=lambda one: (one.at, one.id))
        return self._shelf.get(*board.packs[newest.pack])

    def _emit(self, key: bytes, board: Board, pack: CompiledPack, rule: SweepRule, found: list[Found]) -> list[Output]:
        outputs: list[Output] = []
        known = {one.id: one for one in board.emitted}
        derived = set()
        for one in found:
            action = self._action(key, board, pack, rule, one)
            derived.add(action.action_id)
            hashed = content_hash(self._codec.encode(action))
            earlier = known.get(action.action_id)
            if earlier is None:
                earlier = Emitted(action.action_id, one.started_at, one.ended_at, 0, b"", False, b"")
                board.emitted.append(earlier)
            if earlier.hash != hashed or earlier.retracted:
                earlier.hash, earlier.retracted, earlier.ended_at = hashed, False, one.ended_at
                self._send(outputs, earlier, action)
                outputs.append(self._control_of(board, earlier, action, rule))
        for entry in board.emitted:
            if entry.id not in derived and not entry.retracted:
                action = self._codec.decode(entry.value, Action)
                action.retracted = entry.retracted = True
                self._send(outputs, entry, action)
                outputs.append(self._control_of(board, entry, action, rule))
        return outputs

    def _send(self, outputs: list[Output], entry: Emitted, action: Action) -> None:
        entry.revision += 1
        action.revision = entry.revision
        entry.value = self._codec.encode(action)
        subject = action.subject_id.encode()
        notification = Notification(**{name: getattr(action, name) for name in _NOTIFICATION_FIELDS})
        outputs.append(Output("cx-actions", subject, entry.value, urgent=True))
        outputs.append(Output(notify_topic(action.audience), subject, self._codec.encode(notification), urgent=True))

    def _action(self, key: bytes, board: Board, pack: CompiledPack, rule: SweepRule, found: Found) -> Action:
        size = size_shown(found, rule.subjects)
        title = pack.file.touchpoints[board.touchpoint].title if board.touchpoint in pack.file.touchpoints else {}
        parameters = {
            "touchpoint": title.get(pack.file.default_locale, board.touchpoint),
            "cause": board.cause,
            "subjects": str(size),
        }
        locale, text = pack.text(rule.text, None)
        sample = sorted(found.sample, key=lambda one: (one.at, one.id))
        return Action(
            action_id=action_id(RULE_NAME, key.decode(), found.first_event, rule.kind),
            revision=1,
            subject_type="touchpoint",
            subject_id=board.touchpoint,
            decided_at=found.crossed_at,
            kind=rule.kind,
            audience=rule.audience,
            brand=board.brand,
            unit=next(iter(found.units)) if len(found.units) == 1 else None,
            template=rule.text,
            parameters=parameters,
            locale=locale,
            text=fill(text, parameters | {"cause": pack.cause(board.cause, locale)}),
            journey=sample[0].journey,
            touchpoint=board.touchpoint,
            cause=board.cause,
            step="improve",
            expires_at=found.ended_at,
            origin=origin_of(any(one.said for one in sample), not all(one.said for one in sample)),
            score=round(sum(one.weight for one in sample) / len(sample), 6),
            emit="now",
            occasion=found.first_event,
            rule=RULE_NAME,
            rule_version=pack.version,
            pack=pack.name,
            pack_version=pack.version,
            evidence=[_evidence(board, one) for one in sample],
        )

    def _control_of(self, board: Board, entry: Emitted, action: Action, rule: SweepRule) -> Output:
        """What returns to the subjects: the incident as its action tells it, on every partition. A burst of answers ends with its
        last one, not when that is known.
        """
        quiet = int(rule.ends_after_seconds * SECOND) if is_bulk(board.cause) else 0
        incident = digest("incident", board.brand or "", board.touchpoint, board.cause, action.occasion)
        record = Control(
            control_id=f"incident-{incident}-{entry.revision}",
            in_force_at=action.decided_at,
            written_at=action.decided_at,
            brand=board.brand,
            incident=Incident(
                incident_id=incident,
                revision=entry.revision,
                retracted=entry.retracted,
                touchpoint=board.touchpoint,
                cause=board.cause,
                unit=action.unit,
                started_at=entry.started_at,
                ended_at=None if action.expires_at is None else action.expires_at - quiet,
                subjects=int(action.parameters["subjects"]),
                sample=[row.event_id for row in action.evidence],
            ),
        )
        return Output("cx-controls", record.control_id.encode(), self._codec.encode(record), partition=-1, urgent=True)


def _evidence(board: Board, one: Contribution) -> Evidence:
    return Evidence(
        event_id=one.event_id,
        topic="cx-causes",
        partition=one.partition,
        offset=one.offset,
        occurred_at=one.at,
        signal=board.cause,
        origin="said" if one.said else "inferred",
        weight=one.weight,
    )


def _rule(cause: str, pack: CompiledPack) -> SweepRule | None:
    """What makes an incident of a cause."""
    return rule_of(cause, pack.file.bulk_answers) if is_bulk(cause) else pack.file.incidents
