"""How cost grows: with customers, with what is remembered of each, with rules, with partitions, and how long a restore takes.

    python -m benchmarks.bench_growth customers            # 10,000 to 5,000,000 customers: µs an event, memory a customer
    python -m benchmarks.bench_growth history              # 1 to 300 events of a customer in the window
    python -m benchmarks.bench_growth rules                # 3, 30, 300 rules more than the retail pack has
    python -m benchmarks.bench_growth partitions           # 1, 4, 16, 64 partitions of the same backlog: worker and broker, µs an event
    python -m benchmarks.bench_growth restore [--customers 1000000]   # from a real broker; memory and RocksDB

The first three are the core in memory, as in bench_core, one process a figure; the other two have a real broker. Appends rows to benchmarks/results.csv.
"""

import argparse
import asyncio
import gc
import mmap
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

import msgspec
import psutil
import yaml
from confluent_kafka import Producer

from benchmarks.bench_core import PACK, SECOND, events, run
from benchmarks.growth_partitions import PARTITIONS, TOUCHPOINTS, of_partitions
from benchmarks.results import note
from deploy.local import jars, ports
from deploy.local.kafka import Broker, default_cache
from schemas.codec import Codec
from schemas.events import Feedback, Touchpoint
from streams.admin import Admin
from streams.engine.core import TaskCore
from streams.engine.disk import open_store
from streams.engine.job import Message
from streams.engine.limits import limits
from streams.engine.partitioning import partition_of
from streams.engine.record import TaskRecord, encode
from streams.engine.restore import restore
from streams.engine.store import TASK_KEY, pack
from streams.engine.topology import Topology, changelog, read
from streams.experience.controls import Shelf
from streams.experience.subjects import Subjects
from streams.experience.surroundings import Limits
from streams.experience.text import default_analyser
from streams.packs_folder import audiences, read_merged, read_pack
from streams.packs_show import one_file
from streams.settings import Settings
from streams.topics import create

CUSTOMERS: Final = (10_000, 100_000, 1_000_000, 5_000_000)
IN_WINDOW: Final = (1, 5, 20, 50, 100, 300)
MORE_RULES: Final = (0, 3, 30, 300)
KINDS: Final = 2_000  # customers whose states are worked out; the others get copies
MEASURED: Final = 40_000
ROUNDS: Final = 3
STATE_BYTES: Final = 3_800  # of one of them in memory, about


def worked_out() -> list[bytes]:
    """States of customers that had some 12 events each."""
    return list(run(events(KINDS * 12, KINDS, 0.0, 5.0, 0.0)).states.values())


def _name(number: int) -> bytes:
    return b"c-%d" % number


def _copies(states: list[bytes], count: int) -> Iterator[tuple[bytes, bytes]]:
    for number in range(count):
        yield _name(number), bytes(bytearray(states[number % len(states)]))  # bytes of its own, as in a worker


def of_customers(count: int) -> dict[str, float]:
    """µs an event for customers drawn uniformly from so many, memory a customer."""
    process = psutil.Process()
    codec, few = Codec(), worked_out()
    gc.collect()
    before = process.memory_info().rss
    states = dict(_copies(few, count))
    resident = process.memory_info().rss - before
    dice = random.Random(3)
    messages = []
    for message in events(MEASURED, KINDS, 0.0, 5.0, 0.0):
        record = codec.decode(message.value or b"", Feedback if message.topic == "cx-feedback" else Touchpoint)
        record.subject_id = _name(dice.randrange(count)).decode()
        record.occurred_at += 10 * 3600 * SECOND
        messages.append(msgspec.structs.replace(message, key=record.subject_id.encode(), value=codec.encode(record)))
    gc.freeze()
    return {"µs/event": _best(messages, lambda: states), "bytes/customer": resident / count}


def of_history(in_window: int) -> dict[str, float]:
    """µs an event when each customer had so many in the last hour."""
    customers = max(1, 5 * 3600 // in_window)
    return {"µs/event": _best(events(MEASURED, customers, 0.0, 5.0, 0.0), dict)}


def of_rules(more: int) -> dict[str, float]:
    """µs an event with so many signals more, each about one touchpoint, as a grown pack has them."""
    known = one_file(read_merged(PACK))
    touchpoints = list(yaml.safe_load(known)["touchpoints"])
    rules = "".join(
        f"  slow_{number}:\n"
        "    on: touchpoint\n"
        f'    when: event.touchpoint == "{touchpoints[number % len(touchpoints)]}" && event.duration_seconds != null'
        f" && event.duration_seconds > {3600 + number}.0\n"
        "    weight: 0.1\n"
        "    half_life_seconds: 3600\n"
        for number in range(more)
    )
    text = known.replace("\nsignals:\n", f"\nsignals:\n{rules}")
    return {"µs/event": _best(events(MEASURED, 5000, 0.0, 5.0, 0.0), dict, text)}


def _best(messages: Sequence[Message], states: Callable[[], dict[bytes, bytes]], pack_text: str = "") -> float:
    rounds = [run(messages, states(), pack_text) for _ in range(ROUNDS)]
    return min(each.decode_seconds + each.step_seconds for each in rounds) / len(messages) * 1e6


# --- restore ----------------------------------------------------------------------------------------------------


def of_restore(customers: int) -> dict[str, dict[str, float]]:
    """Seconds until the first job's tasks of one worker have all their state; by store."""
    with tempfile.TemporaryDirectory() as folder:
        cache = default_cache()
        jars.fetch(jars.missing(cache), cache)
        broker = Broker(Path(folder) / "kafka", ports.free_port())
        broker.start()
        broker.wait()
        try:
            settings = Settings(kafka_brokers=broker.bootstrap, worker_state_dir=Path(folder) / "state")
            with Admin(settings) as admin:
                create(admin, settings, audiences(settings))
            job = _job()
            topology = read([job], settings)
            _write_changelog(settings, job, topology, customers)
            disk = settings.model_copy(update={"worker_state": "rocksdb"})
            return {
                "memory": _restored(settings, topology, customers),
                "memory, of pages that the machine had just used": _restored(settings, topology, customers, touch=True),
                "rocksdb, from the changelog": _restored(disk, topology, customers),
                "rocksdb, its copy kept": _restored(disk, topology, customers),
            }
        finally:
            broker.stop()


def _job() -> Subjects:
    found = read_pack(PACK)
    return Subjects(Codec(), Shelf((found,)), default_analyser(), Limits(3600 * SECOND, 500))


def _write_changelog(settings: Settings, job: Subjects, topology: Topology, customers: int) -> None:
    topic, count = settings.topic(changelog(job)), topology.partitions[changelog(job)]
    out = Producer({"bootstrap.servers": settings.kafka_brokers, "linger.ms": 20, "batch.size": 1_000_000})
    for number, (key, state) in enumerate(_copies(worked_out(), customers)):
        due_at = number if number % 20 == 0 else None  # one in twenty waits for a time
        out.produce(topic, pack(state, due_at), key, partition_of(key, count))
        if number % 1000 == 999:
            while len(out) > 20_000:
                out.poll(0.01)
            out.poll(0)
    for partition in range(count):
        out.produce(topic, encode(TaskRecord({})), TASK_KEY, partition)
    out.flush(120)


def _restored(settings: Settings, topology: Topology, customers: int, touch: bool = False) -> dict[str, float]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        seconds = process.submit(_touch, customers * STATE_BYTES).result() if touch else 0.0
        figures = process.submit(_restore_all, settings.model_dump(), topology, customers).result()
    return figures | ({"to touch them, seconds": seconds} if touch else {})


def _touch(size: int) -> float:
    """Seconds to use so many bytes once. A virtual machine gets each page from its host first, and may soon give it back."""
    began = time.perf_counter()
    with mmap.mmap(-1, size) as pages:
        for start in range(0, size, mmap.PAGESIZE):
            pages[start] = 1
        return time.perf_counter() - began


def _restore_all(values: dict[str, object], topology: Topology, customers: int) -> dict[str, float]:
    settings = Settings.model_validate(values)
    job = _job()
    before, began = psutil.Process().memory_info().rss, time.perf_counter()

    async def one(partition: int) -> TaskCore:
        store = open_store(settings, job.name, partition, topology.uuids[changelog(job)])
        core = TaskCore(job, partition, topology.partitions[job.inputs[0]], limits(settings), settings.topic, store)
        await restore(core, dict.fromkeys(job.inputs), topology, settings)
        return core

    async def all_of_them() -> list[TaskCore]:
        return await asyncio.gather(*(one(each) for each in range(topology.partitions[changelog(job)])))

    cores = asyncio.run(all_of_them())
    seconds = time.perf_counter() - began
    if settings.worker_state == "memory":
        assert sum(len(core.store) for core in cores) == customers
    assert sum(len(core.timers) for core in cores) == -(-customers // 20)
    resident = psutil.Process().memory_info().rss - before
    return {"seconds": seconds, "memory MB": resident / 1e6}


# --- command line -----------------------------------------------------------------------------------------------

KINDS_OF_GROWTH: Final[dict[str, tuple[Callable[[int], dict[str, float]], tuple[int, ...], str]]] = {
    "customers": (of_customers, CUSTOMERS, "customers"),
    "history": (of_history, IN_WINDOW, "events of a customer in the window"),
    "rules": (of_rules, MORE_RULES, "signals more than retail has"),
}


def _each(what: str, only: int) -> None:
    measure, sizes, unit = KINDS_OF_GROWTH[what]
    for size in (only,) if only else sizes:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            figures = process.submit(measure, size).result()
        _say(f"{size} {unit}", figures)


def _say(conditions: str, figures: dict[str, float]) -> None:
    shown = {name: f"{value:.1f}" for name, value in figures.items()}
    print(conditions, shown, flush=True)
    note("bench_growth", f"{conditions}; load {os.getloadavg()[0]:.1f}", shown)


def main() -> None:
    """One kind of growth, printed and noted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*KINDS_OF_GROWTH, "partitions", "restore"])
    parser.add_argument("--customers", type=int, default=1_000_000, help="of restore")
    parser.add_argument("--only", type=int, default=0, help="this size instead of all")
    asked = parser.parse_args()
    if asked.what == "restore":
        for store, figures in of_restore(asked.customers).items():
            _say(f"restore of {asked.customers} customers, {store}", figures)
    elif asked.what == "partitions":
        for count, figures in of_partitions((asked.only,) if asked.only else PARTITIONS).items():
            _say(f"{count} partitions, {TOUCHPOINTS} touchpoints, detection job, commit 1000 ms", figures)
    else:
        _each(asked.what, asked.only)


if __name__ == "__main__":
    main()
