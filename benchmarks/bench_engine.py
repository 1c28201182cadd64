"""Detection job v0 on a real broker: Touchstone and its peers in turn, on the same topics, and whether each is right.

    python -m benchmarks.bench_engine [--engines touchstone,kafka-streams-eos] [--touchpoints 1000000] [--rounds 3] [--zipf]

Without --brokers it starts a broker of its own. Ends with 1 when Touchstone has not run or is not right; a peer that is
missing or wrong is told in the table. Says the conditions with the figures: nothing else should run.
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

from benchmarks.bench_pipeline import note
from benchmarks.detection import Detection
from benchmarks.detection_input import PARTITIONS, records
from benchmarks.peers import engines
from benchmarks.peers.engine import Engine, Missing
from benchmarks.peers.rounds import Bench, Input, make_input
from benchmarks.peers.table import OURS, Result, figures, table
from benchmarks.peers.watch import Failed
from deploy.local import jars, ports
from deploy.local.kafka import Broker, default_cache
from streams.engine.job import Message


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


def prepare(chosen: list[Engine], missing: dict[str, str]) -> dict[str, str]:
    """Versions by engine; why there is none goes to `missing`."""
    versions = {}
    for engine in chosen:
        try:
            versions[engine.name] = engine.prepare()
        except Missing as reason:
            missing[engine.name] = str(reason).splitlines()[0]
            say(f"{engine.name}: not measured: {reason}")
    return versions


def one_round(bench: Bench, order: list[Engine], inputs: dict[str, Input], number: int) -> dict[str, Result | str]:
    """By engine: its result, or why it failed."""
    found: dict[str, Result | str] = {}
    for engine in order:
        load = os.getloadavg()[0]
        try:
            result = bench.measure(engine, inputs[engine.name])
        except Failed as error:
            found[engine.name] = str(error)
            say(f"round {number} {engine.name}: failed: {error}")
            continue
        found[engine.name] = result
        say(json.dumps({"round": number, "engine": engine.name, "load_before": round(load, 1), **_line(result)}))
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
    missing: dict[str, str] = {}
    versions = prepare(chosen, missing)
    chosen = [engine for engine in chosen if engine.name in versions]
    sizes = {
        engine.name: min(arguments.touchpoints, engine.most_touchpoints or arguments.touchpoints) for engine in chosen
    }
    made = {size: make_input(brokers, size, zipf=arguments.zipf) for size in set(sizes.values())}
    inputs = {name: made[size] for name, size in sizes.items()}
    rounds: dict[str, list[Result | None]] = {engine.name: [] for engine in chosen}
    load, alone = os.getloadavg()[0], job_alone()
    with tempfile.TemporaryDirectory() as folder:
        seconds = arguments.interval_ms / 1000
        bench = Bench(brokers, Path(folder), commit_seconds=seconds, broker_pid=broker_pid)
        for number in range(arguments.rounds):
            at = number % len(chosen) if chosen else 0
            for name, result in one_round(bench, chosen[at:] + chosen[:at], inputs, number).items():
                rounds[name].append(None if isinstance(result, str) else result)
                if isinstance(result, str):
                    missing[name] = f"round {number} failed: {result.splitlines()[0]}"
    say(
        f"\nload {load:.1f} before; the job alone, without engine and Kafka: {alone} CPU µs/event; {PARTITIONS} partitions"
    )
    say(table(rounds, missing))
    for name, size in sizes.items():
        draw = "Zipf" if arguments.zipf else "uniform"
        conditions = (
            f"{name} {versions[name]}; {size} touchpoints, {draw} draw, commit {arguments.interval_ms} ms, "
            f"{arguments.rounds} rounds; load {load:.1f}; job alone {alone} µs"
        )
        if not arguments.discard:
            note(
                conditions,
                {f"{name} {figure}": value for figure, value in figures(rounds, name).items()},
                "bench_engine",
            )
    ours = rounds.get(OURS)
    return 0 if ours is None or all(result is not None and result.verdict.right for result in ours) else 1


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default=",".join(engines.NAMES), help="separated by commas; all: %(default)s")
    parser.add_argument("--touchpoints", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--zipf", action="store_true", help="few customers have most of the events")
    parser.add_argument("--interval-ms", type=int, default=1000, help="commit interval, of every engine")
    parser.add_argument("--brokers", default="", help="host:port")
    parser.add_argument("--delivery", default="exactly_once", help="Touchstone's")
    parser.add_argument("--profile", default="", help="cProfile's FILE, of Touchstone's worker")
    parser.add_argument("--kafka-streams-store", choices=("memory", "rocksdb"), default="memory")
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
        commit_ms=arguments.kafka_streams_commit_ms,
    )
    with a_broker(arguments.brokers) as (brokers, broker_pid):
        code = measure(arguments, chosen, brokers, broker_pid)
    sys.exit(code)


if __name__ == "__main__":
    main()
