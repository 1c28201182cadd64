"""Detection job v0 with 1, 2, 4 and 8 workers of one consumer group on this machine: is it right, and what do more workers add?

    python -m benchmarks.bench_cluster [--workers 1,2,4,8] [--partitions 8] [--touchpoints 400000]

Real Kafka. Workers beyond the machine's cores show that it stays right, not that it gets faster. Events/s from the first commit to
the last, over all workers; CPU is of all workers' processes, their start included. Appends rows to benchmarks/results.csv.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.bench_engine import a_broker
from benchmarks.detection import ACTIONS
from benchmarks.peers.outcome import judge
from benchmarks.peers.rounds import OUTPUT, Input, forget, make_input
from benchmarks.results import note
from streams.admin import Admin, TopicSpec
from streams.connect.log import read_log
from streams.engine.topology import WORKER_GROUP
from streams.settings import Settings

WAIT_SECONDS = 600


class Point(NamedTuple):
    """Monotonic time, messages committed so far."""

    at: float
    done: int


@contextmanager
def workers(count: int, given: Input, job: str, brokers: str, folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Worker processes of one group; stopped at the end."""
    environment = {**os.environ, "TOUCHSTONE_KAFKA_BROKERS": brokers, "TOUCHSTONE_KAFKA_PREFIX": given.prefix}
    arguments = json.dumps({"name": job, "actions": f"{job}-{ACTIONS}", "messages": given.messages})
    command = [sys.executable, "-m", "benchmarks.peers.touchstone_job", arguments]
    with (folder / f"{job}.log").open("wb") as log:
        running = [
            subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log) for _ in range(count)
        ]
        try:
            yield running
        finally:
            for worker in running:
                worker.terminate()
            for worker in running:
                worker.wait(60)


def measure(count: int, given: Input, brokers: str, partitions: int, folder: Path) -> dict[str, str]:
    """One size of the group. Raises RuntimeError when a worker ends or it takes too long."""
    settings = Settings(kafka_brokers=brokers, kafka_prefix=given.prefix)
    job = f"cluster-{count}-{uuid.uuid4().hex[:6]}"
    group = settings.topic(WORKER_GROUP)
    with Admin(settings) as admin:
        names = [settings.topic(name) for name in (f"{job}-{ACTIONS}", f"cx-{job}-changelog")]
        admin.create(TopicSpec(name, partitions, 1, OUTPUT) for name in names)
        with workers(count, given, job, brokers, folder) as running:
            points = until_committed(admin, group, given, running)
            cpu = sum(sum(psutil.Process(worker.pid).cpu_times()[:2]) for worker in running)
        forget(brokers, group)
    told = (message.value for message in read_log(settings, [f"{job}-{ACTIONS}"]) if message.value is not None)
    first, last = points[0], points[-1]
    return {
        "events/s": f"{(last.done - first.done) / max(0.001, last.at - first.at):.0f}",
        "CPU µs/event": f"{cpu / given.messages * 1e6:.1f}",
        "right": str(judge(given.expected, told)),
    }


def until_committed(admin: Admin, group: str, given: Input, running: list[subprocess.Popen[bytes]]) -> list[Point]:
    """What the group had committed, from the first commit on."""
    points: list[Point] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while not points or points[-1].done < given.messages:
        done = sum(admin.group_offsets(group).get(at, 0) for at in given.ends)
        if done:
            points.append(Point(time.monotonic(), done))
        if any(worker.poll() is not None for worker in running):
            raise RuntimeError("a worker ended")
        if time.monotonic() > deadline:
            raise RuntimeError(f"not done after {WAIT_SECONDS} s: {done} of {given.messages}")
        time.sleep(0.1)
    return points


def main() -> None:
    """Each size in turn, on the same topics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="1,2,4,8")
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--touchpoints", type=int, default=400_000)
    asked = parser.parse_args()
    wrong = False
    with a_broker("") as (brokers, _), tempfile.TemporaryDirectory() as folder:
        given = make_input(brokers, asked.touchpoints, zipf=False, partitions=asked.partitions)
        for count in (int(each) for each in asked.workers.split(",")):
            load = os.getloadavg()[0]
            figures = measure(count, given, brokers, asked.partitions, Path(folder))
            conditions = (
                f"{count} workers, {asked.partitions} partitions, {asked.touchpoints} touchpoints; load {load:.1f}"
            )
            print(conditions, figures, flush=True)
            note("bench_cluster", conditions, figures)
            wrong |= figures["right"] != "yes"
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
