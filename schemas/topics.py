"""The topics of topics.yaml as structs: the only list of topics in the program."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec
import yaml

AUDIENCE = "{audience}"


class Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of topics.yaml, which says what the fields mean."""

    purpose: str
    schema: str | None
    key: str
    partitions: int | Literal["inputs"]
    cleanup: Literal["delete", "compact"]
    retention: int | Literal["forever"]
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    max_message_bytes: int | None = None

    def config(self) -> dict[str, str]:
        """Kafka's topic configuration."""
        retention = "-1" if self.retention == "forever" else str(self.retention * 86_400_000)
        config = {
            "cleanup.policy": self.cleanup,
            "retention.ms": retention,
            "message.timestamp.type": "LogAppendTime",
        }
        if self.max_message_bytes is not None:
            config["max.message.bytes"] = str(self.max_message_bytes)
        return config


@lru_cache(maxsize=1)
def all_topics() -> dict[str, Topic]:
    """Name (without prefix; `{audience}` stands for each audience) → topic."""
    document = yaml.safe_load((Path(__file__).parent / "topics.yaml").read_text(encoding="utf-8"))
    return msgspec.convert(document["topics"], dict[str, Topic])


def notify_topic(audience: str) -> str:
    """Name of an audience's notification topic."""
    return f"cx-notify-{audience}"


def find(name: str) -> Topic:
    """The entry for a topic's name, notification topics included. Raises KeyError."""
    topics = all_topics()
    if name not in topics and name.startswith("cx-notify-"):
        return topics["cx-notify-" + AUDIENCE]
    return topics[name]
