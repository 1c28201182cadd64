"""The harness against itself: each mistake that a careless change could make must turn it red.

A mistake is a switch of streams/engine/failpoints.py (or, for the table's key, another DDL), with a scenario in which it matters.
"""

import re
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from sinks import migrations
from sinks.database import ask, connect, database_name
from streams.engine.failpoints import FAILPOINT, FENCING, MISTAKES, OFFSETS, READ, RESTORE, WITH_OFFSETS_OUTSIDE
from streams.settings import Settings
from tests.torture.load import Load
from tests.torture.play import Scenario
from tests.torture.process import until
from tests.torture.scenarios.membership import zombie_worker
from tests.torture.stage import Stage


class Mutation(NamedTuple):
    """`laws`: those of which at least one must say so."""

    name: str
    scenario: Scenario
    laws: tuple[str, ...]
    switch: str = ""
    migrate: Callable[[Settings], object] = migrations.migrate

    @property
    def mistakes(self) -> dict[str, str]:
        """For the environment of the processes."""
        return {self.switch: MISTAKES[self.switch]} if self.switch else {}


def _killed_at(place: str) -> Callable[[Stage], None]:
    def run(stage: Stage) -> None:
        stage.sink()
        stage.send(Load(stage.seed, stage.count(2000)).messages())
        worker = stage.worker(**{FAILPOINT: place})
        assert worker.wait() == -signal.SIGKILL, worker.said()
        stage.expel()
        stage.healed(f"kill at {place}")

    return run


def _aborted_while_stored(stage: Stage) -> None:
    """The worker sleeps with a transaction open whose messages a careless sink has stored, and dies: they are aborted."""
    stage.sink().says("reads")
    stage.send(Load(stage.seed, stage.count(2000)).messages())
    worker = stage.worker(**{FAILPOINT: "offsets_sent:3"})
    assert worker.wait() == -signal.SIGKILL, worker.said()
    time.sleep(2)  # flushes of the sink while the transaction is open
    stage.expel()
    stage.healed("kill with an open transaction")


def _restarted(stage: Stage) -> None:
    """Stopped in order and started again: nothing else is needed to miss what was not restored."""
    stage.sink()
    stage.flow(500)
    worker = stage.worker()
    until("it works", lambda: len(stage.reader.seen) > 500)
    worker.stop()
    stage.worker().says("restored")


def _loaded(stage: Stage) -> None:
    stage.worker(), stage.sink()
    stage.pump(2000, 2000)


def without_position_in_the_key(settings: Settings) -> None:
    """Tables as in sinks/sql, but their sorting keys end before the position."""
    admin = connect(settings, database="")
    ask(admin, f"CREATE DATABASE IF NOT EXISTS {database_name(settings)}")
    admin.disconnect()
    database = connect(settings)
    for file in sorted(migrations.FOLDER.glob("*.sql")):
        for statement in migrations.split(file.read_text(encoding="utf-8")):
            ask(database, re.sub(r", _topic, _partition, _offset\)", ")", statement))
    database.disconnect()


def _at_least_once(stage: Stage) -> None:
    _killed_at("outputs_sent:3")(stage)


MUTATIONS = [
    Mutation(
        "offsets outside the transaction",
        Scenario(
            "killed after the transaction", _killed_at(WITH_OFFSETS_OUTSIDE), "kill -9 between transaction and offsets"
        ),
        ("as without fault",),
        OFFSETS,
    ),
    Mutation(
        "read uncommitted",
        Scenario("killed in a transaction", _aborted_while_stored, "kill -9 with a transaction open"),
        ("none invented", "as without fault"),
        READ,
    ),
    Mutation(
        "no fencing at the start",
        Scenario("zombie worker", zombie_worker, "SIGSTOP, another takes over, SIGCONT"),
        ("as without fault",),
        FENCING,
    ),
    Mutation(
        "restore short of the end",
        Scenario("restarted", _restarted, "an orderly restart"),
        ("as without fault",),
        RESTORE,
    ),
    Mutation(
        "position out of ClickHouse's key",
        Scenario("loaded", _loaded, "load without any fault"),
        ("none lost", "outputs stored"),
        migrate=without_position_in_the_key,
    ),
    Mutation(
        "at least once instead of exactly once",
        Scenario(
            "killed after the outputs",
            _at_least_once,
            "kill -9 between outputs and offsets, TOUCHSTONE_WORKER_DELIVERY=at_least_once",
            settings={"worker_delivery": "at_least_once"},
        ),
        ("as without fault",),
    ),
]


def chosen(names: str) -> list[Mutation]:
    """By how their names begin, separated by commas; empty: all. Raises ValueError."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if not any(each.name.startswith(name) for each in MUTATIONS)]
    if unknown:
        raise ValueError(f"no mistake begins with {unknown}; there are: {', '.join(each.name for each in MUTATIONS)}")
    return [each for each in MUTATIONS if not wanted or any(each.name.startswith(name) for name in wanted)]
