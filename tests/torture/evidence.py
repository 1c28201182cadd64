"""What the checker may know when a scenario is over: topics, tables, the producer's log, what was observed. Nothing of the program's inside."""

from collections.abc import Callable
from typing import Any, NamedTuple

from streams.engine.store import TASK_KEY, unpack
from tests.torture.observer import Place, Sample
from tests.torture.producer import SentLog
from tests.torture.reading import Seen, read_all
from tests.torture.stage import TABLES, Stage, table

At = tuple[str, int, int]  # topic without prefix, partition, offset
SINK = "sink-clickhouse"
_OUTPUTS = ("cx-actions", "cx-episodes", "cx-experiences", "cx-suppressions", "cx-dead-letters")
_ROLLUPS = {
    "cx-touchpoints": "SELECT sum(events) FROM touchpoints_by_minute",
    "cx-actions": "SELECT sum(new) + sum(revised) + sum(retracted) FROM actions_by_minute",
    "cx-dead-letters": "SELECT sum(messages) FROM dead_letters_by_minute",
}


class Letter(NamedTuple):
    """A dead letter in its topic: which message it is about, why, and who refused it."""

    at: At
    about: At
    reason: str
    by: str


class Evidence(NamedTuple):
    """`rows`: (partition, offset) of `<table>_final` by topic; `physical`: rows before any merge by topic."""

    job: str
    log: SentLog
    inputs: dict[At, Seen]
    outputs: dict[str, list[Seen]]
    letters: list[Letter]
    states: dict[bytes, bytes]
    rows: dict[str, list[tuple[int, int]]]
    physical: dict[str, int]
    rollups: dict[str, int]
    samples: list[Sample]
    healed: list[tuple[float, str]]
    peak_bytes: dict[str, int]
    open_transactions: dict[Place, int]
    lag: tuple[int, int]
    seen: list[Seen]
    accounts: list[dict[str, Any] | None]
    exact: bool
    sink_counters: dict[str, float] | None
    expected: dict[str, object] | None
    memories: dict[bytes, object]
    prefix: str

    def bare(self, topic: str) -> str:
        """A topic's name without prefix."""
        return topic.removeprefix(self.prefix)


def gather(stage: Stage) -> Evidence:
    """After everything is drained; stops the processes. Topics are read by a reader of its own."""
    bare: Callable[[str], str] = lambda name: name.removeprefix(stage.settings.kafka_prefix)  # noqa: E731
    sinks = [each for each in stage.processes if each.kind == "sink"]
    counters = sinks[0].scrape() if len(sinks) == 1 and sinks[0].alive else None
    lag = stage.lag(0), stage.lag(1)
    stage.stop_processes()
    stage.observer.stop()
    names = [*stage.inputs, *(stage.settings.topic(name) for name in _OUTPUTS)]
    changelog = stage.settings.topic("cx-relay-changelog" if stage.job == "relay" else "cx-subjects-changelog")
    topics = read_all(stage.kafka.bootstrap, [*names, changelog])
    places = stage.cluster.partitions(names)
    committed, all_ends = (stage.cluster.ends(places, committed=each) for each in (True, False))
    actions = {one.place for one in topics[stage.settings.topic("cx-actions")]}
    workers = [each for each in stage.processes if each.kind == "worker"]
    return Evidence(
        job=stage.job,
        log=stage.producer.read_back(),
        inputs={(bare(one.topic), *one.place[1:]): one for name in stage.inputs for one in topics[name]},
        outputs={name: topics[stage.settings.topic(name)] for name in _OUTPUTS},
        letters=[_letter(one, bare) for one in topics[stage.settings.topic("cx-dead-letters")]],
        states=_states(topics[changelog]),
        rows={name: stage.query(f"SELECT _partition, _offset FROM {table(name)}_final") for name in TABLES},  # type: ignore[misc]
        physical={name: stage.query(f"SELECT count() FROM {table(name)}")[0][0] for name in TABLES},
        rollups={name: int(stage.query(sql)[0][0]) for name, sql in _ROLLUPS.items()},
        samples=stage.observer.samples,
        healed=stage.faults,
        peak_bytes=stage.observer.peak_bytes,
        open_transactions={at: end - committed[at] for at, end in all_ends.items() if end > committed[at]},
        lag=lag,
        seen=stage.reader.finish(actions),
        accounts=[each.account() for each in workers],
        exact=all("left the group" not in each.said() and each.account() for each in workers),
        sink_counters=counters,
        expected=stage.expected,
        memories=stage.memories,
        prefix=stage.settings.kafka_prefix,
    )


def _letter(one: Seen, bare: Callable[[str], str]) -> Letter:
    headers = {name: value.decode("utf-8", "replace") for name, value in one.headers.items()}
    about = (
        bare(headers["__connect.errors.topic"]),
        int(headers["__connect.errors.partition"]),
        int(headers["__connect.errors.offset"]),
    )
    at = (bare(one.topic), one.partition, one.offset)
    return Letter(at, about, headers["touchstone.reason"], headers["__connect.errors.connector.name"])


def _states(changelog: list[Seen]) -> dict[bytes, bytes]:
    """The last state of each key, as a restore would find it."""
    found: dict[bytes, bytes] = {}
    for one in changelog:
        assert one.key is not None
        if one.value is None:
            found.pop(one.key, None)
        elif one.key != TASK_KEY:
            found[one.key] = unpack(one.value)[0]
    return found
