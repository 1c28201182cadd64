"""The task record: what a task must know besides its keys' states, one value in the changelog under a reserved key."""

import msgspec

from streams.errors import UserError


class TaskRecord(msgspec.Struct, forbid_unknown_fields=True):
    """Instants in µs. `controls_next`: offset of the first control that is not fully applied.

    `refused_controls`: offsets of controls that were refused, so that reading them again refuses them again.
    `topics`: name on the cluster → UUID. `sources`: stream time of each task of the job that this one follows.
    """

    topics: dict[str, str]
    stream_time: int | None = None
    largest_at: int | None = None
    last_event_at: int | None = None
    controls_next: int = 0
    refused_controls: list[int] = []
    sources: dict[int, int] = {}
    sources_expected: int | None = None
    version: int = 1


def encode(record: TaskRecord) -> bytes:
    """Changelog value."""
    return msgspec.json.encode(record)


def decode(value: bytes) -> TaskRecord:
    """Raises UserError when another version of the program wrote it."""
    try:
        record = msgspec.json.decode(value, type=TaskRecord)
    except msgspec.DecodeError as error:
        raise UserError(
            f"the task record in the changelog cannot be read: {error}", "run the version that wrote it"
        ) from None
    if record.version != 1:
        raise UserError(f"the task record has version {record.version}", "run the version that wrote it")
    return record
