"""What a worker knows of its health. Alive: the loop turns and commits do not stall while there is lag. The database is nobody's business here."""

import time
from typing import TYPE_CHECKING

from streams.engine import meters

if TYPE_CHECKING:
    from streams.engine.worker import Worker

STALL_SECONDS = 60.0


class Health:
    """Of the worker's present life."""

    def __init__(self) -> None:
        self.worker: Worker | None = None

    def measure(self) -> None:
        """Sets the metrics that tell how the tasks stand."""
        membership = self.worker.membership if self.worker else None
        tasks = [] if membership is None else [task for group in membership.tasks.values() for task in group]
        lateness_seconds = self.worker.settings.core_lateness_seconds if self.worker else 0
        meters.measure([task.core for task in tasks], time.time_ns() // 1000, lateness_seconds)

    def stalled(self) -> list[str]:
        """Tasks that have lag and have not committed for a while, though nothing outside holds them."""
        membership = self.worker.membership if self.worker else None
        if membership is None:
            return []
        return [
            f"{task.where}: no commit for {task.seconds_without_progress():.0f} s"
            for tasks in membership.tasks.values()
            for task in tasks
            if not task.held and task.lags() and task.seconds_without_progress() > STALL_SECONDS
        ]

    def not_ready(self) -> list[str]:
        """Why this worker does not process all that it should; empty when it does."""
        membership = self.worker.membership if self.worker else None
        if membership is None:
            return ["no broker yet"]
        if not membership.assigned:
            return ["waiting for partitions, or restoring"]
        held = [f"{task.where} is held" for tasks in membership.tasks.values() for task in tasks if task.held]
        return held + self.stalled()
