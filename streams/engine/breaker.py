"""Circuit breaker: too much that is invalid means a bad deploy, which must not drain a topic into the dead letters.

In: how many messages of an inner batch were valid, in order. Out: UserError when too many in a row, or too large a share.
"""

from collections import deque
from collections.abc import Sequence

from streams import metrics
from streams.errors import ExitCode, UserError

WINDOW_MESSAGES = 2000


class Breaker:
    """Counts over the last 2,000 messages of a task, in whole inner batches."""

    __slots__ = ("_batches", "_in_a_row", "_invalid", "_limit_in_a_row", "_limit_share", "_seen", "_where")

    def __init__(self, where: str, in_a_row: int, share: float) -> None:
        self._where = where
        self._limit_in_a_row = in_a_row
        self._limit_share = share
        self._in_a_row = 0
        self._batches: deque[tuple[int, int]] = deque()
        self._seen = 0
        self._invalid = 0

    def record(self, outcomes: Sequence[bool]) -> None:
        """`outcomes` of an inner batch in order, True for valid. Raises UserError when the breaker opens."""
        invalid = 0
        for valid in outcomes:
            if valid:
                self._in_a_row = 0
            else:
                invalid += 1
                self._in_a_row += 1
                if self._in_a_row >= self._limit_in_a_row:
                    self._open(f"{self._in_a_row} in a row")
        self._count(len(outcomes), invalid)
        if self._seen >= WINDOW_MESSAGES and self._invalid >= self._limit_share * self._seen:
            self._open(f"{self._invalid} of the last {self._seen}")

    def all_valid(self, count: int) -> None:
        """The cheap way to say that `count` messages were valid."""
        self._in_a_row = 0
        if self._invalid or self._seen < WINDOW_MESSAGES:
            self._count(count, 0)

    def _count(self, messages: int, invalid: int) -> None:
        self._batches.append((messages, invalid))
        self._seen += messages
        self._invalid += invalid
        while self._seen - self._batches[0][0] >= WINDOW_MESSAGES:
            old_messages, old_invalid = self._batches.popleft()
            self._seen -= old_messages
            self._invalid -= old_invalid

    def _open(self, what: str) -> None:
        metrics.breaker_open.set(1)
        raise UserError(
            f"{self._where}: {what} messages are invalid; stopped before more of the topic goes to the dead letters",
            "`touchstone tail cx-dead-letters` says why; put the producer (or this version) right and start again, or raise "
            "TOUCHSTONE_WORKER_BREAKER_IN_A_ROW / TOUCHSTONE_WORKER_BREAKER_SHARE if they really are to be refused",
            exit_code=ExitCode.NO,
        )
