"""Dead letters as rows: a message of cx-dead-letters → who refused what, where and why, with the original bytes.

Headers are Kafka Connect's `__connect.errors.*`; the reason from the closed list stands in `touchstone.reason`.
"""

from typing import Final

import msgspec

from streams.engine.job import Message

TOPIC: Final = "cx-dead-letters"
UNKNOWN_REASON: Final = "unknown"  # a dead letter of somebody else's


class DeadLetter(msgspec.Struct, gc=False, kw_only=True):
    """A refused message. Position: where it stands in its own topic; without that, where the dead letter stands."""

    source_topic: str
    source_partition: int
    source_offset: int
    arrived_at: int | None
    reason: str
    detail: str
    refused_by: str
    key: bytes
    value: bytes
    headers: dict[str, str]


def dead_letter(message: Message, topic_on_cluster: str) -> DeadLetter:
    """The row of a dead letter. Never fails: what its headers do not tell stays empty."""
    headers = {name: value.decode("utf-8", "replace") if value else "" for name, value in message.headers}
    source = headers.get("__connect.errors.topic", "")
    partition = _number(headers.get("__connect.errors.partition"), 32)
    offset = _number(headers.get("__connect.errors.offset"), 64)
    told = bool(source) and partition is not None and offset is not None
    return DeadLetter(
        source_topic=source if told else topic_on_cluster,
        source_partition=partition if told and partition is not None else message.partition,
        source_offset=offset if told and offset is not None else message.offset,
        arrived_at=_number(headers.get("touchstone.arrived_at_ms"), 43),
        reason=headers.get("touchstone.reason") or UNKNOWN_REASON,
        detail=headers.get("__connect.errors.exception.message", ""),
        refused_by=headers.get("__connect.errors.connector.name", ""),
        key=message.key or b"",
        value=message.value or b"",
        headers=headers,
    )


def _number(text: str | None, bits: int) -> int | None:
    """A whole number below 2**bits, else None: a header is anybody's text."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 20:
        return None
    number = int(text)
    return number if number < 1 << bits else None


def letter_headers(
    message: Message, topic_on_cluster: str, sink: str, reason: str, detail: str
) -> list[tuple[str, bytes]]:
    """Headers of a dead letter that this sink sends: those the message came with, then where it stood and why."""
    kept = [
        (name, value) for name, value in message.headers if not name.startswith(("__connect.errors.", "touchstone."))
    ]
    ours = {
        "__connect.errors.topic": topic_on_cluster,
        "__connect.errors.partition": str(message.partition),
        "__connect.errors.offset": str(message.offset),
        "__connect.errors.connector.name": sink,
        "__connect.errors.task.id": str(message.partition),
        "__connect.errors.stage": "TASK_PUT",
        "__connect.errors.class.name": "sinks.clickhouse.Sink",
        "__connect.errors.exception.class.name": "streams.errors.InvalidEvent",
        "__connect.errors.exception.message": detail[:1000],
        "touchstone.reason": reason,
        "touchstone.arrived_at_ms": str(message.timestamp_ms),
    }
    return [*kept, *((name, value.encode("utf-8", "replace")) for name, value in ours.items())]
