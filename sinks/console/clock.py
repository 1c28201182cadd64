"""What time it is for whoever watches: the clock on the wall, or the clock of a story that is played faster (TOUCHSTONE_CONSOLE_CLOCK).

The story's clock stands at the newest event and goes on with the wall's while none comes, as the worker's stream time does.
"""

import time
from collections.abc import Callable
from typing import Literal

US_PER_SECOND = 1_000_000


class Clock:
    """Gives µs since 1970. Set by the reader, asked by everybody."""

    def __init__(self, mode: Literal["wall", "stream"], wall: Callable[[], float] = time.time) -> None:
        self.follows_stream = mode == "stream"
        self._wall = wall
        self._offset_us = 0

    def set(self, newest_us: int, arrived_us: int) -> None:
        """The newest event, and when it arrived. Nothing to a wall clock."""
        if self.follows_stream and arrived_us:
            self._offset_us = min(0, newest_us - arrived_us)

    def now_us(self) -> int:
        """Now, µs."""
        return int(self._wall() * US_PER_SECOND) + self._offset_us
