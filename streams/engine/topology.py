"""The topics of a worker's jobs as they are on the cluster: do they exist, with equal partition counts, and are they the same ones?

In: jobs. Out: partition counts and UUIDs, or a UserError that says what to create or repair.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.admin import Admin
from streams.engine.dead_letter import TOPIC as DEAD_LETTERS
from streams.engine.job import AnyJob
from streams.errors import ExitCode, Unavailable, UserError
from streams.settings import Settings

WORKER_GROUP = "touchstone-worker"  # of the workers, without prefix


def changelog(job: AnyJob) -> str:
    """The job's changelog topic, without prefix."""
    return f"cx-{job.name}-changelog"


def read_topics(job: AnyJob) -> tuple[str, ...]:
    """Topics of which partition p belongs to task p, without prefix: inputs in rank order, then the broadcast topic."""
    return job.inputs if job.broadcast is None else (*job.inputs, job.broadcast)


def _written_topics(job: AnyJob) -> tuple[str, ...]:
    follow = () if job.stream_time_to is None else (job.stream_time_to,)
    return (*job.outputs, *follow, changelog(job), DEAD_LETTERS)


class Topology(NamedTuple):
    """By topic without prefix: number of partitions, UUID."""

    partitions: dict[str, int]
    uuids: dict[str, str]


def check_jobs(jobs: Sequence[AnyJob]) -> None:
    """Raises ValueError for jobs that cannot run in one consumer group."""
    readers: dict[str, str] = {}
    for job in jobs:
        for topic in job.inputs:
            if topic in readers:
                raise ValueError(f"{topic} is an input of {readers[topic]} and of {job.name}: one group, one reader")
            readers[topic] = job.name
    names = [job.name for job in jobs]
    if len(set(names)) != len(names):
        raise ValueError(f"two jobs have the same name: {names}")


def read(jobs: Sequence[AnyJob], settings: Settings) -> Topology:
    """Blocks. Raises Unavailable when no broker answers, UserError when topics are missing or do not fit together."""
    names = {topic for job in jobs for topic in (*read_topics(job), *_written_topics(job))}
    found = _describe(names, settings)
    missing = sorted(settings.topic(name) for name in names if name not in found.partitions)
    if missing:
        raise UserError(
            f"topics are missing on {settings.kafka_brokers}: {', '.join(missing)}", "touchstone topics create"
        )
    for job in jobs:
        _check_counts(job, found, settings)
    return found


def _describe(names: Iterable[str], settings: Settings) -> Topology:
    try:
        with Admin(settings) as admin:
            known = admin.topics()
    except UserError as error:
        if error.exit_code == ExitCode.UNAVAILABLE:
            raise Unavailable(error.what) from error
        raise
    found = {name: known[settings.topic(name)] for name in names if settings.topic(name) in known}
    return Topology(
        {name: topic.partitions for name, topic in found.items()}, {name: topic.id for name, topic in found.items()}
    )


def _check_counts(job: AnyJob, found: Topology, settings: Settings) -> None:
    siblings = (*read_topics(job), changelog(job))
    counts = {name: found.partitions[name] for name in siblings}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{settings.topic(name)} has {count}" for name, count in counts.items())
        raise UserError(
            f"topics of job {job.name} must have the same number of partitions: {said}",
            "a key would live in two tasks; create the topics again with equal counts (TOUCHSTONE_KAFKA_PARTITIONS)",
        )


def uuids_of_state(jobs: Sequence[AnyJob], topology: Topology) -> dict[str, str]:
    """UUIDs of the topics that state is built from and kept in."""
    names = {topic for job in jobs for topic in (*read_topics(job), changelog(job))}
    return {name: topology.uuids[name] for name in sorted(names)}


def check_same(recorded: dict[str, str], now: Topology, where: str, settings: Settings) -> None:
    """Raises UserError when a topic that the state was built from has been deleted and created again."""
    for name, uuid in recorded.items():
        if now.uuids.get(name, uuid) != uuid:
            raise UserError(
                f"{settings.topic(name)} was deleted and created again: the state of {where} was built from another topic "
                f"(UUID {uuid}, now {now.uuids[name]}), and its offsets mean nothing in this one",
                "docs/failures.md, 'state cannot be used': stop the workers, delete the consumer group and the changelog, "
                "create the changelog, start again",
            )
