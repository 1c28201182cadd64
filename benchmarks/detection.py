"""Detection job v0, the reference job of the benchmarks, for Touchstone's engine. What it does stands in detection_rules.py."""

import io
from collections.abc import Sequence
from typing import Any

import fastavro

from benchmarks.detection_rules import FEEDBACK_ID, FEEDBACK_SCHEMA, TOUCHPOINT_ID, TOUCHPOINT_SCHEMA, fold
from streams.engine.job import Decoded, Message, Output, Refold, Step, Tick
from streams.errors import DeadLetterReason, InvalidEvent

TOUCHPOINTS, FEEDBACK, ACTIONS = "touchpoints", "feedback", "actions"
_SCHEMAS = {TOUCHPOINTS: (TOUCHPOINT_ID, TOUCHPOINT_SCHEMA), FEEDBACK: (FEEDBACK_ID, FEEDBACK_SCHEMA)}


class Detection:
    """The job. An input is a decoded record."""

    name = "detection"
    inputs: tuple[str, ...] = (TOUCHPOINTS, FEEDBACK)
    outputs: tuple[str, ...] = (ACTIONS,)
    broadcast: str | None = None
    stream_time_to: str | None = None
    stream_time_from: str | None = None

    def decode(self, message: Message) -> Decoded[dict[str, Any]]:
        value = message.value
        schema_id, schema = _SCHEMAS[message.topic]
        if not value or message.key is None or value[:5] != b"\0" + schema_id.to_bytes(4, "big"):
            raise InvalidEvent(DeadLetterReason.WRONG_MAGIC, "not this topic's schema")
        buffer = io.BytesIO(value)
        buffer.seek(5)
        record: Any = fastavro.schemaless_reader(buffer, schema, None)
        if buffer.tell() != len(value):
            raise InvalidEvent(DeadLetterReason.TRAILING_BYTES, "bytes after the datum")
        return Decoded(message.key, record["occurred_at"], record)

    def step(
        self, key: bytes, state: bytes | None, inputs: Sequence[dict[str, Any] | Tick | Refold], controls: None
    ) -> Step:
        new, actions = fold(key, state, inputs)  # type: ignore[arg-type]  # without timers and controls: records only
        return Step(new, [Output(self.outputs[0], key, action) for action in actions])

    def new_controls(self) -> None:
        return None

    def control(self, controls: None, message: Message, stream_time: int | None) -> int | None:
        """Never called: this job has no broadcast."""
        return None
