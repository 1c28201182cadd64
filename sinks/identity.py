"""Are the topics those that the rows came from? A topic made anew begins again at offset 0, and its rows would mix with the old ones."""

from collections.abc import Mapping
from typing import Final

from sinks.database import INSERT_SETTINGS, Database, ask
from streams.errors import ExitCode, UserError

_KNOWN: Final = "SELECT topic, argMax(topic_id, accepted_at) FROM topics_read GROUP BY topic"
_ACCEPT: Final = "INSERT INTO topics_read (topic, topic_id) VALUES"


def check(database: Database, identities: Mapping[str, str]) -> None:
    """`identities`: topic → id. New topics are recorded. Raises UserError for a topic with another id, Unavailable."""
    known = {str(topic): str(topic_id) for topic, topic_id in ask(database, _KNOWN)}
    for topic, topic_id in identities.items():
        if known.get(topic, topic_id) != topic_id:
            raise UserError(
                f"{topic} was deleted and made anew since ClickHouse got its rows: its positions begin again at 0",
                f"to keep the old rows beside the new ones: {_ACCEPT} ('{topic}', '{topic_id}'); otherwise delete them first "
                "(docs/clickhouse.md), or set another TOUCHSTONE_CLICKHOUSE_DATABASE. Then start the sink again",
                exit_code=ExitCode.NO,
            )
    new = [(topic, topic_id) for topic, topic_id in identities.items() if topic not in known]
    if new:
        ask(database, _ACCEPT, new, settings=INSERT_SETTINGS)
