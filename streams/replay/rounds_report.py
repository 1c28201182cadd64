"""The rounds of the seven steps for a person: step by step, with the verdicts and how the next round starts."""

from collections.abc import Sequence
from typing import Final

from streams.experience.gap import Row
from streams.experience.rounds import FIELDS_OF_FIT, Initiative, Need, Played, Stage, Verdict
from streams.terminal import out

_FITS: Final = {"fits": "fits", "to_build": "to be built", "against": "against it", None: "not judged"}


def report(played: Sequence[Played]) -> None:
    """Nothing where there are no rounds."""
    for one in played:
        out().print(f"\nround {one.number}", style="bold")
        for line in lines(one):
            out().print(line, markup=False)


def lines(one: Played) -> list[str]:
    """The seven steps of a round."""
    keyed = next((row for row in one.table.rows if row.name == one.table.key), None)
    steps = [
        f"1 the brand stands for: {', '.join(one.means) or 'not told'}",
        f"2 levels: {len(one.table.rows)} rows, {sum(row.satisfaction is not None for row in one.table.rows)} with what is expected"
        + (f"; {', '.join(one.again)} as before the initiative: measure again" if one.again else ""),
        f"3 key experience: {one.table.key or 'none falls short'}",
        f"4 gap to the ideal: {_gap(keyed)}",
        *_needs(one),
    ]
    for name, each in one.initiatives.items():
        found = next(verdict for verdict in one.verdicts if verdict.initiative == name)
        steps += [f"7 {name}, for {each.need}: {each.measure}", f"    before: {each.baseline:g}"]
        steps += [f"    {stage.what}: {_result(stage, each)}" for stage in each.stages]
        steps.append(f"    verdict: {_verdict(found)}")
    if one.means_next:
        steps.append(f"the next round starts with {', '.join(one.means_next)} as what the brand stands for")
    return steps


def _gap(row: Row | None) -> str:
    return "–" if row is None or row.gap is None else f"{row.gap:g} in {row.name}"


def _needs(one: Played) -> list[str]:
    told = []
    for name, need in one.needs.items():
        aside = "" if need.row == one.table.key else " (not the key experience)"
        told.append(f"5 need {name}: {need.row}{aside}, because {need.cause}; owner {need.owner}")
        told.append(f"6 fit: {_fit(need)}")
    return told or ["5 needs: none told yet"]


def _fit(need: Need) -> str:
    return ", ".join(f"{field} {_FITS[getattr(need.fit, field)]}" for field in FIELDS_OF_FIT)


def _result(stage: Stage, one: Initiative) -> str:
    value = stage.more_than if stage.result is None else stage.result
    if value is None:
        return "still to come"
    more = "more than " if stage.more_than is not None else ""
    times = f" ({more}{value / one.baseline:g} times)" if one.baseline > 0.0 else ""
    when = f", {stage.at}" if stage.at else ""
    return f"{more}{value:g}{times}{when}"


def _verdict(one: Verdict) -> str:
    so_far = "" if one.what is None else f"so far {one.what}"
    match one.decision:
        case "planned":
            return "planned: no result yet"
        case "running":
            return f"running; {so_far}"
        case "stop":
            return "stop: no stage is worth it"
        case "adopt":
            return f"adopt: {one.what}"
