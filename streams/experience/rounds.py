"""Steps 5 to 7 of the gap table as data: needs that would close a gap, how they fit, initiatives with results in stages.

A round begins with what the brand stands for and a table of levels; its verdicts say with what the next one begins.
Verdicts follow from the results: nobody states them.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from streams.experience.gap import Levels, Table, table
from streams.experience.naming import Problem

Fits = Literal["fits", "to_build", "against"]
Decision = Literal["planned", "running", "adopt", "stop"]
FIELDS_OF_FIT: Final = ("strategy", "people", "process", "technology")


class Part(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Any part of the file."""


class Fit(Part):
    """Step 6. null: not judged yet."""

    strategy: Fits | None = None
    people: Fits | None = None
    process: Fits | None = None
    technology: Fits | None = None


class Need(Part):
    """Step 5: what would close the gap in a row of the table."""

    row: str
    cause: str
    owner: str
    fit: Fit = msgspec.field(default_factory=Fit)


class Stage(Part):
    """A part of an initiative. Without a result it is still to come. `more_than`: all that is known is that it is more."""

    what: str
    result: float | None = None
    more_than: float | None = None
    at: str | None = None


class Initiative(Part):
    """Step 7: a measure for a need. `worth`: a result must be so much better than the baseline, as a share of it."""

    need: str
    measure: str
    baseline: float
    stages: list[Stage]
    better: Literal["higher", "lower"] = "higher"
    worth: float = 0.0
    experience_after: float | None = None  # level of the need's row, measured afterwards


class Round(Part):
    """Steps 1 to 7 once. `means`: what the brand stands for. `levels` null: those of the command, or of the round before."""

    means: list[str] = []
    levels: list[Levels] | None = None
    needs: dict[str, Need] = {}
    initiatives: dict[str, Initiative] = {}


class Rounds(Part):
    """The whole file."""

    rounds: list[Round]


class Verdict(Part):
    """What came of an initiative. `best`: number of the best stage; `times`: its result by the baseline."""

    initiative: str
    need: str
    row: str
    decision: Decision
    best: int | None = None
    what: str | None = None
    times: float | None = None
    more: bool = False  # more than `times`


class Played(Part):
    """A round with what follows. `means_next`: rows that adopted initiatives were for; the next round starts with them.

    `again`: rows that an initiative has changed since they were measured.
    """

    number: int
    means: list[str]
    table: Table
    needs: dict[str, Need]
    initiatives: dict[str, Initiative]
    verdicts: list[Verdict]
    means_next: list[str]
    again: list[str] = []


def verdict(name: str, one: Initiative, row: str) -> Verdict:
    """Adopt the best stage if it is worth it once all are done; stop if none is."""
    done = [(number, stage) for number, stage in enumerate(one.stages) if _result(stage) is not None]
    if not done:
        return Verdict(initiative=name, need=one.need, row=row, decision="planned")
    sign = 1.0 if one.better == "higher" else -1.0
    number, best = max(
        done, key=lambda item: (sign * (_result(item[1]) or 0.0), sign * (item[1].more_than is not None))
    )
    value = _result(best) or 0.0
    gain = sign * (value - one.baseline)
    worth = gain > 0.0 and gain >= one.worth * abs(one.baseline)
    decision: Decision = "running" if len(done) < len(one.stages) else "adopt" if worth else "stop"
    return Verdict(
        initiative=name,
        need=one.need,
        row=row,
        decision=decision,
        best=number,
        what=best.what,
        times=value / one.baseline if one.baseline > 0.0 else None,
        more=best.more_than is not None,
    )


def _result(stage: Stage) -> float | None:
    return stage.more_than if stage.result is None else stage.result


def play(rounds: Rounds, levels: Sequence[Levels]) -> list[Played]:
    """Round after round; each begins with what the one before has come to. Raises ValueError for levels off their scale."""
    played: list[Played] = []
    means: list[str] = []
    again: list[str] = []
    for number, one in enumerate(rounds.rounds, 1):
        levels = levels if one.levels is None else one.levels
        verdicts = [verdict(name, each, one.needs[each.need].row) for name, each in one.initiatives.items()]
        means_next = list(dict.fromkeys(each.row for each in verdicts if each.decision == "adopt"))
        played.append(
            Played(
                number=number,
                means=one.means or means,
                table=table(levels),
                needs=one.needs,
                initiatives=one.initiatives,
                verdicts=verdicts,
                means_next=means_next,
                again=again if one.levels is None else [],
            )
        )
        after = {each.need: each.experience_after for each in one.initiatives.values()}
        again = [each.row for each in verdicts if each.decision == "adopt" and after[each.need] is None]
        means, levels = means_next, _after(one, verdicts, levels)
    return played


def _after(one: Round, verdicts: Sequence[Verdict], levels: Sequence[Levels]) -> list[Levels]:
    """Where adopted initiatives have brought the rows, as far as it was measured."""
    reached = {
        each.row: level
        for each in verdicts
        if each.decision == "adopt" and (level := one.initiatives[each.initiative].experience_after) is not None
    }
    return [
        msgspec.structs.replace(each, experience=reached[each.name], satisfaction=None)
        if each.name in reached
        else each
        for each in levels
    ]


def check(rounds: Rounds) -> Iterator[Problem]:
    """What a well-formed file can still have wrong, but for rows: those are known only with the table."""
    before: list[str] | None = None
    for index, one in enumerate(rounds.rounds):
        path = ("rounds", index)
        for name, each in one.initiatives.items():
            yield from _initiative((*path, "initiatives", name), each, one)
        if any(each.need not in one.needs for each in one.initiatives.values()):
            return
        if before and one.means and not set(before) <= set(one.means):
            yield (
                (*path, "means"),
                f"this round starts with {', '.join(one.means)}, but the one before has come to {', '.join(before)}; leave `means` out to go on from there",
            )
        verdicts = [verdict(name, each, one.needs[each.need].row) for name, each in one.initiatives.items()]
        before = [each.row for each in verdicts if each.decision == "adopt"]


def _initiative(path: tuple[str | int, ...], one: Initiative, within: Round) -> Iterator[Problem]:
    need = within.needs.get(one.need)
    if need is None:
        yield (*path, "need"), f"no need {one.need!r} in this round; it has {', '.join(within.needs) or 'none'}"
    else:
        for field in FIELDS_OF_FIT:
            if getattr(need.fit, field) == "against":
                yield (
                    (*path, "need"),
                    f"the need {one.need!r} goes against the company's {field}: find another need, or settle that first",
                )
    if not one.stages:
        yield (*path, "stages"), "an initiative has one stage at least"
    if one.worth < 0:
        yield (*path, "worth"), "cannot be negative: 0.5 is half better than the baseline"
    if one.experience_after is not None and not 0 <= one.experience_after <= 10:
        yield (*path, "experience_after"), f"level {one.experience_after:g} is not between 0 and 10"
    for number, stage in enumerate(one.stages):
        if stage.result is not None and stage.more_than is not None:
            yield (*path, "stages", number), "say either result or more_than"
        if number and _result(stage) is not None and _result(one.stages[number - 1]) is None:
            yield (
                (*path, "stages", number),
                "has a result, but the stage before it has none: stages come in their order",
            )


def unknown_rows(one: Played) -> Iterator[str]:
    """Needs of rows that the round's table does not have."""
    names = [row.name for row in one.table.rows]
    for name, need in one.needs.items():
        if need.row not in names:
            yield f"round {one.number}: need {name!r} is of row {need.row!r}, and the table has {', '.join(names)}"
