"""The parts of a pack that say how experience and value are measured."""

from typing import Literal

import msgspec

MeasureOf = Literal[
    "waiting_seconds", "duration_seconds", "late_seconds", "response_seconds", "steps", "failures", "completion"
]


class Measure(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Experience that nobody has to say: a level, 0–10, from what happened."""

    of: MeasureOf  # what is measured
    touchpoint: str  # where
    levels: list[tuple[float, float]]  # points (value, level), ascending in the value: [[0, 10], [60, 7], [600, 0]]
    dimension: str | None = None  # of which dimension it tells; null: the touchpoint's
    since: str | None = None  # with response_seconds: touchpoint at which the time begins, in the same matter
