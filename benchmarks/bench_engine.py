"""Detection job v0 through the engine, on a real broker: events/s, CPU µs an event, memory, and whether the result is right.

    python -m benchmarks.bench_engine [--touchpoints 1000000] [--zipf] [--delivery at_least_once] [--brokers host:port]
                                      [--profile FILE] [--rounds 3]

Without --brokers it starts a broker of its own. Says the conditions with the figures: nothing else should run.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from benchmarks.detection import ACTIONS, FEEDBACK, TOUCHPOINTS, Detection
from benchmarks.detection_input import PARTITIONS, records, write
from deploy.local import jars, ports
from deploy.local.kafka import Broker, default_cache
from streams import metrics
from streams.admin import Admin, TopicSpec
from streams.connect.log import read_log
from streams.engine.job import Message
from streams.engine.worker import run
from streams.settings import Settings


class Measured(Detection):
    """Notes when the first event is decoded."""

    first_at = 0.0
    first_cpu = 0.0

    def decode(self, message: Message) -> Any:
        if not Measured.first_at:
            Measured.first_at, Measured.first_cpu = time.perf_counter(), time.process_time()
        return super().decode(message)


def committed() -> float:
    """Inputs in committed transactions of this process."""
    return sum(
        metrics.inputs_total.labels(topic)._value.get()  # the client library has no public way to read a counter
        for topic in (TOUCHPOINTS, FEEDBACK)
    )


def work(settings: Settings, messages: int) -> None:
    """In a process of its own: run until everything is committed, then say the figures."""
    loaded = time.process_time()

    def watch() -> None:
        while committed() < messages:
            time.sleep(0.01)
        seconds, cpu = time.perf_counter() - Measured.first_at, time.process_time() - Measured.first_cpu
        figures = {
            "events_per_second": round(messages / seconds),
            "cpu_us_per_event": round(cpu / messages * 1e6, 1),
            "cpu_us_per_event_with_start": round((time.process_time() - loaded) / messages * 1e6, 1),
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "commits": int(metrics.commits_total.labels("detection")._value.get()),
        }
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    run([Measured()], settings)


def right(touchpoints: int, zipf: bool) -> set[bytes]:
    """Ids of the actions of the two topics processed in order of event time."""
    job = Detection()
    states: dict[bytes, bytes | None] = {}
    found: set[bytes] = set()
    for topic, key, value in records(touchpoints, zipf=zipf):
        decoded = job.decode(Message(topic, 0, 0, 0, key, value))
        step = job.step(key, states.get(key), [decoded.value], None)
        states[key] = step.state
        found |= {output.value for output in step.outputs if output.value}
    return found


def job_alone(touchpoints: int = 100_000) -> float:
    """CPU µs an event of the job without engine and Kafka, in inner batches of 50: says how fast the machine is just now."""
    job = Detection()
    states: dict[bytes, bytes | None] = {}
    events = list(records(touchpoints))
    began = time.process_time()
    for start in range(0, len(events), 50):
        groups: dict[bytes, list[Any]] = {}
        for topic, key, value in events[start : start + 50]:
            groups.setdefault(key, []).append(job.decode(Message(topic, 0, 0, 0, key, value)).value)
        for key, inputs in groups.items():
            states[key] = job.step(key, states.get(key), inputs, None).state
    return round((time.process_time() - began) / len(events) * 1e6, 1)


def one_round(arguments: argparse.Namespace, brokers: str, expected: set[bytes]) -> dict[str, Any]:
    """Fresh topics, a fresh worker."""
    settings = Settings(
        kafka_brokers=brokers,
        kafka_prefix=f"bench-{uuid.uuid4().hex[:8]}-",
        worker_delivery=arguments.delivery,
        worker_commit_interval_ms=arguments.interval_ms,
    )
    config = {"message.timestamp.type": "LogAppendTime"}
    names = {TOUCHPOINTS: 4, FEEDBACK: 4, ACTIONS: 4, "cx-detection-changelog": 4, "cx-dead-letters": 1}
    with Admin(settings) as admin:
        admin.create(TopicSpec(settings.topic(name), count, 1, config) for name, count in names.items())
    messages = asyncio.run(write(settings, arguments.touchpoints, zipf=arguments.zipf))
    environment = os.environ | {
        "TOUCHSTONE_KAFKA_BROKERS": brokers,
        "TOUCHSTONE_KAFKA_PREFIX": settings.kafka_prefix,
        "TOUCHSTONE_WORKER_DELIVERY": settings.worker_delivery,
        "TOUCHSTONE_WORKER_COMMIT_INTERVAL_MS": str(settings.worker_commit_interval_ms),
    }
    command = [sys.executable, *(["-m", "cProfile", "-o", arguments.profile] if arguments.profile else [])]
    child = subprocess.run(
        [*command, "-m", "benchmarks.bench_engine", "--work", str(messages)],
        env=environment, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    figures: dict[str, Any] = json.loads(child.stdout.splitlines()[0])
    actions = [message.value for message in read_log(settings, [ACTIONS])]  # as a read-committed reader finds them
    figures["actions"] = len(actions)
    figures["right"] = len(actions) == len(expected) and set(actions) == expected
    with Admin(settings) as admin:
        admin.delete([settings.topic(name) for name in names])
    return figures


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--touchpoints", type=int, default=1_000_000)
    parser.add_argument("--zipf", action="store_true")
    parser.add_argument("--delivery", default="exactly_once")
    parser.add_argument("--interval-ms", type=int, default=1000)
    parser.add_argument("--brokers", default="")
    parser.add_argument("--profile", default="")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--work", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        from streams import settings

        work(settings.current(), arguments.work)
        return
    expected = right(arguments.touchpoints, arguments.zipf)
    with tempfile.TemporaryDirectory() as folder:
        broker = None
        if not arguments.brokers:
            jars.fetch(jars.missing(default_cache()), default_cache())
            broker = Broker(Path(folder), ports.free_port())
            broker.start()
            broker.wait()
        try:
            for _ in range(arguments.rounds):
                load = os.getloadavg()[0]
                alone = job_alone()
                figures = one_round(arguments, arguments.brokers or broker.bootstrap, expected)  # type: ignore[union-attr]
                sys.stdout.write(
                    json.dumps(
                        {"load_before": round(load, 1), "job_alone_cpu_us": alone, "partitions": PARTITIONS, **figures}
                    )
                    + "\n"
                )
                sys.stdout.flush()
        finally:
            if broker is not None:
                broker.stop()


if __name__ == "__main__":
    main()
