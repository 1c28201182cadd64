"""Dissatisfaction from evidence: `1 − Π(1 − w·2^(−Δt/h))`, in [0, 1].

Each piece of evidence has a weight `w` at its time and fades by half in `h` seconds. Independent pieces add up without ever
passing 1, and each piece's share can be told. With a curve from `touchstone calibrate`, the part that is *inferred* becomes the share
of such customers who say so when asked; what was *said* is added to it as it is.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from streams.experience.state import Sign

Curve: TypeAlias = tuple[tuple[float, float], ...]  # (score, share who say so), ascending in both

_DIGITS = 12  # so that one sign of weight 0.45 makes 0.45, and not 0.44999999999999996
FADED = 0.01  # evidence below this weight is forgotten


def faded(sign: Sign, at: int) -> float:
    """Weight of a piece of evidence at an instant (µs), 0–1."""
    age_seconds = max(0, at - sign.at) / 1e6
    weight = sign.weight * 2.0 ** (-age_seconds / sign.half_life_seconds)
    for relieved_at, share in sign.relieved:
        if relieved_at <= at:
            weight *= 1.0 - share
    return float(weight)


def dissatisfaction(signs: Iterable[Sign], journey: str | None, at: int, curve: Curve | None = None) -> float:
    """Dissatisfaction at an instant (µs) in a journey (None: in all), from the evidence up to then, 0–1."""
    if curve is not None:
        return _calibrated(signs, journey, at, curve)
    content = 1.0
    for sign in signs:
        if sign.at <= at and (journey is None or sign.journey == journey):
            content *= 1.0 - faded(sign, at)
    return round(1.0 - content, _DIGITS)


def _calibrated(signs: Iterable[Sign], journey: str | None, at: int, curve: Curve) -> float:
    said = inferred = 1.0
    for sign in signs:
        if sign.at <= at and (journey is None or sign.journey == journey):
            if sign.said:
                said *= 1.0 - faded(sign, at)
            else:
                inferred *= 1.0 - faded(sign, at)
    return round(1.0 - said * (1.0 - share(1.0 - inferred, curve)), _DIGITS)


def share(score: float, curve: Curve) -> float:
    """The share that belongs to a score. Without evidence it is none."""
    return line(curve, score) if score > 0.0 else 0.0


def line(points: Sequence[tuple[float, float]], value: float) -> float:
    """What belongs to a value: straight lines between the points, level beyond them."""
    low = points[0]
    for point in points:
        if value <= point[0]:
            width = point[0] - low[0]
            return low[1] + (point[1] - low[1]) * (value - low[0]) / width if width else point[1]
        low = point
    return low[1]
