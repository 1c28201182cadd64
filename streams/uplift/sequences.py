"""How large a difference between two groups is, with an interval that may be looked at on any day, and every day.

After `n` customers in all, with means `m`, variances `v` and sizes `n₁ + n₀ = n`, the confidence sequence at level 1 − α is

    m₁ − m₀ ± s · √( 2·(nρ² + 1)/(nρ²) · ln( √(nρ² + 1)/α ) ),   s² = v₁/n₁ + v₀/n₀

Robbins' normal mixture with estimated variances, an asymptotic confidence sequence: Waudby-Smith, Arbour, Sinha, Kennedy and
Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52(6), 2024, theorem 2.2.
All its intervals together contain the truth with probability 1 − α, so stopping at a good moment gains nothing. ρ² only says for which
n the interval is to be tight.
"""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

TIGHTEST_AT: Final = (
    1000  # customers at which the interval is as tight as it can be: near enough from a hundred to ten thousand
)
EACH_MIN: Final = 50  # customers in each group before anything is said: below, the normal law is not near
EVENTS_MIN: Final = 20  # with yes or no: so many of the rarer answer in both groups together
POWER_Z: Final = 0.8416  # of 80 %: four of five such effects are found by then
CUSTOMERS_MAX: Final = 100_000_000


class Group(msgspec.Struct):
    """Sums over the customers of one arm."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """One more customer."""
        self.count += 1
        self.total += value
        self.squares += value * value

    @property
    def mean(self) -> float:
        """0 for nobody."""
        return self.total / self.count if self.count else 0.0

    def variance(self, *, binary: bool) -> float:
        """Of one customer. Yes or no: with one of each added, so that three times no is not for ever no."""
        if binary:
            share = (self.total + 1.0) / (self.count + 2.0)
            return share * (1.0 - share)
        if self.count < 2:
            return 0.0
        return max(0.0, (self.squares - self.total * self.total / self.count) / (self.count - 1))


def group(values: Iterable[float]) -> Group:
    """The sums of some values."""
    made = Group()
    for value in values:
        made.add(value)
    return made


class Interval(NamedTuple):
    """A difference, and between what it lies."""

    effect: float
    low: float
    high: float


def rho_squared(alpha: float, tightest_at: int = TIGHTEST_AT) -> float:
    """The ρ² for which the interval is narrowest at so many customers: x = nρ² solves x = ln(1 + x) − 2 ln α."""
    x = 8.0
    for _ in range(60):
        x = math.log1p(x) - 2.0 * math.log(alpha)
    return x / tightest_at


def reach(count: float, alpha: float, rho2: float) -> float:
    """Half the width of the interval, in standard errors."""
    x = count * rho2
    return math.sqrt(2.0 * (x + 1.0) / x * (0.5 * math.log1p(x) - math.log(alpha)))


def enough(treated: Group, control: Group, *, binary: bool) -> bool:
    """May anything be said yet?"""
    if min(treated.count, control.count) < EACH_MIN:
        return False
    if not binary:
        return treated.variance(binary=False) + control.variance(binary=False) > 0.0
    yes = treated.total + control.total
    return min(yes, treated.count + control.count - yes) >= EVENTS_MIN


def interval(treated: Group, control: Group, *, binary: bool, alpha: float, tightest_at: int = TIGHTEST_AT) -> Interval:
    """The difference treated − control. Both groups need customers."""
    error = math.sqrt(treated.variance(binary=binary) / treated.count + control.variance(binary=binary) / control.count)
    half = error * reach(treated.count + control.count, alpha, rho_squared(alpha, tightest_at))
    effect = treated.mean - control.mean
    return Interval(effect, effect - half, effect + half)


def needed(
    treated: Group,
    control: Group,
    *,
    smallest: float,
    share: float,
    binary: bool,
    alpha: float,
    tightest_at: int = TIGHTEST_AT,
) -> int:
    """Customers in both groups after which an effect of this size is found four times in five, with `share` of them held out.

    By the variances seen so far; where there are too few, by the largest of yes or no, or a standard deviation of 3 levels.
    """
    worst = 0.25 if binary else 9.0
    one, other = (
        arm.variance(binary=binary) if arm.count >= EACH_MIN and arm.variance(binary=binary) > 0 else worst
        for arm in (treated, control)
    )
    rho2 = rho_squared(alpha, tightest_at)

    def finds(count: int) -> bool:
        error = math.sqrt((one / (1.0 - share) + other / share) / count)
        return error * (reach(count, alpha, rho2) + POWER_Z) <= smallest

    low, high = 0, max(2, math.ceil(EACH_MIN / min(share, 1.0 - share)))
    if finds(high):
        return high
    while not finds(high):
        low, high = high, high * 2
        if high > CUSTOMERS_MAX:
            return CUSTOMERS_MAX
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle, high)
    return high


def share_is_off(held: int, count: int, share: float, alpha: float = 0.001) -> bool:
    """Are there more or fewer held out than were drawn? By the same law, so that asking every day raises no false alarm."""
    if count < EACH_MIN:
        return False
    spread = math.sqrt(share * (1.0 - share) / count)
    return abs(held / count - share) > spread * reach(count, alpha, rho_squared(alpha))
