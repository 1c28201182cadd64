"""What `touchstone uplift` compares, read back from ClickHouse as it holds now; only the columns and touchpoints that it needs."""

from typing import Any, Final

from sinks.database import Database, ask
from streams.uplift.moments import Message, Reply
from streams.uplift.rows import Answer, Deed, Rows, Visit

_DECIDED: Final = "action_id, subject_id, toUnixTimestamp64Micro(decided_at), rule, rule_version"
_ACTIONS: Final = (
    f"SELECT {_DECIDED}, arrayDistinct(evidence.signal), toFloat64(ifNull(cost, amount)), isNotNull(amount) FROM actions_current "  # noqa: S608 - names from above
    "WHERE subject_type = 'customer'"
)
_HOLDOUTS: Final = f"SELECT {_DECIDED}, experiment, share, salt FROM holdouts_current WHERE subject_type = 'customer'"  # noqa: S608 - names from above
_COSTS: Final = (
    "SELECT action_id, toFloat64(sum(cost)) FROM action_updates_current WHERE cost IS NOT NULL GROUP BY action_id"
)
_ANSWERS: Final = (
    "SELECT subject_id, toUnixTimestamp64Micro(about_at), experience FROM experiences_current "
    "WHERE experience IS NOT NULL AND respondent = 'customer'"
)
_VISITS: Final = (
    "SELECT subject_id, toUnixTimestamp64Micro(occurred_at), touchpoint, outcome FROM touchpoints_current "
    "WHERE touchpoint IN %(touchpoints)s"
)
_ENDS: Final = (
    "SELECT max(at) FROM (SELECT toUnixTimestamp64Micro(max(occurred_at)) AS at FROM touchpoints "
    "UNION ALL SELECT toUnixTimestamp64Micro(max(occurred_at)) FROM feedback "
    "UNION ALL SELECT toUnixTimestamp64Micro(max(decided_at)) FROM actions)"
)
_INPUTS_END: Final = (
    "SELECT max(at) FROM (SELECT toUnixTimestamp64Micro(max(occurred_at)) AS at FROM touchpoints "
    "UNION ALL SELECT toUnixTimestamp64Micro(max(occurred_at)) FROM feedback)"
)
_MESSAGES: Final = (
    "SELECT action_id, toUnixTimestamp64Micro(ifNull(deliver_not_before_at, decided_at)), rule, kind, channel, touchpoint, "
    "journey FROM actions_current WHERE audience IN %(audiences)s"
)
_REPLIES: Final = (
    "SELECT arrayJoin(arrayDistinct([invitation_id, action_id])) AS name, toUnixTimestamp64Micro(occurred_at) FROM {table} "
    "WHERE name != '' AND {which}"
)


def read_rows(database: Database, touchpoints: list[str]) -> Rows:
    """All that is stored, for these touchpoints."""
    done = [
        Deed(name, who, at, rule, version, signals=tuple(signals), cost=cost, gives=bool(gives))
        for name, who, at, rule, version, signals, cost, gives in _ask(database, _ACTIONS)
    ]
    held = [
        Deed(name, who, at, rule, version, held_for=experiment, share=share, salt=salt)
        for name, who, at, rule, version, experiment, share, salt in _ask(database, _HOLDOUTS)
    ]
    visits = _ask(database, _VISITS, {"touchpoints": tuple(touchpoints)}) if touchpoints else []
    return Rows(
        done + held,
        [Answer(*row) for row in _ask(database, _ANSWERS)],
        [Visit(*row) for row in visits],
        dict(_ask(database, _COSTS)),
        int(_ask(database, _ENDS)[0][0] or 0),
    )


def read_messages(database: Database, audiences: list[str]) -> list[Message]:
    """Messages in force for these audiences."""
    found = _ask(database, _MESSAGES, {"audiences": tuple(audiences)}) if audiences else []
    return [Message(name, at, rule, kind, *(text or None for text in rest)) for name, at, rule, kind, *rest in found]


def read_replies(database: Database) -> tuple[list[Reply], int]:
    """What names a message, and how far anything is known (µs)."""
    replies = [
        Reply(name, at, said)
        for table, which, said in (
            ("feedback_current", "true", True),
            ("touchpoints_current", "outcome = 'success'", False),
        )
        for name, at in _ask(database, _REPLIES.format(table=table, which=which))
    ]
    return replies, int(_ask(database, _INPUTS_END)[0][0] or 0)


def _ask(database: Database, query: str, values: dict[str, object] | None = None) -> list[Any]:
    return list(ask(database, query, values))
