"""What a score means: answers of customers who were asked in, curves out (inferred score → share who say that they are unhappy).
One for answers about a contact that itself gave evidence, one for those before which only earlier contacts did.

Pure. Isotonic: the best rising steps (pool adjacent violators), with at least `BLOCK` answers each, joined by lines. Logistic:
`1 / (1 + e^−(a + b·score))`, for small samples. How good it is, is told by cross-validation: each answer is predicted by a curve
that was fitted without its customer.
"""

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, Literal, NamedTuple

import msgspec

from streams.experience.score import Curve, share

BLOCK: Final = 15  # answers that a step of the isotonic curve rests on at least
FOLDS: Final = 5
ANSWERS_MIN: Final = 50  # for a curve
EACH_MIN: Final = 10  # unhappy ones among them, and others
ISOTONIC_FROM: Final = 200  # answers; below, two parameters are all that can be learnt
_ROUNDS: Final = 50
Method = Literal["isotonic", "logistic"]


class Asked(NamedTuple):
    """One answer: the score that was inferred at the moment that it is about, and whether the customer says to be unhappy."""

    customer: str
    at: int
    score: float
    unhappy: bool
    earlier: bool = False  # the contact that it is about gave no evidence, only earlier ones did


class Curves(NamedTuple):
    """`earlier` is None where too few have answered about such contacts: then one curve is for all."""

    contact: Curve
    earlier: Curve | None

    def says(self, one: Asked) -> float:
        """The share that is predicted for an answer."""
        return share(one.score, self.earlier if one.earlier and self.earlier is not None else self.contact)


class Row(msgspec.Struct, frozen=True):
    """A row of the reliability table: predictions from `low` to `high`; what was predicted, what was said, its 95 % interval."""

    low: float
    high: float
    answers: int
    predicted: float
    said: float
    least: float
    most: float


def enough(asked: Sequence[Asked]) -> bool:
    """So many answers, so many unhappy and so many not, that a curve can be learnt."""
    unhappy = sum(one.unhappy for one in asked)
    return len(asked) >= ANSWERS_MIN and min(unhappy, len(asked) - unhappy) >= EACH_MIN


def split(asked: Sequence[Asked]) -> bool:
    """Can two curves be learnt? The earlier one may be low all the way, so nobody need be unhappy there."""
    contact = [one for one in asked if not one.earlier]
    return enough(contact) and len(asked) - len(contact) >= ANSWERS_MIN


def fit_both(asked: Sequence[Asked], method: Method | None, *, two: bool) -> Curves:
    """The curves, each by the method that fits the number of its answers where none is named.

    Of two the first begins at none: a contact's own evidence is that small only when it has faded since.
    """
    if not two:
        return Curves(fit(asked, method or method_for(asked)), None)
    parts = [[one for one in asked if one.earlier is earlier] for earlier in (False, True)]
    contact, earlier = (fit(part, method or method_for(part)) for part in parts)
    return Curves(contact if contact[0][0] <= 0.0 else ((0.0, 0.0), *contact), earlier)


def method_for(asked: Sequence[Asked]) -> Method:
    """By the number of answers."""
    return "isotonic" if len(asked) >= ISOTONIC_FROM else "logistic"


def fit(asked: Sequence[Asked], method: Method) -> Curve:
    """The curve. Answers without evidence (score 0) have no place on it."""
    found = [one for one in asked if one.score > 0.0]
    return _isotonic(found) if method == "isotonic" else _logistic(found)


def _isotonic(asked: Sequence[Asked]) -> Curve:
    blocks: list[list[float]] = []  # answers, sum of scores, unhappy
    for one in sorted(asked, key=lambda one: one.score):
        same = blocks and blocks[-1][1] / blocks[-1][0] == one.score
        if not same:
            blocks.append([0.0, 0.0, 0.0])
        blocks[-1] = [blocks[-1][0] + 1, blocks[-1][1] + one.score, blocks[-1][2] + one.unhappy]
    steps: list[list[float]] = []
    for block in blocks:
        steps.append(block)
        while len(steps) > 1 and (steps[-2][2] / steps[-2][0] >= steps[-1][2] / steps[-1][0] or steps[-2][0] < BLOCK):
            last = steps.pop()
            steps[-1] = [a + b for a, b in zip(steps[-1], last, strict=True)]
    if len(steps) > 1 and steps[-1][0] < BLOCK:
        last = steps.pop()
        steps[-1] = [a + b for a, b in zip(steps[-1], last, strict=True)]
    # half an answer more on each side: nobody is unhappy with certainty because 15 were
    points = [(total / count, (unhappy + 0.5) / (count + 1)) for count, total, unhappy in steps]
    return _ascending([*points, (1.0, points[-1][1])] if len(points) == 1 else points)


def _logistic(asked: Sequence[Asked]) -> Curve:
    a, b = 0.0, 0.0
    for _ in range(_ROUNDS):  # Newton, with a little ridge so that a perfect separation has an end
        gradient_a, gradient_b, aa, ab, bb = -0.01 * a, -0.01 * b, 0.01, 0.0, 0.01
        for one in asked:
            p = 1.0 / (1.0 + math.exp(-(a + b * one.score)))
            w = p * (1.0 - p)
            gradient_a += one.unhappy - p
            gradient_b += (one.unhappy - p) * one.score
            aa, ab, bb = aa + w, ab + w * one.score, bb + w * one.score**2
        determinant = aa * bb - ab * ab
        step_a = (bb * gradient_a - ab * gradient_b) / determinant
        step_b = (aa * gradient_b - ab * gradient_a) / determinant
        a, b = a + step_a, b + step_b
        if abs(step_a) + abs(step_b) < 1e-9:
            break
    scores = [one.score for one in asked]
    if b < 0.0:  # more evidence, fewer who say so: nothing rises, so it is level
        said = (sum(one.unhappy for one in asked) + 0.5) / (len(asked) + 1)
        return _ascending([(min(scores), said), (max(scores), said)])
    low, high = min(*scores, 0.99), max(*scores, 0.01)
    grid = [low + (high - low) * number / 10 for number in range(11)]
    return _ascending([(score, 1.0 / (1.0 + math.exp(-(a + b * score)))) for score in grid])


def _ascending(points: Sequence[tuple[float, float]]) -> Curve:
    """Rounded as it is written; strictly rising scores, shares that never fall."""
    curve: list[tuple[float, float]] = []
    for score, part in points:
        at, most = round(score, 4), round(max(part, curve[-1][1] if curve else 0.0), 4)
        if not curve or at > curve[-1][0]:
            curve.append((at, most))
    if len(curve) == 1:  # all at one score: a level
        (at, part), low = curve[0], max(0.0, curve[0][0] - 0.0001)
        return (round(low, 4), part), (round(low + 0.0001, 4), part)
    return tuple(curve)


def predicted(asked: Sequence[Asked], method: Method | None) -> list[float]:
    """For each answer the share that curves say which were fitted without its customer."""
    folds = [_fold(one.customer) for one in asked]
    two = split(asked)
    kept = [[one for one, at in zip(asked, folds, strict=True) if at != fold] for fold in range(FOLDS)]
    curves = [fit_both(rest, method, two=two) for rest in kept]
    return [curves[fold].says(one) for one, fold in zip(asked, folds, strict=True)]


def _fold(customer: str) -> int:
    return int.from_bytes(blake2b(customer.encode(), digest_size=4).digest()) % FOLDS


def reliability(asked: Sequence[Asked], predictions: Sequence[float], bins: int = 10) -> list[Row]:
    """Does 0.7 mean 70 %? By bins of the prediction; empty ones are left out."""
    rows = []
    pairs = list(zip(predictions, asked, strict=True))
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [(p, one) for p, one in pairs if low <= p < high or (high == 1.0 and p == 1.0)]
        if inside:
            said = sum(one.unhappy for _, one in inside)
            least, most = wilson(said, len(inside))
            mean = sum(p for p, _ in inside) / len(inside)
            rows.append(Row(low, high, len(inside), mean, said / len(inside), least, most))
    return rows


def wilson(part: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson's score interval)."""
    z = 1.959964
    share_, spread = part / of, z * z / of
    middle = (share_ + spread / 2) / (1 + spread)
    reach = z * math.sqrt(share_ * (1 - share_) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def brier(asked: Sequence[Asked], predictions: Sequence[float]) -> float:
    """Mean squared error of the predictions; lower is better."""
    return sum((p - one.unhappy) ** 2 for p, one in zip(predictions, asked, strict=True)) / len(asked)


def off(rows: Sequence[Row]) -> float:
    """Mean distance between predicted and said, by answers (expected calibration error)."""
    return sum(row.answers * abs(row.predicted - row.said) for row in rows) / sum(row.answers for row in rows)
