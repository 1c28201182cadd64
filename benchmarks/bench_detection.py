"""How well dissatisfaction is found: the pack's episodes and signals, and three baselines, against the simulator's truth.

    python -m benchmarks.bench_detection [--company retail] [--pack FILE] [--seeds 5] [--customers 300] [--hours 10] [--scenario all]

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
from statistics import mean
from typing import Final, NamedTuple

from benchmarks.results import note
from benchmarks.unhappy import HOUR, Alarm, Found, Spell, by_cause, judge, spells, unhappy_share
from schemas.codec import Codec
from schemas.records import Cause, Episode, Feedback, Touchpoint
from streams.engine.job import Message, Output
from streams.experience.causes import is_signal
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf, first_pack
from streams.experience.subjects import Subjects
from streams.experience.surroundings import Limits
from streams.experience.text import default_analyser
from streams.packs_folder import BUILT_IN, read_pack
from streams.replay.driver import Driver
from streams.simulate import Happening, Plan, Simulation

START_US: Final = 1_772_355_600_000_000
TUNING_SEEDS: Final = (9001, 9002)
Event = Touchpoint | Feedback


class Run(NamedTuple):
    """One simulated run: what arrived, and the truth."""

    happenings: list[Happening]
    spells: list[Spell]
    end: int

    def events(self) -> Iterator[tuple[int, Event]]:
        """When they arrived, in that order."""
        for happening in self.happenings:
            if isinstance(happening.record, Touchpoint | Feedback):
                yield happening.arrival_us, happening.record


def simulated(plan: Plan) -> Run:
    """A whole run in memory."""
    simulation = Simulation(plan)
    happenings = list(simulation)
    return Run(happenings, spells(simulation.truth(), plan.end_us), plan.end_us)


# --- what is measured ---------------------------------------------------------------------------------------------


def decided(run: Run, pack: CompiledPack) -> tuple[list[Alarm], list[Alarm]]:
    """Alarms of the pack: when an episode opens, worsens or re-opens (kind: said or inferred); and every signal (kind: its name).

    Dated when the input arrived that brought them up: what is found out late is found late.
    """
    codec = Codec()
    driver = Driver(Subjects(codec, Shelf((pack,)), default_analyser(), Limits(HOUR, 500)))
    control = first_pack(pack)
    driver.control(_message("cx-controls", 0, control.control_id.encode(), codec.encode(control)))
    offsets: dict[str, int] = defaultdict(int)
    turns: dict[str, tuple[int, float]] = {}
    alarms: list[Alarm] = []
    signals: list[Alarm] = []

    def note_outputs(outputs: Iterable[Output], now: int) -> None:
        for output in outputs:
            if output.topic == "cx-causes":
                cause = codec.decode(output.value, Cause)
                if not is_signal(cause.cause):
                    continue
                signals.append(Alarm(cause.subject_id, now, cause.cause))
            elif output.topic == "cx-episodes":
                episode = codec.decode(output.value, Episode)
                before = turns.get(episode.episode_id, (-1, 0.0))
                worse = episode.reopened > before[0] or episode.peak_score >= before[1] + worsens_by
                if worse and episode.state != "closed":
                    alarms.append(Alarm(episode.subject_id, now, episode.origin))
                    turns[episode.episode_id] = (episode.reopened, episode.peak_score)

    worsens_by = pack.file.treatment.worsens_by
    for happening in run.happenings:
        record = happening.record
        if record is None or happening.topic not in ("cx-touchpoints", "cx-feedback", "cx-customers"):
            continue
        offset = offsets[happening.topic] = offsets[happening.topic] + 1
        message = _message(happening.topic, offset, happening.key, codec.encode(record))
        note_outputs(driver.take(message), happening.arrival_us)
    note_outputs(driver.advance(run.end), run.end)
    return alarms, signals


def _message(topic: str, offset: int, key: bytes, value: bytes) -> Message:
    return Message(topic, 0, offset, 0, key, value)


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
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--visits", type=float, default=0.5, help="an hour and customer")
    parser.add_argument("--late", type=float, default=0.01, help="share of events that arrive minutes late")
    parser.add_argument("--discard", action="store_true", help="add no rows to results.csv")
    options = parser.parse_args()
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
        )

    pack = read_pack(options.pack or BUILT_IN / f"{options.company}.yaml")
    baselines = tuned([simulated(plan(seed)) for seed in TUNING_SEEDS])
    runs = [simulated(plan(seed)) for seed in seeds]
    results: dict[str, list[Found]] = defaultdict(list)
    signals: dict[str, list[Found]] = defaultdict(list)
    causes: dict[str, tuple[int, int]] = {}
    for run in runs:
        alarms, given = decided(run, pack)
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
    if not options.discard:
        for name, found in results.items():
            figures = dict(zip((*HEAD[:6], "lead to complaint", HEAD[7], "lead to churn"), row(found), strict=True))
            note("bench_detection", f"{name}; {conditions}", figures)


def _table(first: str, rows: dict[str, list[Found]]) -> str:
    lines = [f"| {' | '.join((first, *HEAD))} |", f"|{'---|' * (len(HEAD) + 1)}"]
    lines += [f"| {' | '.join((name, *row(found)))} |" for name, found in rows.items()]
    return "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    main()
