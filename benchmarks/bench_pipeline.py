"""The whole live pipeline on the retail pack: one worker empties a backlog (events/s), then an open-loop stream at a given rate.

    python -m benchmarks.bench_pipeline --events 200000 --rate 5000 --seconds 30

Real Kafka, real ClickHouse engine, one worker, one sink, all on this machine. The backlog comes from the simulator. In the stream
each event has a scheduled time of sending, which is also its event time: seconds to the action are counted from there, so a
sender that falls behind does not hide what waits (no coordinated omission). Appends a row to benchmarks/results.csv.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple
from urllib.request import urlopen

import psutil
from confluent_kafka import Producer

from benchmarks.results import note
from deploy.local import ports
from deploy.local.stack import Stack, local_stack, touchstone
from schemas.codec import Codec
from schemas.decisions import Action
from schemas.events import ActionUpdate, Customer, Event, Feedback, Touchpoint
from sinks.migrations import migrate
from sinks.source import GROUP
from streams.admin import Admin
from streams.connect.log import read_log
from streams.demo.screen import at
from streams.demo.visible import Visible
from streams.engine.topology import WORKER_GROUP
from streams.packs_folder import audiences, find
from streams.packs_in_force import activate
from streams.settings import Settings
from streams.simulate import Plan, Simulation
from streams.simulate.plan import hours_for
from streams.topics import create

VISITS_PER_HOUR: Final = 2.0
INPUTS: Final = ("cx-customers", "cx-touchpoints", "cx-feedback", "cx-action-updates")


class Message(NamedTuple):
    """Topic without prefix, key, value."""

    topic: str
    key: bytes
    value: bytes


def simulated(count: int, customers: int) -> Iterator[Event]:
    """Records of a simulated shop, the oldest first; the newest is of now, so that no gap in event time fires old timers."""
    hours_back = hours_for(count, customers, VISITS_PER_HOUR)
    start_us = time.time_ns() // 1000 - int(hours_back * 3_600_000_000)
    plan = Plan(
        start_us=start_us,
        customers=customers,
        hours=hours_back,
        visits_per_hour=VISITS_PER_HOUR,
        events=count,
        malformed=0.0,
        late=0.0,
    )
    for happening in Simulation(plan, Codec()):
        if isinstance(happening.record, Event) and happening.topic in INPUTS:
            yield happening.record


def producer(settings: Settings) -> Producer:
    """librdkafka with the partitioner of everybody else."""
    return Producer(
        {
            "bootstrap.servers": settings.kafka_brokers,
            "partitioner": "murmur2_random",
            "acks": "all",
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
        }
    )


def send_all(settings: Settings, records: Iterable[Event]) -> int:
    """As fast as it goes; how many."""
    codec, out, count = Codec(), producer(settings), 0
    for record in records:
        message = encoded(codec, record)
        out.produce(settings.topic(message.topic), message.value, message.key)
        count += 1
        if count % 1000 == 0:
            out.poll(0)
    out.flush(120)
    return count


TOPIC: Final[dict[type[Event], str]] = {
    Touchpoint: "cx-touchpoints",
    Feedback: "cx-feedback",
    Customer: "cx-customers",
    ActionUpdate: "cx-action-updates",
}


def encoded(codec: Codec, record: Event) -> Message:
    """A record as a message."""
    return Message(TOPIC[type(record)], record.subject_id.encode(), codec.encode(record))


def backlog(stack: Stack, settings: Settings, count: int, customers: int) -> dict[str, float]:
    """Events/s and CPU of one worker, from when it has its partitions to the end of its last transaction."""
    sent = send_all(settings, simulated(count, customers))
    port = ports.free_port()
    worker = touchstone("worker", "worker", ready=lambda: _ready(port))
    stack.supervisor.start(worker._replace(env={"TOUCHSTONE_METRICS_PORT": str(port)}))
    process = psutil.Process(stack.supervisor.child("worker").pid)
    began_at, cpu_before = time.monotonic(), sum(process.cpu_times()[:2])
    group, names = settings.topic(WORKER_GROUP), [settings.topic(name) for name in INPUTS]
    with Admin(settings) as admin:
        while sum(admin.lag(group, names).values()):
            stack.supervisor.check()
            time.sleep(0.2)
    return {
        "events": sent,
        "events/s": sent / (time.monotonic() - began_at),
        "CPU µs/event": (sum(process.cpu_times()[:2]) - cpu_before) / sent * 1e6,
        "memory MB": process.memory_info().rss / 1e6,
    }


def _ready(port: int) -> bool:
    """Has the worker its partitions? It begins in the same moment."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


class Streamed(NamedTuple):
    """Seconds, sorted, by what they are measured to; CPU µs an event by process while the events were sent."""

    seconds: dict[str, list[float]]
    cpu_us: dict[str, float]


def cpu_seconds(stack: Stack, names: Iterable[str] = ("worker", "sink", "kafka", "clickhouse")) -> dict[str, float]:
    """User and system time so far of processes that have a part in the pipeline, and of this one, the sender."""
    found = {"sender": psutil.Process()}
    for name in names:
        found[name] = psutil.Process(stack.supervisor.child(name).pid)
    return {name: sum(process.cpu_times()[:2]) for name, process in found.items()}


def stream(stack: Stack, settings: Settings, rate: float, seconds: float, customers: int) -> Streamed:
    """From an event's scheduled time to its arrival, to its action, and to being visible; and what it cost."""
    records = [one for one in simulated(int(rate * seconds), customers) if isinstance(one, Touchpoint | Feedback)]
    until_stored(settings)
    visible = Visible(settings)
    visible.start()
    began_us = time.time_ns() // 1000 + 1_000_000
    due = [began_us + int(number / rate * 1e6) for number in range(len(records))]
    before = cpu_seconds(stack)
    send_on_time(settings, records, due)
    spent = {name: cpu - before[name] for name, cpu in cpu_seconds(stack).items()}
    time.sleep(5)
    visible.stop()
    found = list(caused(settings, began_us // 1000, due))
    places = {(partition, offset): cause_us // 1000 for partition, offset, cause_us, _ in found}
    return Streamed(
        {
            "event to arrival": arrival(settings, began_us // 1000),
            "event to action": sorted(arrived_ms / 1000 - cause_us / 1e6 for _, _, cause_us, arrived_ms in found),
            "event to visible": visible.seconds(places),
        },
        {name: cpu / len(records) * 1e6 for name, cpu in spent.items()},
    )


def until_stored(settings: Settings) -> None:
    """Waits until the sink has the backlog."""
    group, names = settings.topic(GROUP), [settings.topic(name) for name in ("cx-actions", "cx-touchpoints")]
    with Admin(settings) as admin:
        while sum(admin.lag(group, names).values()) > 10:
            time.sleep(0.5)


def send_on_time(settings: Settings, records: list[Touchpoint | Feedback], due: list[int]) -> None:
    """Each event at its time, which is also its event time (µs); never waits for an answer."""
    codec, out = Codec(), producer(settings)
    for number, record in enumerate(records):
        record.occurred_at, record.subject_id, record.event_id = (
            due[number],
            f"live-{record.subject_id}",
            f"live-{number}",
        )
        message = encoded(codec, record)
        while (ahead := due[number] - time.time_ns() // 1000) > 0:
            out.poll(0)
            time.sleep(min(0.005, ahead / 1e6))
        out.produce(settings.topic(message.topic), message.value, message.key)
    out.flush(60)


def arrival(settings: Settings, since_ms: int) -> list[float]:
    """Seconds from an event's scheduled time to its arrival in Kafka, sorted: how far the sender itself was behind."""
    codec = Codec()
    found = []
    for message in read_log(settings, ["cx-touchpoints"], since_ms=since_ms):
        found.append(message.timestamp_ms / 1000 - codec.decode(message.value, Touchpoint).occurred_at / 1e6)
    return sorted(found)


def caused(settings: Settings, since_ms: int, due: list[int]) -> Iterator[tuple[int, int, int, int]]:
    """(partition, offset, scheduled time of the cause in µs, arrival in ms) of the actions that an event caused at once."""
    codec = Codec()
    for message in read_log(settings, ["cx-actions"], since_ms=since_ms):
        action = codec.decode(message.value, Action)
        numbers = [int(row.event_id[5:]) for row in action.evidence if row.event_id.startswith("live-")]
        at_once = any(due[number] == action.decided_at for number in numbers)
        if action.revision == 1 and action.emit == "now" and at_once:
            yield message.partition, message.offset, action.decided_at, message.timestamp_ms


def main() -> None:
    """Both measurements, printed and noted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument(
        "--rate", type=float, default=0.0, help="events/s of the stream; 0: half of what the backlog gave"
    )
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--picture", type=Path, help="draw how long events of the stream took, as SVG")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            kafka_brokers=f"127.0.0.1:{ports.free_port()}",
            clickhouse_port=ports.free_port(),
            local_registry_port=ports.free_port(),
            local_dir=Path(folder),
        )
        os.environ |= {
            "TOUCHSTONE_KAFKA_BROKERS": settings.kafka_brokers,
            "TOUCHSTONE_CLICKHOUSE_PORT": str(settings.clickhouse_port),
        }
        with local_stack(settings) as stack:
            with Admin(settings) as admin:
                create(admin, settings, audiences(settings))
            migrate(settings)
            activate(find("retail", settings), settings, at="beginning", brand=None)
            drained = backlog(stack, settings, options.events, options.customers)
            rate = options.rate or drained["events/s"] / 2
            stack.supervisor.start(touchstone("sink", "sink", "clickhouse"))
            streamed = stream(stack, settings, rate, options.seconds, options.customers)
    figures = {name: f"{value:.0f}" for name, value in drained.items()}
    for name, values in streamed.seconds.items():
        figures |= {f"{name} p50": at(values, 0.5), f"{name} p99": at(values, 0.99), f"{name} n": str(len(values))}
    figures |= {f"{name} CPU µs/event": f"{value:.0f}" for name, value in streamed.cpu_us.items()}
    for name, value in figures.items():
        print(f"{name:<24}{value}")
    if options.picture:
        from benchmarks.pictures import latency

        shown = {name: values for name, values in streamed.seconds.items() if name != "event to arrival"}
        latency(options.picture, f"{rate:.0f} events/s, sent by the clock", shown)
    note(
        "bench_pipeline",
        f"{options.customers} customers, stream at {rate:.0f}/s for {options.seconds:.0f} s; load {os.getloadavg()[0]:.1f}",
        figures,
    )


if __name__ == "__main__":
    main()
