"""For tests only: places where the process kills itself, and ways to do wrong on purpose, so that a test can be seen to fail.

TOUCHSTONE_TEST_FAILPOINT=name:n kills -9 at the n-th passage of `name`; TOUCHSTONE_TEST_OFFSETS=outside commits offsets
outside the transaction. Nothing else reads the environment here, and without these variables a passage costs one comparison.
"""

import os
import signal

from streams.errors import UserError

FAILPOINT = "TOUCHSTONE_TEST_FAILPOINT"
OFFSETS = "TOUCHSTONE_TEST_OFFSETS"

# In the order of effects of one transaction, then those of a life.
IN_A_TRANSACTION = (
    "after_step",  # steps done, nothing of them sent
    "before_transaction",  # effects gathered, transaction not begun
    "transaction_begun",
    "outputs_sent",  # outputs, changelog and task record are in the log, not committed
    "offsets_sent",  # the offsets too
    "after_commit",  # the transaction is over, the task does not know it yet
)
IN_A_LIFE = (
    "producer_started",  # older owner fenced, offsets not read
    "while_restoring",  # half of the changelog is read
    "after_restore",
    "after_tick",
    "while_refolding",
    "revoked",  # the last transaction before a rebalance is over
)
WITH_OFFSETS_OUTSIDE = "transaction_over_offsets_not"  # only with TOUCHSTONE_TEST_OFFSETS=outside, if there were inputs
NAMES = (*IN_A_TRANSACTION, *IN_A_LIFE, WITH_OFFSETS_OUTSIDE)


def _parse(text: str) -> tuple[str, int]:
    name, _, count = text.partition(":")
    if not name:
        return "", 0
    if name not in NAMES or not (count or "1").isdigit():
        raise UserError(f"{FAILPOINT}={text}: no such failpoint", f"name:count with a name of {', '.join(NAMES)}")
    return name, int(count or "1")


_name, _left = _parse(os.environ.get(FAILPOINT, ""))
offsets_outside = os.environ.get(OFFSETS, "") == "outside"


def hit(name: str) -> None:
    """Die here, as with kill -9, if a test asked for it."""
    if name != _name:
        return
    global _left
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
