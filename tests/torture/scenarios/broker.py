"""The broker: restarted, killed, away for a while, its disk full."""

import resource
import time

from tests.torture.play import Scenario
from tests.torture.process import until
from tests.torture.stage import Stage


def _both(stage: Stage) -> None:
    stage.worker(), stage.sink()
    stage.flow(500)
    until("it works", lambda: len(stage.reader.seen) > 300)


def restarted(stage: Stage) -> None:
    """In order."""
    _both(stage)
    broker = stage.kafka.broker
    broker.stop()
    broker.start()
    broker.wait()
    stage.healed("restart")
    time.sleep(2)


def killed(stage: Stage) -> None:
    """kill -9, and away for 10 s; in the long tier for a minute, too."""
    _both(stage)
    broker = stage.kafka.broker
    for seconds in (10, 60) if stage.scale >= 1 else (3,):
        broker.kill()
        time.sleep(seconds)
        broker.start()
        broker.wait()
        stage.healed(f"{seconds} s without broker")
        seen = len(stage.reader.seen)
        until("it works again", lambda seen=seen: len(stage.reader.seen) > seen + 200, 90)


def disk_full(stage: Stage) -> None:
    """Kafka cannot write any more, and ends, as it does on a full disk; somebody makes room and starts it again."""
    _both(stage)
    child = stage.kafka.broker.child
    assert child is not None
    if stage.disk is None:  # no file may grow: the same to who writes
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (4_000, resource.RLIM_INFINITY))
    else:
        stage.disk.fill(leave_bytes=500_000)
    until("the broker gives up", lambda: child.exit_code is not None, 120)
    way = "by a limit on files" if stage.disk is None else "a mount"
    stage.note("broker ended", child.exit_code != 0, f"exit code {child.exit_code}, disk full: {way}")
    if stage.disk is not None:
        stage.disk.make_room()
    stage.kafka.broker.start()
    stage.kafka.broker.wait()
    stage.healed("room on the broker's disk")
    seen = len(stage.reader.seen)
    until("it works again", lambda: len(stage.reader.seen) > seen + 200, 90)


SCENARIOS = [
    Scenario("broker restarted", restarted, "an orderly restart of the broker under load"),
    Scenario("broker disk full", disk_full, "Kafka's own disk is full, and has room again", small_disk=True),
    Scenario("broker killed", killed, "kill -9 of the broker, back after 10 s and after 60 s"),
]
