"""The topics that should be (topics.yaml, settings, audiences) against those that are: what to create, what is wrong. Pure."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from schemas.topics import AUDIENCE, all_topics, notify_topic
from streams.admin import TopicSpec, TopicState
from streams.errors import UserError
from streams.settings import Settings

LEGAL = re.compile(r"[a-zA-Z0-9._-]{1,249}")  # Kafka's own rule for names


class Problem(msgspec.Struct, frozen=True):
    """A topic that is not as it should be. `config`: keys that `--update-config` would set."""

    topic: str
    what: str
    fix: str
    config: dict[str, str] = {}


class Plan(msgspec.Struct, frozen=True):
    """`create` is only safe to carry out while `partitions_agree`."""

    create: list[TopicSpec]
    problems: list[Problem]
    partitions_agree: bool


def wanted(settings: Settings, audiences: Iterable[str]) -> list[TopicSpec]:
    """Every topic of topics.yaml, and one for each audience, by their names on the cluster."""
    specs = []
    chosen = sorted(set(audiences))
    for entry, topic in all_topics().items():
        names = [notify_topic(audience) for audience in chosen] if AUDIENCE in entry else [entry]
        partitions = settings.kafka_partitions if topic.partitions == "inputs" else topic.partitions
        for name in names:
            full = settings.topic(name)
            if not LEGAL.fullmatch(full):
                raise UserError(f"{full!r} cannot be a topic's name", "use letters, digits, dot, underscore and dash")
            specs.append(TopicSpec(full, partitions, settings.kafka_replication, topic.config()))
    return specs


def co_partitioned(settings: Settings, audiences: Iterable[str]) -> set[str]:
    """The topics that must have the same number of partitions, by their names on the cluster."""
    chosen = set(audiences)
    names: set[str] = set()
    for entry, topic in all_topics().items():
        if topic.partitions == "inputs":
            found = [notify_topic(audience) for audience in chosen] if AUDIENCE in entry else [entry]
            names.update(settings.topic(name) for name in found)
    return names


def compare(
    specs: Iterable[TopicSpec],
    together: set[str],
    existing: Mapping[str, TopicState],
    configs: Mapping[str, Mapping[str, str]],
) -> Plan:
    """`together`: names that must agree on partitions; `configs`: values in force of the existing topics."""
    create: list[TopicSpec] = []
    problems: list[Problem] = []
    for spec in specs:
        state = existing.get(spec.name)
        if state is None:
            create.append(spec)
        else:
            problems += _differences(spec, state, configs.get(spec.name, {}), together)
    disagreement = _disagreement(specs, together, existing)
    return Plan(create, disagreement + problems, not disagreement)


def _differences(
    spec: TopicSpec, state: TopicState, config: Mapping[str, str], together: set[str]
) -> Iterable[Problem]:
    if spec.name not in together and state.partitions != spec.partitions:
        yield Problem(
            spec.name,
            f"has {state.partitions} partitions, topics.yaml says {spec.partitions}",
            "partitions cannot be taken away: delete the topic and create it again, if what it holds may go",
        )
    wrong = {key: value for key, value in spec.config.items() if config.get(key) != value}
    for key, value in wrong.items():
        yield Problem(
            spec.name,
            f"{key} is {config.get(key)}, topics.yaml says {value}",
            "`touchstone topics create --update-config` sets it",
            {key: value},
        )


def _disagreement(specs: Iterable[TopicSpec], together: set[str], existing: Mapping[str, TopicState]) -> list[Problem]:
    """Co-partitioned topics that differ among themselves, or all from the setting."""
    setting = next((spec.partitions for spec in specs if spec.name in together), 0)
    counts = {name: existing[name].partitions for name in sorted(together) if name in existing}
    different = sorted(set(counts.values()))
    if len(different) == 1 and different[0] != setting:
        return [
            Problem(
                ", ".join(counts),
                f"partitions: {different[0]} each, TOUCHSTONE_KAFKA_PARTITIONS says {setting}",
                f"set TOUCHSTONE_KAFKA_PARTITIONS={different[0]}; another number needs new topics",
            )
        ]
    if len(different) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        return [
            Problem(
                "co-partitioned topics",
                f"numbers of partitions differ: {listed}",
                "a task reads partition p of all of them, so they must agree: delete and create anew those that are wrong",
            )
        ]
    return []
