"""Do the intervals of `touchstone uplift` hold what they promise when somebody looks every day, and stops when it looks good?

    python -m benchmarks.bench_uplift [--runs 1000] [--days 120] [--note]

Simulated customers with a known effect, `--a-day` of them on each day, looked at every evening. By share held out, and outcome:
missed: share of runs in which the truth was outside of the interval on any evening; alarms: the same for zero, where there is no effect;
naive: the same with an ordinary 95 % interval, looked at as often. Found: share of runs with an effect that was found, and when.
"""

import argparse
import math
import random
import sys
from collections.abc import Callable
from statistics import median
from typing import Final, NamedTuple

from benchmarks.results import note
from streams.uplift.sequences import Group, enough, interval, needed

ALPHA: Final = 0.05
Z: Final = 1.959964


class Scene(NamedTuple):
    """What is drawn: the mean of the held out, the effect. A share, or a level of ten."""

    name: str
    base: float
    effect: float
    binary: bool


SCENES: Final = (
    Scene("share 0.02", 0.02, 0.0, True),
    Scene("share 0.02, effect 0.02", 0.02, 0.02, True),
    Scene("share 0.25", 0.25, 0.0, True),
    Scene("share 0.25, effect 0.05", 0.25, 0.05, True),
    Scene("share 0.25, effect -0.10", 0.25, -0.10, True),
    Scene("level 6", 6.0, 0.0, False),
    Scene("level 6, effect 0.5", 6.0, 0.5, False),
)


class Run(NamedTuple):
    """One run: was the truth missed, was zero left out, by the sequence and by the naive interval; how many customers until it was."""

    missed: bool
    alarm: bool
    naive_missed: bool
    naive_alarm: bool
    found_at: int | None


def _level(rng: random.Random, mean: float) -> float:
    """What people say: whole levels, many at both ends, so nothing like a normal law. Its mean is `mean`, up to a few hundredths."""
    spread = rng.random()
    return (
        0.0 if spread < 0.1 else 10.0 if spread > 0.82 else float(min(9, max(1, round(rng.gauss(_inner(mean), 2.0)))))
    )


def _inner(mean: float) -> float:
    return (mean - 1.8) / 0.72


def drawn(scene: Scene, rng: random.Random, *, treated: bool) -> float:
    """The outcome of one customer."""
    mean = scene.base + scene.effect * treated
    return float(rng.random() < mean) if scene.binary else _level(rng, mean)


def truth(scene: Scene) -> float:
    """The effect; of levels, which are cut off, by drawing very many."""
    if scene.binary or not scene.effect:
        return scene.effect
    rng = random.Random(1)
    many = 400_000
    return sum(_level(rng, scene.base + scene.effect) - _level(rng, scene.base) for _ in range(many)) / many


def run(scene: Scene, effect: float, share: float, days: int, a_day: int, seed: str) -> Run:
    """Every evening a look."""
    rng = random.Random(seed)
    treated, held = Group(), Group()
    missed = alarm = naive_missed = naive_alarm = False
    found_at = None
    for _ in range(days):
        for _ in range(a_day):
            out = rng.random() < share
            (held if out else treated).add(drawn(scene, rng, treated=not out))
        if not enough(treated, held, binary=scene.binary):
            continue
        found = interval(treated, held, binary=scene.binary, alpha=ALPHA)
        missed = missed or not found.low <= effect <= found.high
        if found.low > 0 or found.high < 0:
            alarm, found_at = True, found_at or treated.count + held.count
        half = Z * math.sqrt(treated.variance(binary=False) / treated.count + held.variance(binary=False) / held.count)
        naive_missed = naive_missed or abs(found.effect - effect) > half
        naive_alarm = naive_alarm or abs(found.effect) > half
    return Run(missed, alarm, naive_missed, naive_alarm, found_at)


def measured(scene: Scene, share: float, runs: int, days: int, a_day: int, seed: int) -> dict[str, float]:
    """Shares of runs, and how many customers it took."""
    effect = truth(scene)
    done = [run(scene, effect, share, days, a_day, f"{seed}/{scene.name}/{share}/{number}") for number in range(runs)]

    def part(of: Callable[[Run], bool]) -> float:
        return sum(of(one) for one in done) / runs

    figures = {"missed": part(lambda one: one.missed), "naive missed": part(lambda one: one.naive_missed)}
    if scene.effect == 0:
        return figures | {"alarms": part(lambda one: one.alarm), "naive alarms": part(lambda one: one.naive_alarm)}
    times = [one.found_at for one in done if one.found_at is not None]
    figures |= {"found": part(lambda one: one.alarm), "median": median(times) if times else math.nan}
    return figures | {"needed": float(_needed(scene, share))}


def _needed(scene: Scene, share: float) -> int:
    """What the command says is needed for this effect, once it has seen the variances."""
    rng = random.Random(2)
    treated, held = Group(), Group()
    for _ in range(20_000):
        treated.add(drawn(scene, rng, treated=True))
        held.add(drawn(scene, rng, treated=False))
    return needed(treated, held, smallest=abs(scene.effect), share=share, binary=scene.binary, alpha=ALPHA)


def main() -> None:
    """Prints a table; `--note` appends it to results.csv."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--a-day", type=int, default=40)
    parser.add_argument("--shares", default="0.05,0.2,0.5")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--note", action="store_true")
    options = parser.parse_args()
    for share in map(float, options.shares.split(",")):
        for scene in SCENES:
            figures = measured(scene, share, options.runs, options.days, options.a_day, options.seed)
            told = {name: f"{value:.0f}" if value > 1.5 else f"{value:.3f}" for name, value in figures.items()}
            line = ", ".join(f"{name} {value}" for name, value in told.items())
            sys.stdout.write(f"{share:.0%} held out, {scene.name}: {line}\n")
            sys.stdout.flush()
            if options.note:
                pace = f"{options.runs} runs, {options.days} days, {options.a_day} customers a day, looked at daily"
                conditions = f"{share:.0%} held out, {scene.name}; {pace}; seed {options.seed}"
                note("uplift", conditions, told)


if __name__ == "__main__":
    main()
