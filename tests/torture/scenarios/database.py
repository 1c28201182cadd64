"""ClickHouse: down, deaf, slow, its answers lost, refusing for reasons that pass; one row that it will never take; its disk full."""

import resource
import time

from tests import sink_records as make
from tests.torture.load import CODEC, Load, Outgoing
from tests.torture.play import Scenario
from tests.torture.process import until
from tests.torture.proxy import Mode
from tests.torture.stage import Stage

REFUSALS = {
    241: "out of memory",
    242: "read-only",
    164: "read-only user",
    202: "too many queries",
    252: "too many parts",
}


def _flowing(stage: Stage) -> None:
    stage.worker(), stage.sink()
    stage.flow(500)
    until("rows come", lambda: stage.query("SELECT count() FROM actions")[0][0] > 200)


def _goes_on(stage: Stage, what: str) -> None:
    stage.healed(what)
    rows = stage.query("SELECT uniqExact(_partition, _offset) FROM actions")[0][0]
    until(
        f"rows come again after {what}",
        lambda: stage.query("SELECT uniqExact(_partition, _offset) FROM actions")[0][0] > rows + 100,
        90,
    )


def _through_the_proxy(stage: Stage, mode: Mode, seconds: float, code: int = 0) -> None:
    before = stage.proxy.faults
    stage.proxy.set(mode, code)
    until(f"the sink meets {mode}", lambda: stage.proxy.faults > before)
    time.sleep(seconds)  # the length of the outage
    stage.proxy.set("pass")
    _goes_on(stage, f"{mode} {REFUSALS.get(code, '')}".strip())


def down(stage: Stage) -> None:
    """The network to it is gone; then it is killed; in the long tier for minutes."""
    _flowing(stage)
    _through_the_proxy(stage, "gone", 120 if stage.scale >= 1 else 3)
    stage.clickhouse.process.kill()
    time.sleep(1)
    stage.clickhouse.start()
    _goes_on(stage, "kill -9 of ClickHouse")


def deaf(stage: Stage) -> None:
    """It takes the connection and says nothing."""
    _flowing(stage)
    _through_the_proxy(stage, "deaf", 30 if stage.scale >= 1 else 6)


def slow(stage: Stage) -> None:
    _flowing(stage)
    _through_the_proxy(stage, "slow", 20 if stage.scale >= 1 else 3)


def answers_lost(stage: Stage) -> None:
    """Rows are stored, and the sink does not hear of it."""
    _flowing(stage)
    _through_the_proxy(stage, "answers_lost", 10 if stage.scale >= 1 else 3)
    repeats = stage.repeats()
    stage.note("rows were repeated", sum(repeats.values()) > 0, f"{repeats}")


def refusing(stage: Stage) -> None:
    """Errors that pass: out of memory, read-only, too many parts. They must not be taken for faults of rows."""
    _flowing(stage)
    for code in REFUSALS:
        _through_the_proxy(stage, "refuses", 5 if stage.scale >= 1 else 1.5, code)
    letters = stage.query("SELECT count() FROM dead_letters")[0][0]
    stage.note("no row blamed", letters == 0, f"{letters} dead letters")


def too_many_parts(stage: Stage) -> None:
    """The real thing: merges are stopped and the limit is low."""
    _flowing(stage)
    stage.query("ALTER TABLE actions MODIFY SETTING parts_to_throw_insert = 2, parts_to_delay_insert = 1")
    sink = stage.alive("sink")[0]
    sink.says("code 252")
    stage.query("ALTER TABLE actions RESET SETTING parts_to_throw_insert, parts_to_delay_insert")
    stage.query("SYSTEM START MERGES actions")
    _goes_on(stage, "too many parts")


def rejected_row(stage: Stage) -> None:
    """One row in thousands violates a constraint: it alone goes to the dead letters."""
    stage.query("ALTER TABLE actions ADD CONSTRAINT fine CHECK template != 'rejected'")
    messages = list(Load(stage.seed, stage.count(4000)).messages())
    bad = make.touchpoint(0, event_id="bad", subject_id="k1", attributes={"template": "rejected"})
    messages.insert(len(messages) // 2, Outgoing("bad", "cx-touchpoints", b"k1", CODEC.encode(bad)))
    stage.send(messages)
    stage.worker(), stage.sink()
    stage.drain()
    letters = stage.query("SELECT source_topic, reason FROM dead_letters_current")
    right = [(stage.settings.topic("cx-actions"), "rejected_by_sink")]
    stage.note("one row refused", letters == right, f"{letters}")


def disk_full(stage: Stage) -> None:
    """ClickHouse cannot write any more; with room again all is there."""
    _flowing(stage)
    child = stage.clickhouse.process.child
    assert child is not None
    before = resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (4_000, resource.RLIM_INFINITY))
    try:
        stage.alive("sink")[0].says("ClickHouse refuses, code")
    finally:
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, before)
    _goes_on(stage, "disk full")


SCENARIOS = [
    Scenario("clickhouse down", down, "no connection for two minutes, then kill -9 of the server"),
    Scenario("clickhouse deaf", deaf, "connections are taken and nothing is answered (black hole)"),
    Scenario("clickhouse slow", slow, "each packet takes 0.3 s"),
    Scenario("answers lost", answers_lost, "INSERTs succeed and their answers get lost"),
    Scenario("clickhouse refuses", refusing, "out of memory, read-only, too many queries and parts, as error codes"),
    Scenario("too many parts", too_many_parts, "the engine's own limit of parts"),
    Scenario("rejected row", rejected_row, "one row that ClickHouse will never take"),
    Scenario("disk full", disk_full, "ClickHouse cannot write to its disk"),
]
