"""The Faust app of a worker: one consumer group, one agent, one table a job as the anchor of co-partitioning.

Faust does membership, assignment and polling. It recovers no table, creates no topic, commits nothing and serves no web page.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import faust
from faust.app.base import BootStrategy
from faust.tables.manager import TableManager
from faust.types import TP

from streams.engine.job import AnyJob
from streams.engine.topology import WORKER_GROUP, changelog, read_topics
from streams.kafka_config import bootstrap_servers

if TYPE_CHECKING:
    from streams.engine.worker import Worker


class Anchor(TableManager):
    """Keeps the declared tables, so that Faust assigns partition p of all topics together; restores nothing of them."""

    mundane_level = "debug"

    async def on_start(self) -> None:
        self._tables_finalized.set()
        self._tables_registered.set()

    async def on_stop(self) -> None:
        await cast(App, self.app)._fetcher.stop()

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """The tasks are drained already: Consumer.on_partitions_revoked."""

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Where Faust would recover tables, the worker starts, restores and resumes its tasks."""
        cast(App, self.app).worker.on_assigned(set(assigned), generation_id)

    async def wait_until_recovery_completed(self) -> bool:
        return False


class Boot(BootStrategy):
    """No producer (each task has its own), no web server."""

    enable_kafka_producer = False
    enable_web = False


class App(faust.App):
    """A Faust app that knows its worker."""

    BootStrategy = Boot
    mundane_level = "debug"
    worker: "Worker"

    async def on_first_start(self) -> None:
        """Faust would create a data directory here."""


def build(worker: "Worker", jobs: Sequence[AnyJob]) -> App:
    """The app, with the agent that hands polls to the worker."""
    settings = worker.settings
    app = App(
        settings.topic(WORKER_GROUP),
        broker=[f"touchstone://{server}" for server in bootstrap_servers(settings)],
        store="memory://",
        autodiscover=False,
        TableManager=Anchor,
        table_standby_replicas=settings.worker_standbys,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        stream_wait_empty=False,
        stream_buffer_maxsize=64,  # of polls, not of messages
        broker_commit_interval=3600.0,
        producer_acks=-1,
        key_serializer="raw",
        value_serializer="raw",
    )
    app.worker = worker
    names = sorted({settings.topic(topic) for job in jobs for topic in read_topics(job)})
    for job in jobs:
        topic = app.topic(settings.topic(changelog(job)), acks=False)
        app.Table(f"anchor-{job.name}", changelog_topic=topic)

    @app.agent(app.topic(*names, acks=False, value_serializer="raw", key_serializer="raw"))
    async def deliver(stream: Any) -> None:
        async for poll in stream.noack():
            worker.deliver(poll)

    return app
