"""Units beside units, colleagues beside colleagues: whose contacts end badly far more often than is usual there.

Usual is the *median* of the others' rates, so one bad neighbour does not make it. Nothing is said under a least number of contacts and
of others, nor where chance alone would show as much in more than one of a thousand such comparisons.
"""

from collections.abc import Mapping
from math import exp, lgamma, log
from statistics import median
from typing import Final, NamedTuple

CHANCE: Final = 0.001
SPREAD: Final = 3.0  # deviations of the others, by their median absolute deviation
_TO_DEVIATION: Final = 1.4826
Cells = Mapping[tuple[str, str], tuple[int, int]]  # (who, where) → contacts, and how many ended badly


class Standing(NamedTuple):
    """One, beside the others."""

    who: str
    where: str
    contacts: int
    bad: int
    usual: float  # rate, 0–1
    others: int
    share: float  # of all that is worse with this one, what this place explains

    @property
    def rate(self) -> float:
        """How often contacts end badly."""
        return self.bad / self.contacts


def drivers(cells: Cells, contacts: int, siblings: int) -> list[Standing]:
    """Of each unit the touchpoint that explains most of what is worse there than in those beside it; by unit."""
    found = []
    for unit in sorted({who for who, _ in cells}):
        judged = [
            one for (who, where) in sorted(cells) if who == unit and (one := _beside(cells, who, where, contacts))
        ]
        judged = [one for one in judged if one.others >= siblings]
        worse = sum(max(0.0, _beyond(one)) for one in judged)
        best = max(judged, key=_beyond, default=None)
        if best is not None and _by_more_than_chance(best):
            found.append(best._replace(share=_beyond(best) / worse))
    return found


def coaching(cells: Cells, contacts: int, peers: int) -> list[Standing]:
    """Those whose contacts end badly more often than chance and the differences between colleagues explain; by name and place."""
    found = []
    for who, where in sorted(cells):
        one = _beside(cells, who, where, contacts)
        if one is None or one.others < peers or not _by_more_than_chance(one):
            continue
        rates = _rates(cells, who, where, contacts)
        deviation = _TO_DEVIATION * median(abs(rate - one.usual) for rate in rates)
        if one.rate > one.usual + SPREAD * deviation:
            found.append(one)
    return found


def _rates(cells: Cells, who: str, where: str, contacts: int) -> list[float]:
    """Of the others there."""
    return [
        bad / count for (other, at), (count, bad) in cells.items() if at == where and other != who and count >= contacts
    ]


def _beside(cells: Cells, who: str, where: str, contacts: int) -> Standing | None:
    count, bad = cells[who, where]
    rates = _rates(cells, who, where, contacts)
    if count < contacts or not rates:
        return None
    return Standing(who, where, count, min(bad, count), median(rates), len(rates), 1.0)


def _beyond(one: Standing) -> float:
    """Bad contacts beyond what is usual."""
    return one.bad - one.contacts * one.usual


def _by_more_than_chance(one: Standing) -> bool:
    """Where nothing at all is usual, half a bad contact is taken for it: never is not known from few."""
    return _beyond(one) > 0 and tail(one.contacts, one.bad, max(one.usual, 0.5 / one.contacts)) <= CHANCE


def tail(count: int, least: int, rate: float) -> float:
    """Chance of so many or more of `count`, each with this rate: the binomial's upper tail."""
    if least <= 0 or rate >= 1.0:
        return 1.0
    total = term = exp(
        lgamma(count + 1)
        - lgamma(least + 1)
        - lgamma(count - least + 1)
        + least * log(rate)
        + (count - least) * log(1 - rate)
    )
    for number in range(least, count):
        term *= (count - number) / (number + 1) * rate / (1 - rate)
        total += term
        if number > count * rate and term < total * 1e-12:
            break
    return min(1.0, total)
