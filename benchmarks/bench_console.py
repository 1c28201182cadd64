"""What the console costs with 1 and with 50 open browsers, and how long it takes from an event to a changed pixel.

    python -m benchmarks.bench_console --watchers 1,50 --seconds 12 --rounds 3 --samples 15

Plays the demo (`touchstone demo --stay`) on ports of its own. While the story runs, so many connections watch the page Now, in turns;
the CPU of the console and of ClickHouse are the operating system's figures. After the story customers become unhappy one by one in
front of a Chromium, which notes when their names appear: on Now, from the topic, and on Episodes, from ClickHouse. They come at random
moments, so that they do not fall in with the rhythm of the sink and of the console's reader. `stored`: when ClickHouse had the row.
"""

import argparse
import asyncio
import math
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psutil

from benchmarks.results import note
from deploy.local import ports
from schemas.codec import Codec
from schemas.events import Customer, Feedback, Touchpoint
from sinks.database import ask, connect
from streams.settings import Settings

STORY_MINUTES = 3
START_SECONDS = 90
LONGEST_PAUSE_SECONDS = 2.5
_SEEN = """
window.seen = {};
const look = () => { for (const name of document.body.innerText.match(/Bench [0-9]+/g) || [])
  if (!(name in window.seen)) requestAnimationFrame(() => { window.seen[name] ??= Date.now(); }); };
new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true}); look();
"""


class Cost(NamedTuple):
    """Of one turn. Cores: CPU seconds a second."""

    watchers: int
    console_cores: float
    clickhouse_cores: float
    bytes_per_watcher: float
    messages_per_watcher: float
    console_mb: float


@contextmanager
def demo(folder: Path) -> Iterator[tuple[dict[str, str], str]]:
    """The demo, running; gives its settings and the console's address."""
    kafka, clickhouse, registry, console = (ports.free_port() for _ in range(4))
    environment = {
        "TOUCHSTONE_LOCAL_DIR": str(folder),
        "TOUCHSTONE_KAFKA_BROKERS": f"127.0.0.1:{kafka}",
        "TOUCHSTONE_CLICKHOUSE_PORT": str(clickhouse),
        "TOUCHSTONE_LOCAL_REGISTRY_PORT": str(registry),
        "TOUCHSTONE_CONSOLE_PORT": str(console),
    }
    command = [sys.executable, "-m", "streams", "demo", "--minutes", str(STORY_MINUTES), "--stay"]
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    ready = threading.Event()

    def follow() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            if "sink is ready" in line:
                ready.set()

    threading.Thread(target=follow, daemon=True).start()
    try:
        if not ready.wait(START_SECONDS):
            raise RuntimeError("the demo does not start")
        yield environment, f"http://127.0.0.1:{console}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def listener(port: int) -> psutil.Process:
    """The process that listens there."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            return psutil.Process(connection.pid)
    raise RuntimeError(f"nobody listens at {port}")


async def watch(url: str, stop: asyncio.Event, counts: list[tuple[int, int]]) -> None:
    """One open page: reads what is pushed until told to stop."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET /stream/now HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: text/event-stream\r\n\r\n".encode())
    size = messages = 0
    try:
        while not stop.is_set():
            try:
                piece = await asyncio.wait_for(reader.read(1 << 16), 1.0)
            except TimeoutError:
                continue
            size, messages = size + len(piece), messages + piece.count(b"event: panel")
    finally:
        counts.append((size, messages))
        writer.close()


async def turn(url: str, watchers: int, seconds: float, console: psutil.Process, clickhouse: psutil.Process) -> Cost:
    """So many watchers for so long; the first two seconds, in which everybody gets the whole page, do not count."""
    stop, counts = asyncio.Event(), list[tuple[int, int]]()
    tasks = [asyncio.create_task(watch(url, stop, counts)) for _ in range(watchers)]
    await asyncio.sleep(2)
    before = [sum(process.cpu_times()[:2]) for process in (console, clickhouse)]
    began = time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    after = [sum(process.cpu_times()[:2]) for process in (console, clickhouse)]
    memory = console.memory_info().rss / 1e6
    stop.set()
    await asyncio.gather(*tasks)
    cores = [(end - start) / took for start, end in zip(before, after, strict=True)]
    return Cost(
        watchers, *cores, statistics.mean(c[0] for c in counts), statistics.mean(c[1] for c in counts), memory
    )  # fmt: skip


def send(brokers: str, number: int) -> tuple[str, float]:
    """A customer becomes unhappy; who, and when Kafka has the last of it (Unix seconds)."""
    from kafka import KafkaProducer

    codec, now = Codec(), time.time_ns() // 1_000
    subject = f"bench-{number}-{now}"
    who: dict[str, Any] = {"subject_type": "customer", "subject_id": subject, "brand": "marlow"}
    records: list[tuple[str, Any]] = [
        ("cx-customers", Customer(event_id=f"{subject}-k", occurred_at=now - 60_000_000, name=f"Bench {number}", language="en", **who)),
        ("cx-touchpoints", Touchpoint(event_id=f"{subject}-t", occurred_at=now - 1_000_000, touchpoint="payment", outcome="failure", **who)),
        ("cx-feedback", Feedback(event_id=f"{subject}-f", occurred_at=now, kind="complaint", touchpoint="payment", text="It failed. Terrible.", language="en", **who)),
    ]  # fmt: skip
    with closing(KafkaProducer(bootstrap_servers=[brokers], acks="all", linger_ms=0)) as producer:
        for topic, record in records:
            producer.send(topic, key=subject.encode(), value=codec.encode(record)).get(10)
        return subject, time.time()


class Seen(NamedTuple):
    """Seconds from Kafka's acknowledgement of the last event: to the episode's row in ClickHouse, and to the frame in which the name is on the page."""

    stored: float
    pixel: float


def pixels(url: str, path: str, environment: dict[str, str], samples: int, first: int) -> list[Seen]:
    """One after the other, in the order in which they happened."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver: Any = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    found = dict[str, tuple[float, float]]()
    moments = random.Random(7)
    try:
        driver.get(url + path)
        driver.execute_script(_SEEN)
        for number in range(first, first + samples):
            time.sleep(moments.uniform(0.0, LONGEST_PAUSE_SECONDS))
            subject, sent = send(environment["TOUCHSTONE_KAFKA_BROKERS"], number)
            at = until(lambda name=f"Bench {number}": driver.execute_script("return window.seen[arguments[0]]", name))
            found[subject] = sent, at / 1000
        time.sleep(LONGEST_PAUSE_SECONDS)
    finally:
        driver.quit()
    stored = rows_since(int(environment["TOUCHSTONE_CLICKHOUSE_PORT"]), found)
    return [Seen(stored[subject] - sent, at - sent) for subject, (sent, at) in found.items()]


def rows_since(port: int, subjects: Iterable[str]) -> dict[str, float]:
    """When each one's first episode was written (Unix seconds)."""
    database = connect(Settings(clickhouse_port=port))
    try:
        query = "SELECT subject_id, toUnixTimestamp64Milli(min(_inserted_at)) / 1000 FROM episodes WHERE subject_id IN %(subjects)s GROUP BY subject_id"
        found: Any = ask(database, query, {"subjects": tuple(subjects)})
    finally:
        database.disconnect()
    return dict(found)


def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Waits."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise RuntimeError("it does not appear")
        time.sleep(0.02)
    return found


def main() -> None:
    """Runs it all, prints, and adds rows to results.csv."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watchers", default="1,50")
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=15)
    parser.add_argument("--discard", action="store_true", help="add nothing to results.csv")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    numbers = [int(one) for one in given.watchers.split(",")] if given.rounds else []
    costs: dict[int, list[Cost]] = {number: [] for number in numbers}
    seen: dict[str, list[Seen]] = {}
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as (environment, url):
        console = listener(urlsplit(url).port or 0)
        clickhouse = listener(int(environment["TOUCHSTONE_CLICKHOUSE_PORT"]))
        for _ in range(given.rounds):
            for number in numbers:
                cost = asyncio.run(turn(url, number, given.seconds, console, clickhouse))
                costs[number].append(cost)
                print(cost, flush=True)
        if given.samples and shutil.which("chromium"):
            for place, path in enumerate(("/now", "/episodes?sort=new")):
                seen[path] = pixels(url, path, environment, given.samples, 1 + place * given.samples)
                print(path, [(round(one.stored, 2), round(one.pixel, 2)) for one in seen[path]], flush=True)
    figures = {
        f"{field} with {number} watchers": f"{statistics.median(getattr(cost, field) for cost in turns):.3f}"
        for number, turns in costs.items()
        for field in ("console_cores", "clickhouse_cores", "bytes_per_watcher", "messages_per_watcher", "console_mb")
    }
    for path, values in seen.items():
        for what, found in (("stored", [one.stored for one in values]), ("pixel", [one.pixel for one in values])):
            if what == "pixel" or path != "/now":
                shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
                ordered = sorted(found)
                figures |= {f"event to {what} {path} {name} s": f"{ordered[max(0, math.ceil(share * len(ordered)) - 1)]:.3f}" for name, share in shares.items()}  # fmt: skip
    for name, value in figures.items():
        print(f"{name:<60}{value}")
    if not given.discard:
        turns = f"{given.rounds} turns of {given.seconds:g} s each, page Now, demo's story at 60x; {given.samples} samples; load {load:.1f}"
        note("bench_console", turns, figures)


if __name__ == "__main__":
    main()
