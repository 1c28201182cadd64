"""Plays a run: happenings go out when it is time, the truth goes to its file, and it is told how far it is."""

import time
from collections.abc import Callable
from typing import IO, Final

import msgspec

from streams.simulate.outputs import Output
from streams.simulate.plan import US_PER_SECOND
from streams.simulate.simulation import Simulation

_NAP_SECONDS: Final = 0.2
_LOOK_EVERY: Final = 256  # happenings


class Played(msgspec.Struct):
    """What became of a run. `sent` counts by topic, acknowledged; `faults` by name."""

    run: str
    events: int = 0
    sent: dict[str, int] = {}
    faults: dict[str, int] = {}
    simulated_seconds: float = 0.0
    wall_seconds: float = 0.0
    interrupted: bool = False
    unread: bool = False  # whoever read the lines has gone
    failure: str = ""


class Pace:
    """`speed` 60: an hour passes in a minute. None: as fast as it can."""

    def __init__(
        self,
        start_us: int,
        speed: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._start_us = start_us
        self._us_per_second = None if speed is None else speed * US_PER_SECOND
        self._clock, self._sleep = clock, sleep
        self._began = clock()

    def wait(self, arrival_us: int, waiting: Callable[[], None]) -> None:
        """Until the moment of arrival has come; `waiting` is called before each nap."""
        if self._us_per_second is None:
            return
        due = self._began + (arrival_us - self._start_us) / self._us_per_second
        while (ahead := due - self._clock()) > 0:
            waiting()
            self._sleep(min(ahead, _NAP_SECONDS))


def play(
    simulation: Simulation,
    output: Output,
    truth: IO[bytes] | None,
    pace: Pace,
    progress: Callable[[Played], None] = lambda _: None,
) -> Played:
    """To the end, to Ctrl-C, or to the first message that is not acknowledged. Closes `output`."""
    played = Played(run=simulation.plan.run)
    began = time.monotonic()

    def look() -> None:
        output.flush()
        _write(simulation, truth)
        progress(played)

    try:
        for happening in simulation:
            pace.wait(happening.arrival_us, look)
            output.write(happening)
            played.events += 1
            if happening.fault is not None:
                played.faults[happening.fault] = played.faults.get(happening.fault, 0) + 1
            if played.events % _LOOK_EVERY == 0:
                look()
            if output.failure:
                break
        output.flush()
    except KeyboardInterrupt:
        played.interrupted = True
    except BrokenPipeError:
        played.unread = True
    simulation.stop()
    try:
        output.close()
    except KeyboardInterrupt:
        played.interrupted = True
    except BrokenPipeError:
        played.unread = True
    _write(simulation, truth)
    played.sent = dict(output.sent)
    played.failure = output.failure
    played.simulated_seconds = (simulation.now_us - simulation.plan.start_us) / US_PER_SECOND
    played.wall_seconds = round(time.monotonic() - began, 3)
    return played


def _write(simulation: Simulation, truth: IO[bytes] | None) -> None:
    for line in simulation.truth():
        if truth is not None:
            truth.write(msgspec.json.encode(line) + b"\n")
    if truth is not None:
        truth.flush()
