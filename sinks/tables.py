"""Which topic goes into which table: the one list. A new table is an entry here and a file in sinks/sql.

Inputs that can never be right are the worker's to dead-letter: the sink leaves exactly those out, by the same check.
"""

from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from schemas.codec import Codec
from schemas.decisions import Action, Episode, Experience, Holdout, Suppression
from schemas.events import ActionUpdate, Customer, Feedback, Touchpoint
from schemas.refusals import DeadLetterReason, InvalidEvent
from schemas.validate import check
from sinks.dead_letters import DeadLetter, dead_letter
from sinks.segments import CustomerSegments, segments_of
from streams.engine.job import Message


class Table(msgspec.Struct, frozen=True):
    """`record`: what a message becomes. `id`: the column that names it; `at`: when it happened, or what it answers did.

    `is_input`: the worker judges it, too.
    """

    name: str
    topic: str
    record: type[msgspec.Struct]
    id: str
    has_revisions: bool = False
    is_input: bool = False
    at: str = "occurred_at"


TABLES: Final = (
    Table("touchpoints", "cx-touchpoints", Touchpoint, "event_id", is_input=True),
    Table("feedback", "cx-feedback", Feedback, "event_id", is_input=True),
    Table("customers", "cx-customers", CustomerSegments, "event_id", is_input=True),
    Table("action_updates", "cx-action-updates", ActionUpdate, "event_id", is_input=True),
    Table("experiences", "cx-experiences", Experience, "event_id", has_revisions=True),
    Table("actions", "cx-actions", Action, "action_id", has_revisions=True, at="decided_at"),
    Table("episodes", "cx-episodes", Episode, "episode_id", has_revisions=True, at="changed_at"),
    Table("holdouts", "cx-holdouts", Holdout, "action_id", has_revisions=True, at="decided_at"),
    Table("suppressions", "cx-suppressions", Suppression, "action_id", has_revisions=True, at="decided_at"),
    Table("dead_letters", "cx-dead-letters", DeadLetter, "reason", at=""),
)
BY_TOPIC: Final = {table.topic: table for table in TABLES}
BY_NAME: Final = {table.name: table for table in TABLES}


def decode(
    table: Table, codec: Codec, message: Message, topic_on_cluster: str, attributes: AbstractSet[str] = frozenset()
) -> msgspec.Struct:
    """The record of a message; of customers with these attributes. Raises InvalidEvent, or Unavailable from the schema registry."""
    if table.record is DeadLetter:
        return dead_letter(message, topic_on_cluster)
    if table.record is CustomerSegments:
        customer = codec.decode(message.value, Customer)
        check(customer, message.key, len(message.value or b""))
        return segments_of(customer, attributes)
    record = codec.decode(message.value, table.record)
    if isinstance(record, (Touchpoint, Feedback, ActionUpdate)):
        check(record, message.key, len(message.value or b""))
    elif not getattr(record, table.id):
        raise InvalidEvent(DeadLetterReason.MISSING_ID, f"{table.id} is empty")
    return record
