"""Importance derived from data: how far customers who rate a row higher are also more content over all.

`importance = 10 · max(0, ρ)`, ρ Spearman's rank correlation over customers between their mean level of the row and their mean
overall level (by default of NPS answers). One pair a customer: who answers often counts once. It shows what goes together,
not what causes what, and rows that go together share it. 95 % interval by Fisher's z; too few customers: no importance.
"""

from collections.abc import Iterable, Sequence
from math import atanh, fsum, sqrt, tanh
from typing import Final

import msgspec

from schemas.events import FeedbackKind
from streams.experience.gap import IMPORTANCE_MAX
from streams.experience.gap_answers import BY, NONE, Answer

METHOD: Final = "Spearman, customers"
CUSTOMERS_MIN: Final = 30
_Z: Final = 1.959964  # of 95 %


class Derived(msgspec.Struct, frozen=True):
    """`importance` is None where the sample is too small, or all customers say the same. `low`, `high`: the 95 % interval."""

    customers: int
    importance: float | None
    low: float | None = None
    high: float | None = None


def derived(answers: Iterable[Answer], by: Sequence[str], overall: FeedbackKind = "nps") -> dict[str, Derived]:
    """By row. Only what customers themselves say counts."""
    rated: dict[str, dict[str, list[float]]] = {}
    content: dict[str, list[float]] = {}
    for one in answers:
        if one.voice != "customer" or one.customer is None or one.experience is None:
            continue
        if one.kind == overall:
            content.setdefault(one.customer, []).append(one.experience)
        else:
            name = "/".join(BY[key](one) or NONE for key in by)
            rated.setdefault(name, {}).setdefault(one.customer, []).append(one.experience)
    return {
        name: _derived([(_mean(levels), _mean(content[who])) for who, levels in sorted(row.items()) if who in content])
        for name, row in sorted(rated.items())
    }


def _derived(pairs: list[tuple[float, float]]) -> Derived:
    count = len(pairs)
    if count < CUSTOMERS_MIN:
        return Derived(count, None)
    rho = _correlation(_ranks([one for one, _ in pairs]), _ranks([other for _, other in pairs]))
    if rho is None:
        return Derived(count, None)
    z, width = atanh(max(-0.999999, min(0.999999, rho))), _Z / sqrt(count - 3)
    low, high = (IMPORTANCE_MAX * max(0.0, tanh(end)) for end in (z - width, z + width))
    return Derived(count, IMPORTANCE_MAX * max(0.0, min(1.0, rho)), low, high)


def _ranks(values: list[float]) -> list[float]:
    """Equal values share the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            ranks[place] = (start + end) / 2 + 1
        start = end + 1
    return ranks


def _correlation(one: list[float], other: list[float]) -> float | None:
    """Pearson's; None where one of them does not vary."""
    left, right = _mean(one), _mean(other)
    across = fsum((a - left) * (b - right) for a, b in zip(one, other, strict=True))
    spread = sqrt(fsum((a - left) ** 2 for a in one) * fsum((b - right) ** 2 for b in other))
    return across / spread if spread else None


def _mean(values: list[float]) -> float:
    return fsum(values) / len(values)
