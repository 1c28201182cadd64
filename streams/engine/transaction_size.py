"""How much a transaction may hold, learnt from how long the last ones took: it has to be through well within its timeout.

One that is not ends the worker, which starts again from the same offsets: with a bound that does not give way, for ever.
"""

FULL_INPUTS = 100_000
FULL_BYTES = 32 << 20  # of state
SLOW_SECONDS = 10.0  # beyond it the next one holds less
QUICK_SECONDS = 5.0  # within it the next one may hold twice as much
LEAST_SHARE = 1 / 256
FIRST_SHARE = 1 / 32  # all tasks of a worker begin at once, at a broker of which nothing is known


class TransactionSize:
    """Of one task. `share` is that of FULL_INPUTS and FULL_BYTES."""

    def __init__(self) -> None:
        self.share = FIRST_SHARE

    def full(self, state_bytes: int, inputs: int) -> bool:
        """Is that as much as a transaction should hold?"""
        return state_bytes >= FULL_BYTES * self.share or inputs >= FULL_INPUTS * self.share

    def took(self, seconds: float, was_full: bool) -> None:
        """A transaction is through. How quick a small one is says nothing of a large one."""
        if seconds > SLOW_SECONDS:
            self.share = max(LEAST_SHARE, self.share * SLOW_SECONDS / seconds)
        elif was_full and seconds < QUICK_SECONDS:
            self.share = min(1.0, 2 * self.share)
