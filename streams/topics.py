"""Creates the topics of topics.yaml on a cluster, and tells how they stand there."""

from collections.abc import Iterable

import msgspec

from schemas.topics import AUDIENCE, all_topics, find, notify_topic
from streams.admin import Admin, TopicSpec
from streams.settings import Settings
from streams.topic_plan import Problem, co_partitioned, compare, wanted


class Report(msgspec.Struct, frozen=True):
    """What `create` did and found. `updated`: topic → keys that were set."""

    created: list[str]
    updated: dict[str, list[str]]
    unchanged: int
    problems: list[Problem]


class Row(msgspec.Struct, frozen=True):
    """A topic in a list. `exists` and `messages` None: no cluster was asked."""

    topic: str
    purpose: str
    partitions: int
    retention: str
    exists: bool | None = None
    messages: int | None = None
    id: str | None = None


def create(admin: Admin, settings: Settings, audiences: Iterable[str], *, update_config: bool = False) -> Report:
    """Creates what is missing, unless co-partitioned topics disagree: a new one would only add to the mess."""
    chosen = list(audiences)
    specs = wanted(settings, chosen)
    existing = admin.topics()
    configs = admin.configs({spec.name: list(spec.config) for spec in specs if spec.name in existing})
    plan = compare(specs, co_partitioned(settings, chosen), existing, configs)
    created = admin.create(plan.create) if plan.partitions_agree else []
    problems, updated = plan.problems, {}
    if update_config:
        changes: dict[str, dict[str, str]] = {}
        for problem in problems:
            if problem.config:
                changes.setdefault(problem.topic, {}).update(problem.config)
        admin.set_configs(changes)
        updated = {name: sorted(values) for name, values in changes.items()}
        problems = [problem for problem in problems if not problem.config]
    there = sum(spec.name in existing for spec in specs)
    return Report(created, updated, there - len(updated), problems)


def rows(settings: Settings, audiences: Iterable[str], admin: Admin | None) -> list[Row]:
    """The declared topics, with those notification topics that the cluster has besides; how they stand if `admin` is given."""
    chosen = set(audiences)
    states = admin.topics() if admin else {}
    start = settings.topic(notify_topic(""))
    chosen |= {name.removeprefix(start) for name in states if name.startswith(start)}
    specs = wanted(settings, chosen)
    there = [spec.name for spec in specs if spec.name in states]
    begins, ends = (admin.begin_offsets(there), admin.end_offsets(there)) if admin and there else ({}, {})
    listed = []
    for spec in specs:
        row = _declared(settings, spec)
        if admin:
            state = states.get(spec.name)
            messages = sum(end - begins[at] for at, end in ends.items() if at[0] == spec.name) if state else None
            partitions = state.partitions if state else row.partitions
            row = msgspec.structs.replace(
                row, exists=state is not None, messages=messages, id=state.id if state else None, partitions=partitions
            )
        listed.append(row)
    if not chosen:
        entry = all_topics()[notify_topic(AUDIENCE)]
        listed.append(
            Row(
                settings.topic(notify_topic(AUDIENCE)), entry.purpose, settings.kafka_partitions, _kept(entry.retention)
            )
        )
    return listed


def _declared(settings: Settings, spec: TopicSpec) -> Row:
    topic = find(spec.name.removeprefix(settings.kafka_prefix))
    return Row(spec.name, topic.purpose, spec.partitions, _kept(topic.retention))


def _kept(retention: int | str) -> str:
    return "for ever" if retention == "forever" else f"{retention} days"
