"""What an event costs when the same backlog lies in more partitions: detection job v0, one worker, exactly once, a commit a second.

In: partition counts. Out: by count, CPU µs an event of worker and broker, events/s, seconds until all tasks have begun. Each
partition is a task with a producer and a transaction of its own.
"""

import tempfile
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.bench_engine import a_broker
from benchmarks.peers.engines import Touchstone
from benchmarks.peers.rounds import Bench, make_input
from benchmarks.peers.table import Result

PARTITIONS: Final = (1, 4, 16, 64)
TOUCHPOINTS: Final = 300_000
ROUNDS: Final = 3


def of_partitions(counts: tuple[int, ...] = PARTITIONS) -> dict[int, dict[str, float]]:
    """All counts in turn, several rounds; the median of each figure. Raises RuntimeError when a run is not right."""
    with a_broker("") as (brokers, broker_pid), tempfile.TemporaryDirectory() as folder:
        inputs = {count: make_input(brokers, TOUCHPOINTS, zipf=False, partitions=count) for count in counts}
        bench = Bench(brokers, Path(folder), commit_seconds=1.0, broker_pid=broker_pid)
        rounds: dict[int, list[Result]] = {count: [] for count in counts}
        for _ in range(ROUNDS):
            for count, given in inputs.items():
                result = bench.measure(Touchstone(), given)
                if not result.verdict.right:
                    raise RuntimeError(f"with {count} partitions the actions are not right: {result.verdict}")
                rounds[count].append(result)
    return {count: _figures(results) for count, results in rounds.items()}


def _figures(results: list[Result]) -> dict[str, float]:
    return {
        "µs/event": median(each.cpu_us for each in results),
        "broker µs/event": median(each.broker_cpu_us or 0.0 for each in results),
        "events/s": median(each.rate for each in results),
        "memory MB": max(each.measured.memory_mb for each in results),
        "transactions": median(each.measured.said.get("commits", 0.0) for each in results),
    }
