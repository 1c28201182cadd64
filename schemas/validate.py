"""Is a decoded record possible at all? Ranges, sizes and what each kind cannot do without; `InvalidEvent` if not.

Only what can never be right is refused: an unknown touchpoint, an anonymous subject or a missing channel is not.
"""

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from schemas.controls import Control, Incident, Limit, LimitUsed, Unit, UsualWaiting
from schemas.events import ActionUpdate, Customer, Event, Feedback, Touchpoint
from schemas.refusals import DeadLetterReason as Reason
from schemas.refusals import InvalidEvent

EARLIEST: Final = 946_684_800_000_000  # 2000-01-01: an older instant is a clock that was never set
LATEST: Final = 7_258_118_400_000_000  # 2200-01-01: what comes after it does not fit the stores
TEXT_BYTES_MAX: Final = 65_536  # what somebody said
NAME_CHARACTERS_MAX: Final = 1_024  # every other string
ID_CHARACTERS_MAX: Final = 256
ATTRIBUTES_MAX: Final = 64
ATTRIBUTE_BYTES_MAX: Final = 16_384  # all names and values together
IDENTIFIERS_MAX: Final = 64
CONSENTS_MAX: Final = 256
MONEY_LIMIT: Final = Decimal(10) ** 14  # 18 digits, four of them decimals
HOURS_OF_WEEK: Final = 168
LEVEL_MAX: Final = 10.0  # levels of expectation, importance and ideal are 0–10
NPS_SCALE: Final = (0.0, 10.0)

_SCORED: Final = ("nps", "csat", "ces", "stars", "dimension")
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


def check(record: Event, key: bytes | None, size_bytes: int | None = None) -> None:
    """Raises InvalidEvent. `size_bytes` of the message saves looking at each string of a short one."""
    if not record.subject_id:
        raise InvalidEvent(Reason.MISSING_SUBJECT, "subject_id is empty; an anonymous subject needs an id too")
    if key is None or key != record.subject_id.encode():
        raise InvalidEvent(Reason.KEY_MISMATCH, "the message's key must be the UTF-8 subject_id")
    if not record.event_id:
        raise InvalidEvent(Reason.MISSING_ID, "event_id is empty")
    if len(record.subject_id) > ID_CHARACTERS_MAX or len(record.event_id) > ID_CHARACTERS_MAX:
        raise InvalidEvent(Reason.TOO_LARGE, f"an id of more than {ID_CHARACTERS_MAX} characters")
    if not EARLIEST <= record.occurred_at < LATEST:
        _check_instant("occurred_at", record.occurred_at)
    if record.attributes:
        _check_attributes(record.attributes)
    if size_bytes is None or size_bytes > NAME_CHARACTERS_MAX:
        _check_names(record)
    if isinstance(record, Touchpoint):
        _check_touchpoint(record)
    elif isinstance(record, Feedback):
        _check_feedback(record)
    elif isinstance(record, ActionUpdate):
        _check_receipt(record)
    else:
        _check_customer(record)


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


def _check_touchpoint(touchpoint: Touchpoint) -> None:
    if not touchpoint.touchpoint:
        raise InvalidEvent(Reason.MISSING_FIELD, "touchpoint is empty")
    if touchpoint.duration_seconds is not None:
        _check_not_negative("duration_seconds", touchpoint.duration_seconds)
    if touchpoint.waiting_seconds is not None:
        _check_not_negative("waiting_seconds", touchpoint.waiting_seconds)
    if touchpoint.promised_at is not None:
        _check_instant("promised_at", touchpoint.promised_at)
    if touchpoint.amount is not None:
        _check_money("amount", touchpoint.amount)


def _check_feedback(feedback: Feedback) -> None:
    if feedback.kind == "unknown":
        raise InvalidEvent(Reason.OUT_OF_RANGE, "kind is none that the schema knows")
    if feedback.score is not None:
        worst, best = scale(feedback)
        if not min(worst, best) <= feedback.score <= max(worst, best):  # NaN fails here, too
            raise InvalidEvent(Reason.OUT_OF_RANGE, f"score {feedback.score} is outside its scale {worst} to {best}")
    elif feedback.kind in _SCORED:
        raise InvalidEvent(Reason.MISSING_FIELD, f"a feedback of kind {feedback.kind} needs a score")
    if feedback.kind == "dimension" and not feedback.dimension:
        raise InvalidEvent(Reason.MISSING_FIELD, "a feedback of kind dimension needs a dimension")
    for name in ("expectation", "importance", "ideal"):
        level = getattr(feedback, name)
        if level is not None and not 0 <= level <= LEVEL_MAX:
            raise InvalidEvent(Reason.OUT_OF_RANGE, f"{name} {level} is outside 0 to 10")
    if feedback.about_at is not None:
        _check_instant("about_at", feedback.about_at)
    _check_text("text", feedback.text)


def _check_receipt(receipt: ActionUpdate) -> None:
    if not receipt.action_id:
        raise InvalidEvent(Reason.MISSING_FIELD, "action_id is empty")
    if receipt.status == "unknown":
        raise InvalidEvent(
            Reason.OUT_OF_RANGE,
            "status is none of accepted, contacted, compensated, resolved, declined, waiting_for_customer, handed_over",
        )
    if receipt.status == "handed_over" and not receipt.to:
        raise InvalidEvent(Reason.MISSING_FIELD, "handed_over needs `to`: who looks after it now")
    if receipt.cost is not None:
        _check_money("cost", receipt.cost)
    _check_text("note", receipt.note)


def _check_customer(customer: Customer) -> None:
    if customer.value is not None:
        _check_money("value", customer.value)
    for name, items, most in (
        ("identifiers", customer.identifiers, IDENTIFIERS_MAX),
        ("consents", customer.consents, CONSENTS_MAX),
    ):
        if items is None:
            continue
        if len(items) > most:
            raise InvalidEvent(Reason.TOO_LARGE, f"{len(items)} {name}, at most {most}")
        for item in items:
            _check_names(item)


def _check_instant(name: str, at: int) -> None:
    if at < EARLIEST:
        raise InvalidEvent(Reason.TIME_TOO_OLD, f"{name} is {at} µs since 1970, before the year 2000")
    if at >= LATEST:
        raise InvalidEvent(Reason.TIME_IN_FUTURE, f"{name} is {at} µs since 1970, after the year 2199")


def _check_not_negative(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise InvalidEvent(Reason.OUT_OF_RANGE, f"{name} is {value}")


def _check_money(name: str, value: Decimal) -> None:
    if not (value.is_finite() and abs(value) < MONEY_LIMIT):
        raise InvalidEvent(Reason.OUT_OF_RANGE, f"{name} is no amount of at most 18 digits")


def _check_text(name: str, text: str | None) -> None:
    if text is not None and len(text) * 4 > TEXT_BYTES_MAX and len(text.encode()) > TEXT_BYTES_MAX:
        raise InvalidEvent(Reason.TOO_LARGE, f"{name} of {len(text.encode())} bytes, at most {TEXT_BYTES_MAX}")


def _check_names(record: msgspec.Struct) -> None:
    """Every string but those that `_check_text` looks at: a name of a megabyte would end in somebody's state."""
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, str) and len(value) > NAME_CHARACTERS_MAX and name not in ("text", "note"):
            raise InvalidEvent(Reason.TOO_LARGE, f"{name} has {len(value)} characters, at most {NAME_CHARACTERS_MAX}")


def _check_attributes(attributes: dict[str, str]) -> None:
    if len(attributes) > ATTRIBUTES_MAX:
        raise InvalidEvent(Reason.TOO_LARGE, f"{len(attributes)} attributes, at most {ATTRIBUTES_MAX}")
    size = sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items())
    if size > ATTRIBUTE_BYTES_MAX:
        raise InvalidEvent(Reason.TOO_LARGE, f"attributes of {size} bytes, at most {ATTRIBUTE_BYTES_MAX}")


def check_control(control: Control, key: bytes | None) -> None:
    """Raises InvalidEvent."""
    if not control.control_id:
        raise InvalidEvent(Reason.MISSING_ID, "control_id is empty")
    if key is None or key != control.control_id.encode():
        raise InvalidEvent(Reason.KEY_MISMATCH, "the message's key must be the UTF-8 control_id")
    if control.in_force_at != 0:  # 0: from the beginning
        _check_instant("in_force_at", control.in_force_at)
    parts = (control.pack, control.unit, control.limit, control.incident, control.usual_waiting, control.used)
    if sum(part is not None for part in parts) != 1:
        raise InvalidEvent(
            Reason.MISSING_FIELD, "a control says exactly one of pack, unit, limit, incident, usual_waiting, used"
        )
    if control.pack is not None and not (control.pack.name and control.pack.version):
        raise InvalidEvent(Reason.MISSING_FIELD, "a pack in force needs a name and a version")
    if control.unit is not None:
        _check_unit(control.unit)
    if control.limit is not None:
        _check_limit(control.limit)
    if control.incident is not None:
        _check_incident(control.incident)
    if control.usual_waiting is not None:
        _check_usual_waiting(control.usual_waiting)
    if control.used is not None:
        _check_used(control.used)


def _check_used(used: LimitUsed) -> None:
    if not used.limit:
        raise InvalidEvent(Reason.MISSING_FIELD, "what is used up needs the name of a limit")
    if used.begins_at >= used.ends_at:
        raise InvalidEvent(Reason.OUT_OF_RANGE, f"the period of limit {used.limit} ends before it begins")


def _check_usual_waiting(usual: UsualWaiting) -> None:
    if not 0 <= usual.hour_of_week < HOURS_OF_WEEK:
        raise InvalidEvent(Reason.OUT_OF_RANGE, f"hour_of_week {usual.hour_of_week} is outside 0 to 167")
    for name in ("median_seconds", "deviation_seconds", "waits"):
        _check_not_negative(name, getattr(usual, name))
    if usual.waits and not usual.deviation_seconds:
        raise InvalidEvent(Reason.OUT_OF_RANGE, "deviation_seconds is 0")


def _check_unit(unit: Unit) -> None:
    if not unit.unit_id:
        raise InvalidEvent(Reason.MISSING_FIELD, "unit_id is empty")
    if unit.unit_id in unit.parents:
        raise InvalidEvent(Reason.OUT_OF_RANGE, f"unit {unit.unit_id} is among its own parents")
    for opening in unit.opening_hours:
        clock = _CLOCK.fullmatch(opening.opens) and _CLOCK.fullmatch(opening.closes)
        if not (1 <= opening.weekday <= 7 and clock and opening.opens < opening.closes):
            raise InvalidEvent(
                Reason.OUT_OF_RANGE,
                f"unit {unit.unit_id} opens on day {opening.weekday} from {opening.opens!r} to {opening.closes!r}; "
                "days are 1 to 7, times HH:MM within one day",
            )
    if not known_time_zone(unit.time_zone):
        raise InvalidEvent(Reason.OUT_OF_RANGE, f"unit {unit.unit_id} has the unknown time zone {unit.time_zone!r}")


def _check_limit(limit: Limit) -> None:
    if not limit.name:
        raise InvalidEvent(Reason.MISSING_FIELD, "a limit needs a name")
    if not (limit.most.is_finite() and 0 <= limit.most < MONEY_LIMIT) or limit.period_seconds <= 0:
        raise InvalidEvent(Reason.OUT_OF_RANGE, f"limit {limit.name} is {limit.most} in {limit.period_seconds} s")


def _check_incident(incident: Incident) -> None:
    if not (incident.incident_id and incident.touchpoint and incident.cause):
        raise InvalidEvent(Reason.MISSING_FIELD, "an incident needs incident_id, touchpoint and cause")
    _check_instant("started_at", incident.started_at)
    if incident.ended_at is not None and incident.ended_at < incident.started_at:
        raise InvalidEvent(Reason.OUT_OF_RANGE, f"incident {incident.incident_id} ends before it starts")


@lru_cache(maxsize=1024)
def known_time_zone(name: str) -> bool:
    """Whether an IANA time zone of this name exists."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found, a folder, no name of a file
        return False
    return True
