"""What a person sees of `touchstone simulate`: progress while it plays, and a summary."""

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Self

from schemas.json_form import instant_text
from streams.simulate.plan import US_PER_SECOND
from streams.simulate.play import Played
from streams.simulate.simulation import Simulation
from streams.terminal import progress_bar

_REFRESH_SECONDS: Final = 0.5


class PlayProgress(AbstractContextManager["PlayProgress"]):
    """A bar over the simulated time; only on a terminal."""

    def __init__(self, simulation: Simulation, *, quiet: bool) -> None:
        self._simulation = simulation
        plan = simulation.plan
        self._bar = progress_bar(quiet=quiet)
        total = plan.events if plan.events is not None else (plan.end_us - plan.start_us) // US_PER_SECOND
        self._task = self._bar.add_task(f"{plan.company} {plan.scenario}", total=total, counts="")
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, played: Played) -> None:
        """Now and then."""
        now = time.monotonic()
        if self._bar.disable or now - self._shown_at < _REFRESH_SECONDS:
            return
        self._shown_at = now
        simulation = self._simulation
        plan, clock = simulation.plan, instant_text(simulation.now_us)[:19]
        done = played.events if plan.events is not None else (simulation.now_us - plan.start_us) // US_PER_SECOND
        counts = f"{clock} · {played.events:,} messages · {simulation.unhappy:,} customers unhappy"
        self._bar.update(self._task, completed=done, counts=counts)


def summary(played: Played, truth: str | None) -> str:
    """One or more lines for a person."""
    topics = ", ".join(f"{name} {count:,}" for name, count in sorted(played.sent.items()))
    rate = played.events / played.wall_seconds if played.wall_seconds else 0.0
    minutes = played.simulated_seconds / 60
    lines = [
        f"run {played.run}: {played.events:,} messages in {played.wall_seconds:.1f} s "
        f"({rate:,.0f}/s, {minutes:,.0f} simulated minutes)",
        f"arrived: {topics or 'nothing'}",
    ]
    if played.faults:
        lines.append("faults: " + ", ".join(f"{name} {count:,}" for name, count in sorted(played.faults.items())))
    if truth is not None:
        lines.append(f"truth: {truth}")
    return "\n".join(lines)
