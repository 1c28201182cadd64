"""For tests only: places where the process kills itself, and ways to do wrong on purpose, so that a test can be seen to fail.

TOUCHSTONE_TEST_FAILPOINT=name:n kills -9 at the n-th passage of `name`; the other switches are in MISTAKES, with the one value
that each takes. Without these variables a passage costs one comparison; with one of them the process says so at its start.
"""

import logging
import os
import signal

from streams.errors import UserError

FAILPOINT = "TOUCHSTONE_TEST_FAILPOINT"
OFFSETS = "TOUCHSTONE_TEST_OFFSETS"
READ = "TOUCHSTONE_TEST_READ"
FENCING = "TOUCHSTONE_TEST_FENCING"
RESTORE = "TOUCHSTONE_TEST_RESTORE"
MISTAKES = {
    OFFSETS: "outside",  # offsets are committed after the transaction, not in it
    READ: "uncommitted",  # restoring and the sink read what was aborted, too
    FENCING: "skip",  # a task's producer does not fence the one before
    RESTORE: "short",  # the last quarter of the changelog is not read
}

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
IN_A_FLUSH = (  # of the sink, in the order of effects
    "before_insert",
    "inserted",  # rows are stored, dead letters not sent
    "letters_sent",  # rows and dead letters are safe, offsets not committed
    "flush_committed",
)
WITH_OFFSETS_OUTSIDE = "transaction_over_offsets_not"  # only with TOUCHSTONE_TEST_OFFSETS=outside, if there were inputs
NAMES = (*IN_A_TRANSACTION, *IN_A_LIFE, *IN_A_FLUSH, WITH_OFFSETS_OUTSIDE)


def _parse(text: str) -> tuple[str, int]:
    name, _, count = text.partition(":")
    if not name:
        return "", 0
    if name not in NAMES or not (count or "1").isdigit():
        raise UserError(f"{FAILPOINT}={text}: no such failpoint", f"name:count with a name of {', '.join(NAMES)}")
    return name, int(count or "1")


def _mistaken(switch: str) -> bool:
    value = os.environ.get(switch, "")
    if value not in ("", MISTAKES[switch]):
        raise UserError(f"{switch}={value}: no such mistake", f"for tests only, and then it is {MISTAKES[switch]}")
    return bool(value)


_name, _left = _parse(os.environ.get(FAILPOINT, ""))
offsets_outside = _mistaken(OFFSETS)
fencing_skipped = _mistaken(FENCING)
restore_short = _mistaken(RESTORE)
isolation_level = "read_uncommitted" if _mistaken(READ) else "read_committed"


def announce() -> None:
    """Nobody runs with a switch on without being told."""
    for switch in (FAILPOINT, *MISTAKES):
        if os.environ.get(switch):
            logging.getLogger(__name__).error(
                "%s=%s: this process does wrong on purpose, for tests only", switch, os.environ[switch]
            )


def hit(name: str) -> None:
    """Die here, as with kill -9, if a test asked for it."""
    if name != _name:
        return
    global _left
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
