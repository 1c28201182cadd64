"""The two outcomes besides success, the closed list of dead-letter reasons, and the error that a user reads.

A handler either succeeds, raises `InvalidEvent` (dead letter, go on) or raises `Unavailable` (hold, retry, commit nothing).
Anything else is a defect and stops the process.
"""

from enum import IntEnum, StrEnum


class DeadLetterReason(StrEnum):
    """Why a message was refused. The only list: metrics labels, docs and tests read it."""

    EMPTY_VALUE = "empty_value"  # null or zero bytes
    WRONG_MAGIC = "wrong_magic"  # first byte is not 0: not Confluent wire format
    UNKNOWN_SCHEMA = "unknown_schema"  # the schema id is in neither the registry nor the repository
    WRONG_SCHEMA = "wrong_schema"  # a known schema that does not belong on this topic
    MALFORMED = "malformed"  # the datum does not decode
    TRAILING_BYTES = "trailing_bytes"  # the datum ends before the message does
    MISSING_SUBJECT = "missing_subject"  # no subject id
    KEY_MISMATCH = "key_mismatch"  # key and subject id differ, or the key is missing
    WRONG_PARTITION = "wrong_partition"  # the producer's partitioner is not murmur2
    MISSING_ID = "missing_id"  # no event id
    TIME_TOO_OLD = "time_too_old"  # before the year 2000: a clock that was never set
    TIME_IN_FUTURE = "time_in_future"  # further ahead of its arrival than the limit
    OUT_OF_RANGE = "out_of_range"  # NaN, infinite, negative duration, score outside its scale
    TOO_LARGE = "too_large"  # text, attributes or the whole message beyond the limit
    TOO_LATE = "too_late"  # older than the subject's window: stored, but cannot be judged any more
    MISSING_FIELD = "missing_field"  # a field that this kind of event cannot do without
    CONTROL_TOO_LATE = "control_too_late"  # a control dated before the horizon
    REJECTED_BY_SINK = "rejected_by_sink"  # a row that the database will never take


class InvalidEvent(Exception):
    """This message can never be processed: dead-letter it with its original bytes and go on."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


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
