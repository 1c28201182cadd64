"""Detection job v0, the reference job of the benchmarks, for Touchstone's engine. What it does stands in detection_rules.py."""

from collections.abc import Callable, Sequence

from benchmarks.detection_rules import Record, fold, read_feedback, read_touchpoint
from streams.engine.job import Concerned, Decoded, Message, Output, Refold, Step, Tick
from streams.errors import DeadLetterReason, InvalidEvent

TOUCHPOINTS, FEEDBACK, ACTIONS = "touchpoints", "feedback", "actions"


class Detection:
    """The job. An input is a decoded record."""

    name = "detection"
    inputs: tuple[str, ...] = (TOUCHPOINTS, FEEDBACK)
    outputs: tuple[str, ...] = (ACTIONS,)
    broadcast: str | None = None
    stream_time_to: str | None = None
    stream_time_from: str | None = None
    gathers: bool = False

    def __init__(self) -> None:
        self._read: dict[str, Callable[[bytes], Record]] = {TOUCHPOINTS: read_touchpoint, FEEDBACK: read_feedback}

    def decode(self, message: Message) -> Decoded[Record]:
        if not message.value or message.key is None:
            raise InvalidEvent(DeadLetterReason.EMPTY_VALUE, "no key or no value")
        try:
            record = self._read[message.topic](message.value)
        except ValueError as error:
            raise InvalidEvent(DeadLetterReason.MALFORMED, str(error)) from None
        return Decoded(message.key, record.occurred_at, record)

    def step(self, key: bytes, state: bytes | None, inputs: Sequence[Record | Tick | Refold], controls: None) -> Step:
        new, actions = fold(key, state, inputs)  # type: ignore[arg-type]  # without timers and controls: records only
        outputs = [Output(self.outputs[0], key, action, urgent=True) for action in actions] if actions else []
        return Step(new, outputs)

    def new_controls(self) -> None:
        return None

    def control(self, controls: None, message: Message, stream_time: int | None) -> Concerned | None:
        """Never called: this job has no broadcast."""
        return None
