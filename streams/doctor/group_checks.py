"""How far the worker and the sink are behind: messages not committed yet, and for how long the oldest of them has been waiting."""

from typing import Final

from schemas.topics import AUDIENCE, all_topics
from sinks.source import GROUP as SINK_GROUP
from sinks.source import topics as sink_topics
from streams.admin import Admin
from streams.doctor.check import Finding, Status
from streams.engine.topology import WORKER_GROUP
from streams.lag import oldest_seconds
from streams.settings import Settings

OLD_SECONDS: Final = 60.0  # a backlog older than that is worth a look


def worker(settings: Settings) -> list[Finding]:
    """The workers' group on the inputs of its jobs."""
    inputs = [
        settings.topic(name)
        for name, topic in all_topics().items()
        if "streams.engine" in topic.readers and topic.cleanup == "delete" and AUDIENCE not in name
    ]
    return _group("worker", settings.topic(WORKER_GROUP), inputs, "touchstone worker", settings)


def sink(settings: Settings) -> list[Finding]:
    """The sink's group on what it stores."""
    return _group("sink", settings.topic(SINK_GROUP), sink_topics(settings), "touchstone sink clickhouse", settings)


def _group(check: str, group: str, names: list[str], command: str, settings: Settings) -> list[Finding]:
    with Admin(settings) as admin:
        there = admin.topics()
        names = [name for name in names if name in there]
        members, done = admin.members(group), admin.group_offsets(group)
        behind = {at: count for at, count in admin.lag(group, names).items() if count}
        begins = admin.begin_offsets(names)
    total = sum(behind.values())
    seconds = oldest_seconds({at: done.get(at, begins[at]) for at in behind}, settings) if behind else 0.0
    age = "" if seconds is None or not behind else f", the oldest for {seconds:,.0f} s"
    what = f"{members or 'no'} member{'' if members == 1 else 's'} of {group}, {total:,} messages to go{age}"
    if not members:
        status: Status = "failed" if total else "attention"
        return [Finding(check, status, what, f"start `{command}`")]
    if seconds is not None and seconds > OLD_SECONDS:
        worst = max(behind, key=lambda at: behind[at])
        fix = f"most of it on {worst[0]}/{worst[1]}; its log says whether it is held; more of them share the partitions"
        return [Finding(check, "attention", what, fix)]
    return [Finding(check, "ok", what)]
