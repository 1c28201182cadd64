"""Dissatisfaction from evidence: `1 − Π(1 − w·2^(−Δt/h))`, in [0, 1].

Each piece of evidence has a weight `w` at its time and fades by half in `h` seconds. Independent pieces add up without ever
passing 1, and each piece's share can be told.
"""

from collections.abc import Iterable

from streams.experience.state import Sign

FADED = 0.01  # evidence below this weight is forgotten


def faded(sign: Sign, at: int) -> float:
    """Weight of a piece of evidence at an instant (µs), 0–1."""
    age_seconds = max(0, at - sign.at) / 1e6
    weight = sign.weight * 2.0 ** (-age_seconds / sign.half_life_seconds)
    for relieved_at, share in sign.relieved:
        if relieved_at <= at:
            weight *= 1.0 - share
    return float(weight)


def dissatisfaction(signs: Iterable[Sign], journey: str | None, at: int) -> float:
    """Dissatisfaction at an instant (µs) in a journey (None: in all), from the evidence up to then, 0–1."""
    content = 1.0
    for sign in signs:
        if sign.at <= at and (journey is None or sign.journey == journey):
            content *= 1.0 - faded(sign, at)
    return 1.0 - content
