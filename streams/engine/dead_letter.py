"""A refused message as a dead letter: original key and bytes, and headers that say where it stood and why it was refused.

The `__connect.errors.*` headers are Kafka Connect's, so that its tools read them; `touchstone.reason` is the closed list.
"""

from streams.engine.job import Message, Output
from streams.errors import DeadLetterReason

TOPIC = "cx-dead-letters"
_DETAIL_BYTES = 1000
_OURS = ("__connect.errors.", "touchstone.")


def letter(message: Message, topic_on_cluster: str, job: str, reason: DeadLetterReason, detail: str) -> Output:
    """The dead letter of `message`. Headers that it came with are kept before ours."""
    kept = [(name, value) for name, value in message.headers if not name.startswith(_OURS)]
    ours = {
        "__connect.errors.topic": topic_on_cluster,
        "__connect.errors.partition": str(message.partition),
        "__connect.errors.offset": str(message.offset),
        "__connect.errors.connector.name": job,
        "__connect.errors.task.id": str(message.partition),
        "__connect.errors.stage": "VALUE_CONVERTER",
        "__connect.errors.class.name": "streams.engine.core.TaskCore",
        "__connect.errors.exception.class.name": "streams.errors.InvalidEvent",
        "__connect.errors.exception.message": detail,
        "touchstone.reason": str(reason),
        "touchstone.arrived_at_ms": str(message.timestamp_ms),
    }
    encoded = [(name, value.encode("utf-8", "replace")[:_DETAIL_BYTES]) for name, value in ours.items()]
    return Output(TOPIC, message.key, message.value, (*kept, *encoded))
