"""The input topics as they stand on the cluster: checked before anything is sent there."""

from streams.admin import Admin
from streams.connect.outgoing import topics
from streams.errors import UserError
from streams.settings import Settings


def input_partitions(settings: Settings, topic: str | None = None) -> dict[str, int]:
    """Topic (without prefix) → its partitions. Raises UserError unless those that may be written to are there and agree."""
    with Admin(settings) as admin:
        states = admin.topics()
    wanted = [topic] if topic is not None else list(topics().values())
    missing = [settings.topic(name) for name in wanted if settings.topic(name) not in states]
    if missing:
        raise UserError(f"topic {missing[0]} does not exist", "`touchstone topics create` makes the topics")
    partitions = {name: states[settings.topic(name)].partitions for name in wanted}
    if len(set(partitions.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in partitions.items())
        raise UserError(
            f"the topics differ in their partitions: {listed}", "`touchstone topics create` says what to do"
        )
    return partitions
