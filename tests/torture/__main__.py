"""`python -m tests.torture`: plays scenarios against the real program and says what held. Exit code 1 if anything did not.

`make torture SEED=7 SCENARIOS=kills,zombie MINUTES=30`; `make torture-mutations` asks whether the harness would notice.
"""

import argparse
import logging
import random
import sys
import time
from pathlib import Path

from tests.torture import report
from tests.torture.catalogue import SCENARIOS, chosen
from tests.torture.environment import Environment, environment
from tests.torture.mutations import chosen as mistakes
from tests.torture.play import Result, Scenario, play


def say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seed", default="", help="what chance begins with; default: drawn and printed")
    parser.add_argument("--scenarios", default="", help="names, or how they begin, separated by commas; default: all")
    parser.add_argument(
        "--minutes",
        default="",
        help="play again with the next seed until so much time is over; `long run` alone lasts so long",
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of message counts and outages; 1: the full tier")
    parser.add_argument("--out", type=Path, default=Path("torture-report"), help="folder of the report")
    parser.add_argument("--mutations", action="store_true", help="make mistakes on purpose: each must be noticed")
    parser.add_argument("--list", action="store_true", help="the scenarios")
    return parser.parse_args()


def one(env: Environment, scenario: Scenario, seed: int, args: argparse.Namespace, label: str) -> Result:
    """Plays it and says how it went."""
    say(f"{label} {scenario.name} … ", end="")
    env.heal()
    folder = env.folder / f"{label.strip('[]').replace('/', '-')}-{seed}"
    alone = len(chosen(args.scenarios)) == 1
    minutes = float(args.minutes) if args.minutes and alone else None
    result = play(scenario, env.kafka, env.clickhouse, folder, seed, args.scale, minutes=minutes)
    say(f"{'green' if result.green else 'RED'} in {result.seconds:.0f} s")
    for name, finding in result.findings.items():
        if not finding.holds:
            say(f"    ✗ {name}: {finding.said}")
    if kept := report.keep_logs(folder, args.out, result):
        say(f"    logs in {kept}")
    return result


def torture(args: argparse.Namespace, seed: int) -> int:
    """Rounds over the scenarios. The report is written after each of them: a run that is cut off leaves what it has."""
    scenarios = chosen(args.scenarios)
    deadline = time.monotonic() + float(args.minutes) * 60 if args.minutes else None
    by_name = {scenario.name: scenario for scenario in scenarios}
    results: list[Result] = []
    with environment() as env:
        for turn in range(10_000 if deadline else 1):
            for number, scenario in enumerate(scenarios, 1):
                if deadline and time.monotonic() > deadline:
                    break
                results.append(one(env, scenario, seed + turn, args, f"[{turn + 1}.{number}/{len(scenarios)}]"))
                played = {result.scenario for result in results}
                text = report.markdown(results, by_name, seed, [name for name in by_name if name not in played])
                path = report.write(args.out, "report", text, results)
            if deadline and time.monotonic() > deadline:
                break
    red = [f"{result.scenario} (seed {result.seed})" for result in results if not result.green]
    say(f"{len(results) - len(red)} of {len(results)} green, seed {seed}, report in {path}")
    if red:
        say(f"red: {', '.join(red)}")
    return 1 if red else 0


def mutate(args: argparse.Namespace, seed: int) -> int:
    """Each mistake alone. Exit code 1 if one was not noticed."""
    found = []
    mutations = mistakes(args.scenarios)
    with environment() as env:
        for number, mutation in enumerate(mutations, 1):
            say(f"[{number}/{len(mutations)}] {mutation.name} … ", end="")
            env.heal()
            folder = env.folder / f"mutation-{number}"
            result = play(
                mutation.scenario,
                env.kafka,
                env.clickhouse,
                folder,
                seed,
                args.scale,
                mutation.mistakes,
                mutation.migrate,
            )
            found.append((mutation, result))
            red = [name for name, finding in result.findings.items() if not finding.holds]
            seen = report.noticed(mutation, result)
            say(f"{'noticed' if seen else 'NOT NOTICED'} in {result.seconds:.0f} s: {', '.join(red)}")
            if not seen:
                say("\n".join(f"    {name}: {finding.said}" for name, finding in result.findings.items()))
    path = report.write(args.out, "mutations", report.of_mutations(found), [result for _, result in found])
    missed = sum(not report.noticed(mutation, result) for mutation, result in found)
    say(f"{len(found) - missed} of {len(found)} mistakes noticed, seed {seed}, report in {path}")
    return 1 if missed else 0


def main() -> int:
    args = arguments()
    if args.list:
        say("\n".join(f"{each.name:20} {each.about}" for each in SCENARIOS))
        return 0
    logging.getLogger("clickhouse_driver").setLevel("CRITICAL")
    logging.getLogger("kafka").setLevel("CRITICAL")
    seed = int(args.seed) if args.seed else random.SystemRandom().randrange(1_000_000)
    say(f"seed {seed}")
    try:
        return mutate(args, seed) if args.mutations else torture(args, seed)
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
