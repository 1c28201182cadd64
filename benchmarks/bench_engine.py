"""Detection job v0 on a real broker: Touchstone and its peers in turn, on the same topics, and whether each is right.

    python -m benchmarks.bench_engine [--engines touchstone,kafka-streams-eos] [--touchpoints 1000000] [--rounds 3] [--zipf]

Without --brokers it starts a broker of its own. Below the table stands how Touchstone does beside each peer, against its goals.
Ends with 1 when Touchstone fails or is not right; a peer that is missing or wrong is told in the table, a goal that is not
reached below it. Says the conditions with the figures: nothing else should run.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.detection import Detection
from benchmarks.detection_input import PARTITIONS, records
from benchmarks.peers import engines
from benchmarks.peers.engine import Engine, Missing
from benchmarks.peers.goals import judged
from benchmarks.peers.rounds import Bench, Input, make_input
from benchmarks.peers.table import OURS, Result, figures, table
from benchmarks.peers.watch import Failed
from benchmarks.results import note
from deploy.local import jars, ports
from deploy.local.kafka import Broker, default_cache
from streams.engine.job import Message
from streams.errors import Unavailable


def job_alone(touchpoints: int = 100_000) -> float:
    """CPU µs an event of the job without engine and Kafka, in inner batches of 50: says how fast the machine is just now."""
    job = Detection()
    states: dict[bytes, bytes | None] = {}
    events = list(records(touchpoints))
    began = time.process_time()
    for start in range(0, len(events), 50):
        groups: dict[bytes, list[Any]] = {}
        for topic, key, value, _at in events[start : start + 50]:
            groups.setdefault(key, []).append(job.decode(Message(topic, 0, 0, 0, key, value)).value)
        for key, inputs in groups.items():
            states[key] = job.step(key, states.get(key), inputs, None).state
    return round((time.process_time() - began) / len(events) * 1e6, 1)


@contextmanager
def a_broker(named: str) -> Iterator[tuple[str, int | None]]:
    """Address and process id: the one that is named (whose process is not ours to measure), else a new one."""
    if named:
        yield named, None
        return
    jars.fetch(jars.missing(default_cache()), default_cache())
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder), ports.free_port())
        broker.start()
        try:
            broker.wait()
            assert broker.child is not None
            yield broker.bootstrap, broker.child.pid
        finally:
            broker.stop()


def prepare(chosen: list[Engine], reasons: dict[str, str]) -> dict[str, str]:
    """Versions by engine; why there is none goes to `reasons`."""
    versions = {}
    for engine in chosen:
        try:
            versions[engine.name] = engine.prepare()
        except Missing as reason:
            reasons[engine.name] = str(reason).splitlines()[0]
            say(f"{engine.name}: not measured: {reason}")
    return versions


def run_rounds(
    bench: Bench, chosen: list[Engine], inputs: dict[str, Input], rounds: int, reasons: dict[str, str]
) -> dict[str, list[Result | None]]:
    """By engine a result a round, None where it failed: why goes to `reasons`. Each round begins with another engine."""
    found: dict[str, list[Result | None]] = {engine.name: [] for engine in chosen}
    for number in range(rounds):
        first = number % len(chosen)
        for engine in chosen[first:] + chosen[:first]:
            load = os.getloadavg()[0]
            result = None
            try:
                result = bench.measure(engine, inputs[engine.name])
                say(
                    json.dumps({"round": number, "engine": engine.name, "load_before": round(load, 1), **_line(result)})
                )
            except (Failed, Unavailable) as error:
                reasons[engine.name] = f"round {number} failed: {str(error).splitlines()[0]}"
                say(f"round {number} {engine.name}: failed: {error}")
            found[engine.name].append(result)
    return found


def _line(result: Result) -> dict[str, Any]:
    said = {name: value for name, value in result.measured.said.items() if name not in ("first", "last")}
    return {
        "messages": result.measured.messages,
        "events_per_second": round(result.rate),
        "events_per_second_to_commit": round(result.rate_to_commit),
        "cpu_us_per_event": round(result.cpu_us, 1),
        "memory_mb": result.measured.memory_mb,
        "right": str(result.verdict),
        **said,
    }


def measure(arguments: argparse.Namespace, chosen: list[Engine], brokers: str, broker_pid: int | None) -> int:
    """Exit code."""
    reasons: dict[str, str] = {}
    versions = prepare(chosen, reasons)
    chosen = [engine for engine in chosen if engine.name in versions]
    whole = arguments.touchpoints
    sizes = {engine.name: min(whole, engine.most_touchpoints or whole) for engine in chosen}
    made = {size: make_input(brokers, size, zipf=arguments.zipf) for size in set(sizes.values())}
    inputs = {name: made[size] for name, size in sizes.items()}
    load, alone = os.getloadavg()[0], job_alone()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(brokers, Path(folder), commit_seconds=arguments.interval_ms / 1000, broker_pid=broker_pid)
        rounds = run_rounds(bench, chosen, inputs, arguments.rounds, reasons)
    conditions = (
        f"{'Zipf' if arguments.zipf else 'uniform'} draw, {PARTITIONS} partitions, commit {arguments.interval_ms} ms, "
        f"{arguments.rounds} rounds; load {load:.1f}; job alone {alone} µs"
    )
    say(
        f"\n{conditions} of CPU an event without engine and Kafka\n{table(rounds, reasons)}\n\n{judged(rounds)}".rstrip()
    )
    if not arguments.discard:
        for name, size in sizes.items():
            named = {f"{name} {figure}": value for figure, value in figures(rounds, name).items()}
            note("bench_engine", f"{versions[name]}; {size} touchpoints, {conditions}", named)
    return 0 if all(result is not None and result.verdict.right for result in rounds.get(OURS, ())) else 1


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def what_they_are() -> str:
    """A line an engine, for --help."""
    width = max(map(len, engines.KINDS))
    lines = [f"  {name.ljust(width)}  {kind}" for name, kind in engines.KINDS.items()]
    return "\n".join(
        ["engines, each in a process of its own, on the same topics, with the same commit interval:", *lines]
    )


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=what_they_are(), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--engines", default=",".join(engines.NAMES), help="separated by commas, see below; default: all"
    )
    parser.add_argument(
        "--touchpoints", type=int, default=1_000_000, help="a feedback to 20 more; default: %(default)s"
    )
    parser.add_argument("--rounds", type=int, default=1, help="each begins with another engine; default: %(default)s")
    parser.add_argument("--zipf", action="store_true", help="few customers have most of the events")
    parser.add_argument("--interval-ms", type=int, default=1000, help="commit interval, of every engine")
    parser.add_argument("--brokers", default="", help="host:port")
    parser.add_argument("--delivery", default="exactly_once", help="Touchstone's")
    parser.add_argument("--profile", default="", help="cProfile's FILE, of Touchstone's worker")
    parser.add_argument("--kafka-streams-store", choices=("memory", "rocksdb"), default="memory")
    parser.add_argument("--kafka-streams-cache-mb", type=int, default=256, help="0: every change goes to the changelog")
    parser.add_argument(
        "--kafka-streams-commit-ms", type=int, help="another commit interval; its exactly-once default is 100"
    )
    parser.add_argument(
        "--peers-folder", type=Path, default=engines.cache_folder(), help="environments and classes; %(default)s"
    )
    parser.add_argument("--discard", action="store_true", help="add no rows to results.csv")
    arguments = parser.parse_args()
    names = arguments.engines.split(",")
    unknown = set(names) - set(engines.NAMES)
    if unknown:
        parser.error(f"unknown engine {', '.join(sorted(unknown))}; there are {', '.join(engines.NAMES)}")
    arguments.peers_folder.mkdir(parents=True, exist_ok=True)
    chosen = engines.choose(
        names,
        delivery=arguments.delivery,
        profile=arguments.profile,
        folder=arguments.peers_folder.absolute(),
        store=arguments.kafka_streams_store,
        cache_mb=arguments.kafka_streams_cache_mb,
        commit_ms=arguments.kafka_streams_commit_ms,
    )
    with a_broker(arguments.brokers) as (brokers, broker_pid):
        code = measure(arguments, chosen, brokers, broker_pid)
    sys.exit(code)


if __name__ == "__main__":
    main()
