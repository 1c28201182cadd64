"""The trade between latency and cost: a transaction each 20 to 1,000 ms, and what that does to a stream and to a backlog.

    python -m benchmarks.bench_commit [--picture docs/commit.svg] [--intervals 20,50,100,200,500,1000] [--rate 2000]

Retail pack, real Kafka, one worker, no sink. For each interval the worker empties a backlog (events/s), then gets a stream sent by
the clock (ms from an event's scheduled time until its action is in Kafka, CPU an event). Both settings,
TOUCHSTONE_WORKER_COMMIT_INTERVAL_MS and TOUCHSTONE_WORKER_EAGER_COMMIT_MS, have the interval. Appends rows to benchmarks/results.csv.
"""

import argparse
import math
import os
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.bench_pipeline import backlog, caused, cpu_seconds, send_on_time, simulated
from benchmarks.panels import DRAWN
from benchmarks.results import note
from deploy.local import ports
from deploy.local.stack import Stack, local_stack
from schemas.events import Feedback, Touchpoint
from streams.admin import Admin
from streams.packs_folder import audiences, find
from streams.packs_in_force import activate
from streams.settings import Settings
from streams.topics import create

# All of them: how long a transaction waits for another event, whoever waits for it.
COMMIT_SETTINGS: Final = ("worker_commit_interval_ms", "worker_eager_commit_ms", "worker_relaxed_commit_ms")


class Load(NamedTuple):
    """`events` are the backlog's, the rest is the stream's."""

    events: int
    rate: float
    seconds: float
    customers: int

    def __str__(self) -> str:
        return f"backlog of {self.events}, {self.rate:.0f}/s for {self.seconds:.0f} s, {self.customers} customers"


# One round first, of which nothing is told: the broker is new.
WARM_UP: Final = Load(events=10_000, rate=1000.0, seconds=2.0, customers=1000)
WARM_UP_MS: Final = 100
AFTERWARDS_SECONDS: Final = 3.0


def of_interval(stack: Stack, settings: Settings, load: Load) -> dict[str, float]:
    """Figures of one interval, on topics of its own."""
    os.environ |= {
        "TOUCHSTONE_KAFKA_PREFIX": settings.kafka_prefix,
        "TOUCHSTONE_WORKER_COMMIT_INTERVAL_MS": str(settings.worker_commit_interval_ms),
        "TOUCHSTONE_WORKER_EAGER_COMMIT_MS": str(settings.worker_eager_commit_ms),
        "TOUCHSTONE_WORKER_RELAXED_COMMIT_MS": str(settings.worker_relaxed_commit_ms),
    }
    with Admin(settings) as admin:
        create(admin, settings, audiences(settings))
    activate(find("retail", settings), settings, at="beginning", brand=None)
    drained = backlog(stack, settings, load.events, load.customers)
    try:
        streamed = stream(stack, settings, load)
    finally:
        stack.supervisor.stop("worker")
    with Admin(settings) as admin:
        admin.delete([name for name in admin.topics() if name.startswith(settings.kafka_prefix)])
    return {"events/s": drained["events/s"], "CPU µs/event": drained["CPU µs/event"], **streamed}


def stream(stack: Stack, settings: Settings, load: Load) -> dict[str, float]:
    """Sent by the clock, to a worker that has nothing else to do."""
    count = int(load.rate * load.seconds)
    records = [one for one in simulated(count, load.customers) if isinstance(one, Touchpoint | Feedback)]
    began_us = time.time_ns() // 1000 + 500_000
    due = [began_us + int(number / load.rate * 1e6) for number in range(len(records))]
    before = cpu_seconds(stack, ("worker", "kafka"))
    send_on_time(settings, records, due)
    spent = {name: cpu - before[name] for name, cpu in cpu_seconds(stack, ("worker", "kafka")).items()}
    time.sleep(AFTERWARDS_SECONDS)
    found = sorted(
        arrived_ms - cause_us / 1000 for _, _, cause_us, arrived_ms in caused(settings, began_us // 1000, due)
    )
    return {
        "event to action p50 ms": quantile(found, 0.5),
        "event to action p99 ms": quantile(found, 0.99),
        "event to action n": len(found),
        **{f"{name} CPU µs/event": cpu / len(records) * 1e6 for name, cpu in spent.items()},
    }


def quantile(ordered: list[float], share: float) -> float:
    """Not a number where nothing was measured."""
    return ordered[int(share * (len(ordered) - 1))] if ordered else math.nan


def main() -> None:
    """Each interval in turn, printed and noted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--intervals", default="20,50,100,200,500,1000", help="ms, separated by commas; %(default)s")
    parser.add_argument("--rate", type=float, default=2000.0, help="events/s of the stream; %(default)s")
    parser.add_argument("--seconds", type=float, default=10.0, help="of the stream; %(default)s")
    parser.add_argument("--events", type=int, default=60_000, help="of the backlog; %(default)s")
    parser.add_argument("--customers", type=int, default=5_000, help="%(default)s")
    parser.add_argument("--picture", type=Path, help="then draw the newest rows of each interval, as SVG")
    asked = parser.parse_args()
    load = Load(asked.events, asked.rate, asked.seconds, asked.customers)
    rounds = [(WARM_UP_MS, WARM_UP), *((int(each), load) for each in asked.intervals.split(","))]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(kafka_brokers=f"127.0.0.1:{ports.free_port()}", local_dir=Path(folder))
        os.environ["TOUCHSTONE_KAFKA_BROKERS"] = settings.kafka_brokers
        with local_stack(settings, without=("clickhouse", "schemas")) as stack:
            for number, (interval, given) in enumerate(rounds):
                each = dict.fromkeys(COMMIT_SETTINGS, interval)
                busy = os.getloadavg()[0]
                of_this = settings.model_copy(update={"kafka_prefix": f"each-{interval}-{number}-", **each})
                figures = of_interval(stack, of_this, given)
                if given is not WARM_UP:
                    told(conditions(interval, given, busy), figures)
    if asked.picture:
        from benchmarks.pictures import draw

        draw(asked.picture, *DRAWN["commit"])


def conditions(interval_ms: int, load: Load, busy: float) -> str:
    """`busy`: load average before."""
    return f"a transaction each {interval_ms} ms; {load}; load {busy:.1f}"


def told(conditions: str, figures: dict[str, float]) -> None:
    """Printed and noted."""
    shown = {name: f"{value:.0f}" for name, value in figures.items()}
    print(conditions, shown, flush=True)
    note("bench_commit", conditions, shown)


if __name__ == "__main__":
    main()
