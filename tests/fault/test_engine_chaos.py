"""Workers come, stop, die and fall asleep at random while events arrive; in the end everything is there once."""

import random
import signal
import time
from collections.abc import Callable

import pytest

from tests.engine_events import events, expected
from tests.engine_service import Bench, Process

ROUNDS = 8


def _disturb(run: Bench, draw: random.Random, stopping: list[Process]) -> None:
    alive = [worker for worker in _alive(run) if "generation" in worker.said() and worker not in stopping]
    match draw.choice(["start", "stop", "kill", "asleep"] if len(alive) > 1 else ["start"]):
        case "start":
            run.worker()
        case "stop":
            stopping.append(draw.choice(alive))
            stopping[-1].process.send_signal(signal.SIGTERM)
        case "kill":
            draw.choice(alive).process.kill()
            run.expel()
        case "asleep":
            sleeper = draw.choice(alive)
            sleeper.process.send_signal(signal.SIGSTOP)
            run.expel()
            time.sleep(draw.uniform(0.2, 3.0))  # chance is the point: no condition to wait for
            sleeper.process.send_signal(signal.SIGCONT)
    time.sleep(draw.uniform(0.0, 1.5))


@pytest.mark.parametrize("seed", [1, 28])
def test_workers_come_and_go_while_events_arrive(bench: Callable[..., Bench], seed: int) -> None:
    draw = random.Random(seed)
    run = bench(partitions=4, worker_session_seconds=6)
    a, b = events(2400, seed=22)
    run.worker()
    stopping: list[Process] = []
    for part in range(ROUNDS):
        run.produce("in-a", a[part * len(a) // ROUNDS : (part + 1) * len(a) // ROUNDS])
        run.produce("in-b", b[part * len(b) // ROUNDS : (part + 1) * len(b) // ROUNDS])
        _disturb(run, draw, stopping)
    run.worker()
    run.until_done()
    for worker in stopping:
        assert worker.wait() == 0, worker.said()
    for worker in _alive(run):
        worker.says("generation")  # before that a signal ends it as it ends any program
        assert worker.stop() == 0, worker.said()
    for worker in run.workers:
        assert worker.process.returncode in (0, -signal.SIGKILL), worker.said()
    assert run.in_force() == expected(a, b)


def _alive(run: Bench) -> list[Process]:
    return [worker for worker in run.workers if worker.process.poll() is None]
