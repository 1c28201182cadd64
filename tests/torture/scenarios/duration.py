"""Nothing fails, for a long time: new customers come, known ones return, and memory may grow with the customers only."""

import random
import time
from collections.abc import Iterator

import psutil

from schemas.events import Feedback, Touchpoint
from streams.admin import Admin
from tests import sink_records as make
from tests.torture.growth import Instant, told, unexplained
from tests.torture.load import CODEC, Outgoing
from tests.torture.play import Scenario
from tests.torture.process import until
from tests.torture.reading import remembered
from tests.torture.stage import TABLES, Stage, table

PER_SECOND = 300
FEEDBACK_SHARE = 0.02
FAILURE_SHARE = 0.02
TOUCHPOINTS = ("search", "product_page", "checkout", "payment", "delivery", "store_visit", "hotline", "chat")
NEW_SHARE = 0.03  # of the events of the first half; in the second half nobody new comes
MINUTES = 2.0
SHORTEST_SECONDS = 8.0
INSTANTS = 30  # of memory, of a run; a minute each of half an hour
DAY_MS = 86_400_000


def visits(seed: int, new_ones: int) -> Iterator[Outgoing]:
    """Events of now: among the first `new_ones` some customers are new, all others return at random."""
    draw = random.Random(seed)
    known = 0
    number = 0
    while True:
        if not known or (number < new_ones and draw.random() < NEW_SHARE):
            known += 1
            subject = known
        else:
            subject = draw.randrange(known) + 1
        yield _event(draw, f"v{seed}-{number}", f"k{subject}")
        number += 1


def _event(draw: random.Random, name: str, subject: str) -> Outgoing:
    """Mostly what goes well: a failure for everybody at one place is an incident, and another load."""
    values: dict[str, object] = {"event_id": name, "subject_id": subject, "occurred_at": time.time_ns() // 1000}
    if draw.random() < FEEDBACK_SHARE:
        score = float(draw.choice((9, 10)) if draw.random() < 0.8 else draw.randrange(9))
        return _outgoing("cx-feedback", make.feedback(**values, score=score, text=None), name, subject)
    outcome = "failure" if draw.random() < FAILURE_SHARE else "success"
    record = make.touchpoint(**values, touchpoint=draw.choice(TOUCHPOINTS), outcome=outcome)
    return _outgoing("cx-touchpoints", record, name, subject)


def _outgoing(topic: str, record: Touchpoint | Feedback, name: str, subject: str) -> Outgoing:
    return Outgoing(name, topic, subject.encode(), CODEC.encode(record))


def long_run(stage: Stage) -> None:
    """Half an hour with `--minutes 30`, if it is played alone."""
    seconds = max(SHORTEST_SECONDS, 60 * (stage.minutes or MINUTES * stage.scale))
    for name in TABLES:
        stage.query(f"SYSTEM START MERGES {table(name)}")
    changelog = stage.settings.topic("cx-subjects-changelog")
    with Admin(stage.settings) as admin:  # what was remembered in the meantime is read from it in the end
        admin.set_configs({changelog: {"min.compaction.lag.ms": str(DAY_MS)}})
    worker, sink = stage.worker(), stage.sink()
    worker.says("restored")
    sink.says("reads")
    stage.producer.pump(visits(stage.seed, int(PER_SECOND * seconds / 2)), PER_SECOND, endless=True)
    until("it works", lambda: stage.lag(0) < PER_SECOND and stage.query("SELECT count() FROM touchpoints")[0][0] > 0)
    resident = _watched(stage, seconds)
    stage.drain()
    log = stage.producer.read_back()
    kept = remembered(stage.kafka.bootstrap, changelog, [at for at, _, _ in resident])
    run = [Instant(took, sizes, held) for (_, took, sizes), held in zip(resident, kept, strict=True)]
    finding = unexplained(run)
    stage.note("memory explained", finding.holds, finding.said)
    stage.note("memory as it was", True, told(run))
    stored = sum(stage.query(f"SELECT count() FROM {name}_final")[0][0] for name in ("touchpoints", "feedback"))
    stage.note("all stored once", stored == len(log.acked), f"{len(log.acked)} acked, {stored} rows")


def _watched(stage: Stage, seconds: float) -> list[tuple[float, float, dict[str, int]]]:
    """Wall clock, seconds of the run, resident bytes by kind of process; they live through it."""
    watched = {each.kind: psutil.Process(each.popen.pid) for each in stage.processes}
    began = time.monotonic()
    found = []
    for number in range(1, INSTANTS + 1):
        stage.producer.wait(max(0.0, began + number * seconds / INSTANTS - time.monotonic()))
        sizes = {kind: process.memory_info().rss for kind, process in watched.items()}
        found.append((time.time(), time.monotonic() - began, sizes))
    return found


SCENARIOS = [
    Scenario(
        "long run",
        long_run,
        "the main job for minutes, customers new and known: memory grows with what is remembered only",
        job="main",
        settings={
            "worker_commit_interval_ms": 1000,
            "sink_flush_seconds": 1.0,
            "core_lateness_seconds": 120,  # what is kept of a customer has its size after some minutes, not after hours
        },
        drains=False,
        watch_seconds=5.0,
    )
]
