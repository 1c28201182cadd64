"""What somebody does on a page → a receipt on cx-action-updates, checked as the worker will check it and acknowledged by Kafka.

Nothing is written into a table: the page shows it when it comes back through the stream.
"""

import uuid
from typing import Final

from schemas.events import ActionUpdate
from sinks.console.reader import Question, Reader
from sinks.console.scope import Scope
from sinks.console.users import User
from streams.codec import codec
from streams.connect.outgoing import Preparation, Refusal
from streams.connect.publisher import Publisher
from streams.connect.rows import Row
from streams.errors import Unavailable, UserError
from streams.settings import Settings

STATUSES: Final = ("accepted", "contacted", "resolved", "declined")
NOTE_LENGTH_MAX: Final = 2_000
SOURCE: Final = "touchstone-console"
DELIVERY_SECONDS: Final = 10.0


class Forbidden(Exception):
    """She may not, or there is no such action in force where she may: nobody learns which."""


class Receipts:
    """Writes receipts. Blocks: call it in a thread."""

    def __init__(self, settings: Settings, reader: Reader) -> None:
        self._settings, self._reader = settings, reader

    def write(self, user: User, scope: Scope, action_id: str, status: str, note: str, now_us: int) -> ActionUpdate:
        """Acknowledged by Kafka when it returns. Raises Forbidden, UserError for what cannot be right, Unavailable."""
        if not user.operator:
            raise Forbidden
        if status not in STATUSES or not 0 < len(action_id) <= 256 or len(note) > NOTE_LENGTH_MAX:
            raise UserError("this is no receipt", f"status: one of {', '.join(STATUSES)}")
        found = self._reader.once(Question("action", scope, (("action", action_id),)))
        if found is None:
            raise Forbidden
        update = ActionUpdate(
            event_id=f"console-{uuid.uuid4().hex}",
            subject_type=found["subject_type"],
            subject_id=found["subject_id"],
            occurred_at=now_us,
            source=SOURCE,
            action_id=action_id,
            status=status,  # type: ignore[arg-type]  # one of STATUSES
            by=user.staff or user.name,
            unit=user.unit or found["unit"] or None,
            note=note or None,
        )
        self._send(update)
        return update

    def _send(self, update: ActionUpdate) -> None:
        writing = codec(self._settings, writes=("action_update",))
        prepared = Preparation(writing, self._settings.worker_future_limit_seconds).message(Row(1, update, None, b""))
        if isinstance(prepared, Refusal):
            raise UserError(f"the worker would refuse this receipt: {prepared.detail}", "nothing was sent")
        send(self._settings, prepared.topic, prepared.key, prepared.value)


def send(settings: Settings, topic: str, key: bytes | None, value: bytes) -> None:
    """One message, acknowledged by all replicas. Raises Unavailable."""
    try:
        publisher = Publisher(settings, DELIVERY_SECONDS)
    except UserError as error:
        raise Unavailable(error.what) from error
    try:
        publisher.send(topic, key or b"", value, line=1)
        publisher.wait(DELIVERY_SECONDS + 1)
        if publisher.under_way or publisher.failures:
            why = str(publisher.failures[0].error) if publisher.failures else "no acknowledgement in time"
            raise Unavailable(f"Kafka did not take it: {why}")
    finally:
        publisher.close()
