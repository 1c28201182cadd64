"""The broker: restarted, killed, away for a while, its disk full."""

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


SCENARIOS = [
    Scenario("broker restarted", restarted, "an orderly restart of the broker under load"),
    Scenario("broker killed", killed, "kill -9 of the broker, back after 10 s and after 60 s"),
]
