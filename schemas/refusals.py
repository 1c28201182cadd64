"""Why a message is refused: the closed list of reasons, and the exception that carries one."""

from enum import StrEnum


class DeadLetterReason(StrEnum):
    """The only list of reasons: metrics labels, docs and tests read it."""

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
