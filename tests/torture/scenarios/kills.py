"""kill -9: of workers at each step of their order of effects, at random, under a reader who counts; of sinks likewise."""

import random
import signal
import time
from collections.abc import Iterator

from streams.engine.failpoints import FAILPOINT, IN_A_FLUSH, IN_A_LIFE, IN_A_TRANSACTION
from tests.torture.load import Outgoing, plain
from tests.torture.play import Scenario
from tests.torture.process import until
from tests.torture.small_disk import small_disk
from tests.torture.stage import Stage


def _dies(stage: Stage, process: object, what: str) -> None:
    assert process.wait() == -signal.SIGKILL, f"{what}: {process.said()[-1500:]}"  # type: ignore[attr-defined]
    stage.expel(0 if process.kind == "worker" else 1)  # type: ignore[attr-defined]
    stage.healed(what)


def nothing(stage: Stage) -> None:
    stage.worker(), stage.sink()
    stage.pump(6000, 2000)


def killed_at_failpoints(stage: Stage) -> None:
    """One after the other, each time with a backlog and more to come."""
    stage.flow(600)
    names = [*IN_A_TRANSACTION, *(name for name in IN_A_LIFE if name not in ("while_refolding", "revoked"))]
    stage.sink()
    for name in names:
        if name == "after_tick":  # the timers of the keys so far may all have fired by now
            stage.producer.send(strangers(stage.seed))
        times = 1 if name in ("while_restoring", "after_tick") else 2
        _dies(stage, stage.worker(**{FAILPOINT: f"{name}:{times}"}), name)
    last = stage.worker(**{FAILPOINT: "revoked"})
    last.says("restored")
    last.signal(signal.SIGTERM)
    _dies(stage, last, "revoked")


def strangers(seed: int) -> Iterator[Outgoing]:
    """Keys that nobody has seen, of hours ago: their timers are due as soon as they have come."""
    draw = random.Random(seed)
    at = time.time_ns() // 1000 - 3 * 3_600_000_000
    for number in range(40):
        yield plain(draw, f"stranger{seed}-{number}", at, subject=f"stranger{number}")


def sinks_killed_at_failpoints(stage: Stage) -> None:
    stage.worker()
    stage.flow(600, poison_share=0.01)
    for name in IN_A_FLUSH:
        _dies(stage, stage.sink(**{FAILPOINT: f"{name}:2"}), name)


def killed_at_random(stage: Stage) -> None:
    """Workers and sinks, whenever it happens to be."""
    draw = random.Random(stage.seed)
    stage.worker(), stage.sink()
    stage.flow(800)
    for _ in range(max(2, round(8 * stage.scale))):
        time.sleep(
            draw.uniform(0.3, 3.0 if stage.scale > 0.2 else 1.5)
        )  # chance is the point: no condition to wait for
        kind = draw.choice(("worker", "worker", "sink"))
        for process in stage.alive(kind):
            process.kill()
        stage.expel(0 if kind == "worker" else 1)
        stage.healed(f"kill -9 of the {kind}")
        stage.worker() if kind == "worker" else stage.sink()


def state_on_disk(stage: Stage) -> None:
    """State in RocksDB: killed between its own writes and the transaction's end; the next worker finds the folder and the log."""
    disk = {"worker_state": "rocksdb", "worker_state_dir": stage.folder / "state"}
    settings = stage.settings.model_copy(update=disk)
    stage.sink()
    stage.flow(600)
    for name in ("after_step", "outputs_sent", "offsets_sent", "after_commit", "while_restoring"):
        _dies(stage, stage.worker(settings, **{FAILPOINT: f"{name}:{1 if name == 'while_restoring' else 4}"}), name)
    for _ in range(max(2, round(4 * stage.scale))):
        worker = stage.worker(settings)
        worker.says("restored")
        time.sleep(random.Random(stage.seed).uniform(0.3, 2.0))  # chance is the point
        worker.kill()
        stage.expel()
        stage.healed("kill")
    stage.worker(settings)


def state_disk_full(stage: Stage) -> None:
    """RocksDB cannot write: the worker ends and says why; with room again it goes on from copy and changelog."""
    stage.sink()
    stage.flow(600)
    with small_disk(stage.folder / "small") as disk:
        folder = stage.folder / "small" / "state"
        disk_settings = {"worker_state": "rocksdb", "worker_state_dir": folder}
        settings = stage.settings.model_copy(update=disk_settings)
        worker = stage.worker(settings)
        until("it works", lambda: len(stage.reader.seen) > 500)
        if disk is None:
            stage.note("small disk", True, "not filled: this machine does not let us mount one")
        else:
            disk.fill(leave_bytes=0)
            code = worker.wait(120)
            stage.note("worker stops loudly", code == 2 and "cannot be written" in worker.said(), f"exit code {code}")
            disk.make_room()
            worker = stage.worker(settings)
            stage.healed("room on the disk of the state")
        stage.drain()
        worker.stop()


def standbys(stage: Stage) -> None:
    """Two workers follow each other's state; the owner is killed, the follower takes over from what it followed."""
    settings = stage.settings.model_copy(update={"worker_standbys": 1})
    stage.sink()
    stage.flow(600)
    stage.worker(settings)
    for number in range(max(2, round(4 * stage.scale))):
        stage.worker(settings).says("standby follows")
        seen = len(stage.reader.seen)
        until("it works", lambda seen=seen: len(stage.reader.seen) > seen + 200)
        stage.alive("worker")[0].kill()
        stage.expel()
        stage.healed(f"kill {number}")


def three_kills(stage: Stage) -> None:
    """100,000 messages, three kills, a read-committed reader that reads along: what Kafka Streams itself must pass."""
    total = stage.count(100_000)
    worker = stage.worker()
    stage.sink()
    stage.pump(100_000, 12_000, keys=500)
    for part in (1, 2, 3):
        until("the reader has its quarter", lambda part=part: len(stage.reader.seen) > part * total // 5, 120)
        worker.kill()
        stage.expel()
        stage.healed(f"kill {part}")
        worker = stage.worker()


def sigterm(stage: Stage) -> None:
    """Under load, and nothing is redelivered: what was stepped was committed, what was inserted was committed."""
    worker, sink = stage.worker(), stage.sink()
    stage.flow(1000)
    for _ in range(2 if stage.scale > 0.2 else 1):
        worker.says("restored")
        sink.says("reads")
        seen = len(stage.reader.seen)
        until("some are decided", lambda seen=seen: len(stage.reader.seen) > seen + 500)
        codes = worker.stop(), sink.stop()
        stage.note("exit codes", codes == (0, 0), f"{codes}")
        worker, sink = stage.worker(), stage.sink()
    stage.drain()
    worker.stop()
    steps = [each.account()["steps"] for each in stage.processes if each.kind == "worker"]  # type: ignore[index]
    acked = len(stage.producer.read_back().acked)
    stage.worker()
    stage.note("none redelivered", sum(steps) == acked, f"{' + '.join(map(str, steps))} steps, {acked} acked")
    again = stage.repeats()
    stage.note("none inserted again", not again, f"{again or 'no row twice'}")


SCENARIOS = [
    Scenario("nothing", nothing, "no fault: what all others are compared with"),
    Scenario("failpoints", killed_at_failpoints, "kill -9 of the worker at each step of a transaction and of its life"),
    Scenario("sink failpoints", sinks_killed_at_failpoints, "kill -9 of the sink at each step of a flush"),
    Scenario("random kills", killed_at_random, "kill -9 of workers and sinks at random"),
    Scenario("state on disk", state_on_disk, "kill -9 with state in RocksDB, at failpoints and at random"),
    Scenario("state disk full", state_disk_full, "the disk of a worker's RocksDB is full, and has room again"),
    Scenario("standbys", standbys, "kill -9 of the owner, its standby takes over"),
    Scenario("three kills", three_kills, "100,000 messages with three kills under a concurrent read-committed reader"),
    Scenario("sigterm", sigterm, "SIGTERM under load: nothing is redelivered"),
]
