"""How well dissatisfaction is found: the pack's episodes and signals, and three baselines, against the simulator's truth.

    python -m benchmarks.bench_detection [--company retail] [--pack FILE] [--seeds 5] [--customers 300] [--hours 10] [--scenario all] [--with coached]

Precision: share of alarms that hit a spell of real unhappiness; recall: share of spells that an alarm hit; silent: the same for spells
in which nothing was said; lead: median time from the first alarm to the first complaint, or to the parting, of those that it came before.
The baselines' parameters are chosen on two seeds of their own, for the best F1; the pack is taken as it is.
"""

import argparse
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from statistics import mean, median
from typing import Final

from benchmarks.detection_run import Bulk, Event, Run, Waits, decided, judge_bulk, judge_waits, simulated
from benchmarks.results import note
from benchmarks.unhappy import HOUR, Alarm, Found, by_cause, judge, unhappy_share
from schemas.events import Feedback, Touchpoint
from streams.packs_folder import BUILT_IN, read_pack
from streams.simulate import Plan

START_US: Final = 1_772_355_600_000_000
TUNING_SEEDS: Final = (9001, 9002)


# --- baselines: what is done without us ---------------------------------------------------------------------------


def low_answers(events: Iterable[tuple[int, Event]], at_most: float) -> Iterator[Alarm]:
    """Score threshold only: an answer at or below a level of 10, whatever its scale."""
    for now, event in events:
        if isinstance(event, Feedback) and event.score is not None and _level(event) <= at_most:
            yield Alarm(event.subject_id, now, "answer")


def _level(event: Feedback) -> float:
    low = event.scale_min if event.scale_min is not None else 0.0
    high = event.scale_max if event.scale_max is not None else 10.0
    level = 10.0 * ((event.score or 0.0) - low) / (high - low)
    return level if event.scale_direction == "higher_is_better" else 10.0 - level


def last_failed(events: Iterable[tuple[int, Event]]) -> Iterator[Alarm]:
    """The last event failed."""
    for now, event in events:
        if isinstance(event, Touchpoint) and event.outcome == "failure":
            yield Alarm(event.subject_id, now, "failure")


def failures(events: Iterable[tuple[int, Event]], most: int, hours: float) -> Iterator[Alarm]:
    """So many failures within so many hours."""
    seen: dict[str, deque[int]] = defaultdict(deque)
    for now, event in events:
        if isinstance(event, Touchpoint) and event.outcome == "failure":
            times = seen[event.subject_id]
            times.append(now)
            while times[0] < now - hours * HOUR:
                times.popleft()
            if len(times) >= most:
                yield Alarm(event.subject_id, now, "failures")


Baseline = Callable[[Run], list[Alarm]]


def tuned(runs: Sequence[Run]) -> dict[str, Baseline]:
    """Name (with the parameters that were best on these runs) → baseline."""
    answers = max(
        (2.0, 3.0, 4.0, 5.0, 6.0, 7.0), key=lambda level: _f1(runs, lambda run: [*low_answers(run.events(), level)])
    )
    most, hours = max(
        product((2, 3, 4), (1.0, 4.0, 24.0)), key=lambda one: _f1(runs, lambda run: [*failures(run.events(), *one)])
    )
    return {
        f"answer at most {answers:g} of 10": lambda run: [*low_answers(run.events(), answers)],
        "last event failed": lambda run: [*last_failed(run.events())],
        f"{most} failures in {hours:g} h": lambda run: [*failures(run.events(), most, hours)],
    }


def _f1(runs: Sequence[Run], baseline: Baseline) -> float:
    return mean(judge(run.spells, baseline(run)).f1 for run in runs)


# --- the table ----------------------------------------------------------------------------------------------------

HEAD: Final = ("alarms", "precision", "recall", "F1", "silent", "before complaint", "lead", "before churn", "lead")


def row(found: Sequence[Found]) -> list[str]:
    """Mean over the seeds, the lowest and highest in brackets for the shares that matter most."""
    return [
        f"{mean(one.alarms for one in found):.0f}",
        _spread([one.precision for one in found]),
        _spread([one.recall for one in found]),
        f"{mean(one.f1 for one in found):.2f}",
        _share(sum(one.silent_found for one in found), sum(one.silent for one in found)),
        _share(sum(one.complaints_before for one in found), sum(one.complaints for one in found)),
        _minutes([one.complaint_lead_seconds for one in found]),
        _share(sum(one.churns_before for one in found), sum(one.churns for one in found)),
        _minutes([one.churn_lead_seconds for one in found]),
    ]


def _spread(shares: Sequence[float | None]) -> str:
    known = [one for one in shares if one is not None]
    return f"{mean(known):.2f} ({min(known):.2f}–{max(known):.2f})" if known else "–"


def _share(part: int, of: int) -> str:
    return f"{part / of:.2f}" if of else "–"


def _minutes(seconds: Sequence[float | None]) -> str:
    known = [one for one in seconds if one is not None]
    return f"{mean(known) / 60:.0f} min" if known else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--company", choices=("retail", "airline", "automotive", "telecom"), default="retail")
    parser.add_argument("--pack", type=Path, help="a pack's file; default: the company's")
    parser.add_argument("--scenario", choices=("quiet", "outage", "late-courier", "slow-hotline", "all"), default="all")
    parser.add_argument("--with", dest="habits", action="append", choices=("rush", "sinking", "uneven", "coached"))
    parser.add_argument("--trouble", type=float, default=1.0, help="how often things go wrong, times the usual")
    parser.add_argument(
        "--outspoken", type=float, default=1.0, help="how many speak, times the usual; 0: all are silent"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--visits", type=float, default=0.5, help="an hour and customer")
    parser.add_argument("--late", type=float, default=0.01, help="share of events that arrive minutes late")
    parser.add_argument("--discard", action="store_true", help="add no rows to results.csv")
    options = parser.parse_args()
    habits = tuple(options.habits or ())
    seeds = range(options.first_seed, options.first_seed + options.seeds)

    def plan(seed: int) -> Plan:
        return Plan(
            start_us=START_US,
            seed=seed,
            company=options.company,
            scenario=options.scenario,
            customers=options.customers,
            hours=options.hours,
            visits_per_hour=options.visits,
            late=options.late,
            malformed=0.0,
            habits=habits,
            trouble=options.trouble,
            outspoken=options.outspoken,
        )

    pack = read_pack(options.pack or BUILT_IN / f"{options.company}.yaml")
    baselines = tuned([simulated(plan(seed)) for seed in TUNING_SEEDS])
    runs = [simulated(plan(seed)) for seed in seeds]
    results: dict[str, list[Found]] = defaultdict(list)
    signals: dict[str, list[Found]] = defaultdict(list)
    causes: dict[str, tuple[int, int]] = {}
    bulk: list[Bulk] = []
    waits: list[Waits] = []
    for run in runs:
        alarms, given, doubted = decided(run, pack, both_jobs=bool({"coached", "rush"} & set(habits)))
        bulk.append(judge_bulk(run.crowds, doubted))
        waits.append(judge_waits(run, given))
        results[f"pack {pack.name}"].append(judge(run.spells, alarms))
        results["… inferred only"].append(judge(run.spells, [one for one in alarms if one.kind == "inferred"]))
        for cause, (count, hit) in by_cause(run.spells, alarms).items():
            causes[cause] = causes.get(cause, (0, 0))[0] + count, causes.get(cause, (0, 0))[1] + hit
        for name, baseline in baselines.items():
            results[name].append(judge(run.spells, baseline(run)))
        for name in sorted({one.kind for one in given}):
            signals[name].append(judge(run.spells, [one for one in given if one.kind == name]))
    conditions = (
        f"{options.company}, pack {pack.name} {pack.version}, {options.scenario}, seeds {seeds.start}–{seeds.stop - 1}, "
        f"{options.customers} customers, {options.hours:g} h, {options.visits:g} visits/h, late {options.late:g}"
        + _others(habits, options.trouble, options.outspoken)
    )
    blind = mean(unhappy_share(run.spells, ((one.subject_id, now) for now, one in run.events())) for run in runs)
    out = sys.stdout.write
    out(
        f"{conditions}\n{mean(len(run.spells) for run in runs):.0f} spells a run; {blind:.2f} of all events fall into one\n\n"
    )
    out(_table("detector", results))
    out(_table("signal", dict(sorted(signals.items(), key=lambda one: -mean(found.found for found in one[1])))))
    out("| strongest cause of the spell | spells | found by the pack |\n|---|---|---|\n")
    for cause, (count, hit) in sorted(causes.items(), key=lambda one: -one[1][0]):
        out(f"| {cause} | {count} | {hit / count:.2f} |\n")
    if "coached" in habits:
        out(_coached(bulk))
    if "rush" in habits:
        out(_unusual(waits))
    if not options.discard:
        for name, found in results.items():
            figures = dict(zip((*HEAD[:6], "lead to complaint", HEAD[7], "lead to churn"), row(found), strict=True))
            note("bench_detection", f"{name}; {conditions}", figures)


def _others(habits: Sequence[str], trouble: float, outspoken: float) -> str:
    """Settings that are not the usual ones."""
    told = [f"with {', '.join(habits)}"] if habits else []
    told += [f"trouble {trouble:g}"] if trouble != 1.0 else []
    told += [f"outspoken {outspoken:g}"] if outspoken != 1.0 else []
    return "".join(f", {one}" for one in told)


def _coached(found: Sequence[Bulk]) -> str:
    """Coached answers against those that are doubted."""
    seconds = [one.seconds for one in found if one.seconds is not None]
    cells = (
        f"{sum(one.bursts for one in found)} ({sum(one.coached for one in found)} answers)",
        _spread([one.precision for one in found]),
        _spread([one.recall for one in found]),
        _share(sum(one.bursts_found for one in found), sum(one.bursts for one in found)),
        f"{median(seconds):.0f} s" if seconds else "–",
        _spread([one.honest_doubted for one in found]),
    )
    head = "coached bursts", "precision", "recall", "bursts found", "first doubt after", "honest crowds doubted"
    return f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}\n| {' | '.join(cells)} |\n"


def _unusual(found: Sequence[Waits]) -> str:
    """Waits that were told as unusual, against the hours that were."""
    signals, odd = sum(one.signals for one in found), sum(one.odd for one in found)
    blind = [one.blind for one in found if one.blind is not None]
    cells = (
        str(signals),
        _share(odd, signals),
        str(sum(one.waits for one in found)),
        f"{mean(blind):.3f}" if blind else "–",
    )
    head = "waited_beyond_usual", "in an hour that is full where it never is", "waits", "of which in such an hour"
    return f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}\n| {' | '.join(cells)} |\n"


def _table(first: str, rows: dict[str, list[Found]]) -> str:
    lines = [f"| {' | '.join((first, *HEAD))} |", f"|{'---|' * (len(HEAD) + 1)}"]
    lines += [f"| {' | '.join((name, *row(found)))} |" for name, found in rows.items()]
    return "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    main()
