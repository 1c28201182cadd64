"""When does an action become visible in ClickHouse? Asks often which positions are there, and notes the time."""

import threading
import time
from typing import Final

from sinks.database import connect
from streams.settings import Settings

ASK_SECONDS: Final = 0.2


class Visible:
    """Offsets of cx-actions that are visible, by partition, with the time (ms) at which they were first seen."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="visible", daemon=True)
        self._seen: dict[int, list[tuple[int, int]]] = {}  # partition → (highest offset, when)
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begins to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        query = (
            "SELECT _partition, max(_offset) FROM actions WHERE _timestamp > now() - INTERVAL 1 DAY GROUP BY _partition"
        )
        try:
            database = connect(self._settings)
            while not self._stop.wait(ASK_SECONDS):
                for partition, offset in database.execute(query):
                    assert isinstance(partition, int)
                    assert isinstance(offset, int)
                    rows = self._seen.setdefault(partition, [])
                    if not rows or offset > rows[-1][0]:
                        rows.append((offset, time.time_ns() // 1_000_000))
            database.disconnect()
        except BaseException as error:  # noqa: BLE001 - shown in the summary
            self.failure = error

    def seconds(self, causes: dict[tuple[int, int], int]) -> list[float]:
        """From each cause's arrival (ms, by the action's position) to the action being visible; sorted."""
        found = []
        for (partition, offset), arrived in causes.items():
            when = next((seen for highest, seen in self._seen.get(partition, []) if highest >= offset), None)
            if when is not None:
                found.append((when - arrived) / 1000)
        return sorted(found)
