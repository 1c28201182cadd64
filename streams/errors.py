"""The outcomes besides success, exit codes, and the error that a user reads.

A handler either succeeds, raises `InvalidEvent` (dead letter, go on) or raises `Unavailable` (hold, retry, commit nothing).
Anything else is a defect and stops the process.
"""

from enum import IntEnum

from schemas.refusals import DeadLetterReason, InvalidEvent

__all__ = ["DeadLetterReason", "ExitCode", "InvalidEvent", "Unavailable", "UserError"]


class Unavailable(Exception):
    """Something outside is not there now: hold the task, retry after `retry_after_seconds`, commit nothing."""

    def __init__(self, detail: str, retry_after_seconds: float = 1.0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class ExitCode(IntEnum):
    """What a `touchstone` command exits with."""

    OK = 0
    NO = 1  # the command worked and the answer is no: a check failed, a comparison differs
    USAGE = 2  # a wrong argument, file or setting
    UNAVAILABLE = 3  # something that the command needs does not answer


class UserError(Exception):
    """Something the user can put right: says what is wrong, where, and what to do."""

    def __init__(self, what: str, fix: str = "", *, exit_code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(f"{what}\n  {fix}" if fix else what)
        self.what = what
        self.fix = fix
        self.exit_code = exit_code
