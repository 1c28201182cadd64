"""Is a decoded record possible at all? Ranges, sizes and what each kind cannot do without; `InvalidEvent` if not.

Only what can never be right is refused: an unknown touchpoint, an anonymous subject or a missing channel is not.
"""

import math
from typing import Final

from schemas.records import ActionUpdate, Control, Customer, Feedback, Touchpoint
from schemas.refusals import DeadLetterReason as Reason
from schemas.refusals import InvalidEvent

EARLIEST: Final = 946_684_800_000_000  # 2000-01-01: an older instant is a clock that was never set
TEXT_BYTES_MAX: Final = 65_536
ATTRIBUTES_MAX: Final = 64
ATTRIBUTE_BYTES_MAX: Final = 16_384  # all names and values together
ID_CHARACTERS_MAX: Final = 256
LEVEL_MAX: Final = 10.0  # levels of expectation, importance and ideal are 0–10
NPS_SCALE: Final = (0.0, 10.0)

Input = Touchpoint | Feedback | Customer | ActionUpdate


def check(record: Input, key: bytes | None) -> None:
    """Raises InvalidEvent."""
    if not record.subject_id:
        raise InvalidEvent(Reason.MISSING_SUBJECT, "subject_id is empty; an anonymous subject needs an id too")
    if key is None or key != record.subject_id.encode():
        raise InvalidEvent(Reason.KEY_MISMATCH, "the message's key must be the UTF-8 subject_id")
    if not record.event_id:
        raise InvalidEvent(Reason.MISSING_ID, "event_id is empty")
    if len(record.subject_id) > ID_CHARACTERS_MAX or len(record.event_id) > ID_CHARACTERS_MAX:
        raise InvalidEvent(Reason.TOO_LARGE, f"an id of more than {ID_CHARACTERS_MAX} characters")
    if record.occurred_at < EARLIEST:
        raise InvalidEvent(Reason.TIME_TOO_OLD, f"occurred_at is {record.occurred_at} µs since 1970")
    if record.attributes:
        _check_attributes(record.attributes)
    if isinstance(record, Touchpoint):
        _not_negative("duration_seconds", record.duration_seconds)
        _not_negative("waiting_seconds", record.waiting_seconds)
        if not record.touchpoint:
            raise InvalidEvent(Reason.MISSING_FIELD, "touchpoint is empty")
    elif isinstance(record, Feedback):
        _check_feedback(record)
    elif isinstance(record, ActionUpdate):
        if not record.action_id:
            raise InvalidEvent(Reason.MISSING_FIELD, "action_id is empty")
        if record.status == "unknown":
            raise InvalidEvent(
                Reason.OUT_OF_RANGE, "status is none of accepted, contacted, compensated, resolved, declined"
            )
        _check_text("note", record.note)


def scale(feedback: Feedback) -> tuple[float, float]:
    """(worst, best) of a feedback's score, whatever the direction. Raises InvalidEvent when it is not told."""
    low, high = feedback.scale_min, feedback.scale_max
    if feedback.kind == "nps":
        low, high = (NPS_SCALE[0] if low is None else low), (NPS_SCALE[1] if high is None else high)
    if low is None or high is None:
        raise InvalidEvent(Reason.MISSING_FIELD, "a score needs scale_min and scale_max")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidEvent(Reason.OUT_OF_RANGE, f"the scale {low} to {high} is empty")
    if feedback.scale_direction == "unknown":
        raise InvalidEvent(Reason.OUT_OF_RANGE, "scale_direction is neither higher_is_better nor lower_is_better")
    return (low, high) if feedback.scale_direction == "higher_is_better" else (high, low)


def _check_feedback(feedback: Feedback) -> None:
    if feedback.kind == "unknown":
        raise InvalidEvent(Reason.OUT_OF_RANGE, "kind is none that the schema knows")
    if feedback.score is not None:
        worst, best = scale(feedback)
        if not min(worst, best) <= feedback.score <= max(worst, best):  # NaN fails here, too
            raise InvalidEvent(Reason.OUT_OF_RANGE, f"score {feedback.score} is outside its scale {worst} to {best}")
    elif feedback.kind in ("nps", "csat", "ces", "stars", "dimension"):
        raise InvalidEvent(Reason.MISSING_FIELD, f"a feedback of kind {feedback.kind} needs a score")
    if feedback.kind == "dimension" and not feedback.dimension:
        raise InvalidEvent(Reason.MISSING_FIELD, "a feedback of kind dimension needs a dimension")
    for name in ("expectation", "importance", "ideal"):
        level = getattr(feedback, name)
        if level is not None and not 0 <= level <= LEVEL_MAX:
            raise InvalidEvent(Reason.OUT_OF_RANGE, f"{name} {level} is outside 0 to 10")
    if feedback.about_at is not None and feedback.about_at < EARLIEST:
        raise InvalidEvent(Reason.TIME_TOO_OLD, f"about_at is {feedback.about_at} µs since 1970")
    _check_text("text", feedback.text)


def _not_negative(name: str, value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise InvalidEvent(Reason.OUT_OF_RANGE, f"{name} is {value}")


def _check_text(name: str, text: str | None) -> None:
    if text is not None and len(text) * 4 > TEXT_BYTES_MAX and len(text.encode()) > TEXT_BYTES_MAX:
        raise InvalidEvent(Reason.TOO_LARGE, f"{name} has {len(text)} characters, at most {TEXT_BYTES_MAX} bytes")


def _check_attributes(attributes: dict[str, str]) -> None:
    if len(attributes) > ATTRIBUTES_MAX:
        raise InvalidEvent(Reason.TOO_LARGE, f"{len(attributes)} attributes, at most {ATTRIBUTES_MAX}")
    size = sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items())
    if size > ATTRIBUTE_BYTES_MAX:
        raise InvalidEvent(Reason.TOO_LARGE, f"attributes of {size} bytes, at most {ATTRIBUTE_BYTES_MAX}")


def check_control(control: Control, key: bytes | None) -> None:
    """Raises InvalidEvent."""
    if key is None or key != control.control_id.encode():
        raise InvalidEvent(Reason.KEY_MISMATCH, "the message's key must be the UTF-8 control_id")
    if control.in_force_at < EARLIEST and control.in_force_at != 0:
        raise InvalidEvent(
            Reason.TIME_TOO_OLD, f"in_force_at is {control.in_force_at} µs since 1970; 0 means from the beginning"
        )
    if sum(part is not None for part in (control.pack, control.unit, control.limit, control.incident)) != 1:
        raise InvalidEvent(Reason.MISSING_FIELD, "a control says exactly one of pack, unit, limit, incident")
