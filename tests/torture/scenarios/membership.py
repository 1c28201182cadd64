"""Who is a member of the group: workers that come and go every few seconds, zombies that come back after another took over."""

import random
import signal
import time

from tests.torture.play import Scenario
from tests.torture.process import until
from tests.torture.stage import Stage


def rebalance_storm(stage: Stage) -> None:
    """A worker or a sink is added or removed every few seconds."""
    draw = random.Random(stage.seed)
    pause = 5.0 if stage.scale >= 1 else 1.5
    stage.worker().says("restored")
    stage.sink().says("reads")
    stage.flow(600)
    for _ in range(max(4, round(8 * stage.scale))):
        kind = draw.choice(("worker", "worker", "sink"))
        alive = stage.alive(kind)
        if len(alive) > 1 and draw.random() < 0.5:
            leaving = draw.choice(alive)
            leaving.says("generation" if kind == "worker" else "reads")
            code = leaving.stop()
            stage.note("exit codes", code == 0, f"{code}")
        else:
            (stage.worker if kind == "worker" else stage.sink)()
        stage.healed(f"a {kind} came or went")
        time.sleep(pause)


def zombie_worker(stage: Stage) -> None:
    """SIGSTOP past the end of its session with work that is not committed; another takes over; SIGCONT."""
    slow = stage.settings.model_copy(
        update={"worker_commit_interval_ms": 3000, "worker_eager_commit_ms": 3000, "worker_relaxed_commit_ms": 3000}
    )
    stage.sink()
    stage.flow(600)
    zombie = stage.worker(slow)
    until("it works", lambda: len(stage.reader.seen) > 100)
    _until_it_holds_work(stage)
    zombie.signal(signal.SIGSTOP)
    owner = stage.worker()
    owner.says("restored", times=2)  # after the zombie's session has ended
    seen = len(stage.reader.seen)
    until("another goes on", lambda: len(stage.reader.seen) > seen + 200)
    zombie.signal(signal.SIGCONT)
    stage.healed("the zombie woke")
    zombie.says("generation", times=2)  # it has joined again


def _until_it_holds_work(stage: Stage) -> None:
    """A commit has just been made, and the next is seconds away: let it step something meanwhile."""
    seen = len(stage.reader.seen)
    until("it commits", lambda: len(stage.reader.seen) > seen)
    time.sleep(1.0)  # of three until its next transaction


def zombie_sink(stage: Stage) -> None:
    """A sink stops in mid-flush, another inserts the same rows, the first wakes and inserts them, too."""
    stage.worker()
    zombie = stage.sink()
    stage.flow(600)
    zombie.says("reads")
    alone = zombie.said().rpartition("reads ")[2].partition("\n")[0]  # so many partitions
    until("rows come", lambda: stage.query("SELECT count() FROM actions")[0][0] > 100)
    stage.proxy.set("slow")
    time.sleep(0.3)  # in the middle of a flush that takes longer
    zombie.signal(signal.SIGSTOP)
    stage.proxy.set("pass")
    owner = stage.sink()
    owner.says("reads")
    until("another reads all", lambda: f"reads {alone}" in owner.said(), 40)
    rows = stage.query("SELECT count() FROM actions")[0][0]
    until("another goes on", lambda: stage.query("SELECT count() FROM actions")[0][0] > rows + 200)
    zombie.signal(signal.SIGCONT)
    stage.healed("the zombie woke")
    zombie.says("reads", times=2)
    repeats = stage.repeats()
    stage.note("rows were repeated", sum(repeats.values()) > 0, f"{repeats}")


SCENARIOS = [
    Scenario(
        "rebalance storm",
        rebalance_storm,
        "workers and sinks come and go every few seconds",
        settings={"kafka_partitions": 4},
    ),
    Scenario(
        "zombie worker", zombie_worker, "SIGSTOP past the session with uncommitted work, another takes over, SIGCONT"
    ),
    Scenario("zombie sink", zombie_sink, "the same with a sink in mid-flush"),
]
