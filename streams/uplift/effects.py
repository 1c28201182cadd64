"""From arms and what came after to effects: by experiment and outcome a difference, its interval, a verdict, and what it has cost."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import msgspec

from streams.experience.pack import Outcome
from streams.uplift.arms import Entered, Experiment
from streams.uplift.costs import Costs, Money, money
from streams.uplift.rows import Rows
from streams.uplift.sequences import TIGHTEST_AT, Group, Interval, enough, interval, needed, share_is_off

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
SCORE: Final = "score"  # what customers say afterwards

Verdict = Literal["too few", "open", "better", "worse", "no difference"]
Wish = Literal["more", "fewer"]


class Choices(msgspec.Struct, frozen=True):
    """What the reader wants to know. `smallest_…`: the smallest effect that matters, in levels and as a share."""

    score_within_seconds: float = 14 * 86_400
    alpha: float = 0.05
    smallest_score: float = 0.5
    smallest_share: float = 0.05
    tightest_at: int = TIGHTEST_AT
    costs: Mapping[str, float] = {}  # rule → what carrying it out costs, besides what it gives away


class Effect(msgspec.Struct, frozen=True):
    """One row. Counted are customers whose time is over (and, for the score, who have answered). With `too few` there is no
    effect to be read. `needed`: customers until the smallest effect that matters is found; `days`: at the pace so far."""

    outcome: str
    better: Wish
    treated: int
    held_out: int
    verdict: Verdict
    needed: int
    days: float | None
    treated_mean: float | None = None
    held_out_mean: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    money: Money | None = None


class Compared(msgspec.Struct, frozen=True):
    """One experiment: who is in it, what was found, and what is to be known before it is believed."""

    experiment: str
    rules: list[str]
    share: float
    treated: int
    held_out: int
    effects: list[Effect]
    notes: list[str]


class Arms(NamedTuple):
    """Sums of one outcome."""

    treated: Group
    held: Group


def compare(experiment: Experiment, rows: Rows, outcomes: Mapping[str, Outcome], choices: Choices) -> Compared:
    """All outcomes of one experiment; what customers say first."""
    costs = Costs(experiment, rows, choices.costs)
    scored, answered = _scores(experiment, rows, choices)
    effects = [_effect(experiment, rows, SCORE, "more", scored, choices)]
    for name, outcome in outcomes.items():
        within = int(outcome.within_seconds * SECOND)
        over = _over(experiment, rows, within)
        arms = _happened(over, rows, outcome, within)
        cost = costs.of([one for one in over if not one.held], within)
        effects.append(_effect(experiment, rows, name, outcome.better, arms, choices, cost))
    held = sum(one.held for one in experiment.entered)
    treated = len(experiment.entered) - held
    notes = _notes(experiment, held, answered, choices)
    return Compared(experiment.name, experiment.rules, experiment.share, treated, held, effects, notes)


def _over(experiment: Experiment, rows: Rows, within: int) -> list[Entered]:
    """Customers whose time is over, whether or not something has happened: both arms wait equally long."""
    return [one for one in experiment.entered if one.at + within <= rows.ends_at]


def _scores(experiment: Experiment, rows: Rows, choices: Choices) -> tuple[Arms, Arms]:
    """The mean level of each customer's answers, of those who have answered; and who has."""
    within = int(choices.score_within_seconds * SECOND)
    said: dict[str, list[tuple[int, float]]] = {}
    for answer in rows.answers:
        said.setdefault(answer.subject, []).append((answer.at, answer.level))
    scored, answered = Arms(Group(), Group()), Arms(Group(), Group())
    for one in _over(experiment, rows, within):
        levels = [level for at, level in said.get(one.subject, ()) if one.at < at <= one.at + within]
        answered[one.held].add(float(bool(levels)))
        if levels:
            scored[one.held].add(sum(levels) / len(levels))
    return scored, answered


def _happened(over: list[Entered], rows: Rows, outcome: Outcome, within: int) -> Arms:
    times: dict[str, list[int]] = {}
    wanted = set(outcome.touchpoints)
    for visit in rows.visits:
        if visit.touchpoint in wanted and outcome.outcome in (None, visit.outcome):
            times.setdefault(visit.subject, []).append(visit.at)
    for some in times.values():
        some.sort()
    arms = Arms(Group(), Group())
    for one in over:
        mine = times.get(one.subject, [])
        happened = bisect_right(mine, one.at + within) > bisect_right(mine, one.at)
        arms[one.held].add(float(happened != outcome.absent))
    return arms


def _effect(
    experiment: Experiment,
    rows: Rows,
    name: str,
    better: Wish,
    arms: Arms,
    choices: Choices,
    cost: float | None = None,
) -> Effect:
    binary = name != SCORE
    smallest = choices.smallest_share if binary else choices.smallest_score
    wanted = needed(
        *arms,
        smallest=smallest,
        share=experiment.share,
        binary=binary,
        alpha=choices.alpha,
        tightest_at=choices.tightest_at,
    )
    treated, held = arms
    days = _days(experiment, rows.ends_at, treated.count + held.count, wanted)
    row = Effect(name, better, treated.count, held.count, "too few", wanted, days)
    if not enough(treated, held, binary=binary):
        return row
    found = interval(treated, held, binary=binary, alpha=choices.alpha, tightest_at=choices.tightest_at)
    return msgspec.structs.replace(
        row,
        verdict=_verdict(found, better, smallest),
        treated_mean=treated.mean,
        held_out_mean=held.mean,
        effect=found.effect,
        low=found.low,
        high=found.high,
        money=None if cost is None else money(found, better, cost),
    )


def _verdict(found: Interval, better: Wish, smallest: float) -> Verdict:
    if found.low > 0 or found.high < 0:
        return "better" if (found.low > 0) == (better == "more") else "worse"
    return "no difference" if -smallest < found.low and found.high < smallest else "open"


def _days(experiment: Experiment, ends_at: int, count: int, wanted: int) -> float | None:
    """How long it takes at the pace so far until there are enough; None: there is no pace yet."""
    if count >= wanted:
        return 0.0
    begin = min((one.at for one in experiment.entered), default=ends_at)
    return (wanted - count) * (ends_at - begin) / count / DAY if count and ends_at > begin else None


def _notes(experiment: Experiment, held: int, answered: Arms, choices: Choices) -> list[str]:
    """What is to be known before an effect is believed."""
    notes = []
    count = len(experiment.entered)
    if share_is_off(held, count, experiment.share):
        notes.append(
            f"{held / count:.1%} are held out, {experiment.share:.1%} were drawn: something is missing from one arm, or the "
            "pack is another one; do not believe the effects"
        )
    if experiment.passed_over:
        notes.append(f"{experiment.passed_over} customers came in before (--since, another salt or share): left out")
    if experiment.crossed:
        notes.append(f"{experiment.crossed} customers have been in both arms; they count in their first")
    if experiment.versions > 1:
        notes.append(f"{experiment.versions} versions of a rule together; --since leaves out what came before a change")
    if enough(*answered, binary=True):
        found = interval(*answered, binary=True, alpha=choices.alpha, tightest_at=choices.tightest_at)
        if found.low > 0 or found.high < 0:
            notes.append(
                f"{answered.treated.mean:.1%} of the treated have answered, {answered.held.mean:.1%} of the held out: their "
                "scores are those of different people"
            )
    return notes
