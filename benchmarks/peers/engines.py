"""The engines: Touchstone, Kafka Streams (two programs in two modes), Quix Streams, stock Faust. Each gets the same topics and the same commit interval."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers import java
from benchmarks.peers.engine import Engine, Missing, Program, Run

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FAUST_TOUCHPOINTS = 100_000  # at 5,840/s: a round of 20 s


def cache_folder() -> Path:
    """Where environments and classes of the peers are kept: `$XDG_CACHE_HOME/touchstone/peers`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "touchstone" / "peers"


class Touchstone:
    """One worker. `delivery` as in TOUCHSTONE_WORKER_DELIVERY."""

    name = "touchstone"
    most_touchpoints: int | None = None

    def __init__(self, delivery: str = "exactly_once", profile: str = "") -> None:
        self._delivery = delivery
        self._profile = ["-m", "cProfile", "-o", profile] if profile else []

    def prepare(self) -> str:
        return f"{version('touchstone')}, {self._delivery}, Python {platform.python_version()}"

    def program(self, run: Run) -> Program:
        arguments = {
            "name": run.name,
            "actions": run.actions.removeprefix(run.input_prefix),
            "messages": run.messages,
        }
        environment = {
            "TOUCHSTONE_KAFKA_BROKERS": run.bootstrap,
            "TOUCHSTONE_KAFKA_PREFIX": run.input_prefix,
            "TOUCHSTONE_WORKER_DELIVERY": self._delivery,
            "TOUCHSTONE_WORKER_COMMIT_INTERVAL_MS": str(round(run.commit_seconds * 1000)),
        }
        command = [sys.executable, *self._profile, "-m", "benchmarks.peers.touchstone_job", json.dumps(arguments)]
        return Program(command, run.topic("touchstone-worker"), environment)


class KafkaStreams:
    """One stream thread. `program` is a folder of kafka_streams/: idiomatic or tuned. `guarantee` is Kafka Streams'
    processing.guarantee; `store` is memory or rocksdb.

    With a cache that holds every customer a state that has changed is written once a commit; with 0 at each change.
    """

    most_touchpoints: int | None = None

    def __init__(
        self,
        name: str,
        program: str,
        guarantee: str,
        folder: Path,
        *,
        store: str = "memory",
        cache_mb: int = 256,
        commit_ms: int | None = None,
    ) -> None:
        self.name = name
        self._program = program
        self._guarantee = guarantee
        self._folder = folder
        self._store = store
        self._cache_mb = cache_mb
        self._commit_ms = commit_ms
        self._java: list[str] = []

    def prepare(self) -> str:
        found = java.jdk()
        newer = java.NEWER if found.version >= 24 else ()
        classes = java.class_path(self._program, found, self._folder)
        self._java = [str(found.java), *java.JVM, *java.AVRO, *newer, "-cp", classes, "Detection"]
        commit = "" if self._commit_ms is None else f", commit {self._commit_ms} ms"
        return f"{java.release()}, {self._program}, {self._guarantee}, {self._store} store, cache {self._cache_mb} MB{commit}, Java {found.full_version}"

    def program(self, run: Run) -> Program:
        commit_ms = self._commit_ms if self._commit_ms is not None else round(run.commit_seconds * 1000)
        arguments = {
            "messages": run.messages,
            "touchpoints": run.topic("touchpoints"),
            "feedback": run.topic("feedback"),
            "actions": run.actions,
            "store": self._store,
            "bootstrap.servers": run.bootstrap,
            "application.id": run.name,
            "state.dir": run.scratch,
            "processing.guarantee": self._guarantee,
            "commit.interval.ms": commit_ms,
            "statestore.cache.max.bytes": self._cache_mb << 20,
            **KAFKA_STREAMS,
        }
        return Program([*self._java, *(f"{name}={value}" for name, value in arguments.items())], run.name)


# benchmarks/README.md says why, and what was measured.
KAFKA_STREAMS = {
    "num.stream.threads": 1,
    "replication.factor": 1,
    "max.task.idle.ms": 0,  # waits for an input that has more on the broker: the topics stay aligned
    "buffered.records.per.partition": 5000,
    "consumer.max.poll.records": 5000,
    "producer.batch.size": 256 << 10,
    "producer.linger.ms": 20,
}


class Quix:
    """In an environment of its own: its requirements exclude ours."""

    name = "quix"
    most_touchpoints: int | None = None

    def __init__(self, folder: Path) -> None:
        self._requirements = HERE / "quix-requirements.txt"
        made_of = self._requirements.read_bytes() + platform.python_version().encode()
        self._folder = folder / f"quix-{hashlib.sha256(made_of).hexdigest()[:16]}"

    @property
    def _python(self) -> Path:
        return self._folder / "bin" / "python"

    def prepare(self) -> str:
        if not (self._folder / "complete").exists():
            self._install()
        return f"{self._requirements.read_text().split()[0].partition('==')[2]}, at least once, Python {platform.python_version()}"

    def _install(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        pip = [str(self._python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command in ([sys.executable, "-m", "venv", str(self._folder)], [*pip, "-r", str(self._requirements)]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Missing(f"cannot install Quix Streams into {self._folder}: {done.stderr.strip()[-1000:]}")
        (self._folder / "complete").touch()

    def program(self, run: Run) -> Program:
        command = [str(self._python), "-m", "benchmarks.peers.quix_job", _arguments(run)]
        return Program(command, run.name, {"PYTHONPATH": str(ROOT)})


class Faust:
    """The pinned release as it is, in our environment."""

    name = "faust"
    most_touchpoints: int | None = FAUST_TOUCHPOINTS

    def prepare(self) -> str:
        return f"{version('faust-streaming')}, at least once, Python {platform.python_version()}"

    def program(self, run: Run) -> Program:
        return Program([sys.executable, "-m", "benchmarks.peers.faust_job", _arguments(run)], run.name)


def _arguments(run: Run) -> str:
    """For the peers in Python."""
    return json.dumps(
        {
            "bootstrap": run.bootstrap,
            "group": run.name,
            "touchpoints": run.topic("touchpoints"),
            "feedback": run.topic("feedback"),
            "actions": run.actions,
            "messages": run.messages,
            "commit_seconds": run.commit_seconds,
            "state_dir": str(run.scratch),
        }
    )


# What each is, for those who have to choose.
KINDS = {
    "touchstone": "one Touchstone worker, exactly once (--delivery), with dead letters, metrics and all other machinery",
    "kafka-streams-eos": "Kafka Streams as its users write it: Avro's library with generated classes; exactly_once_v2",
    "kafka-streams-alos": "the same program, at least once",
    "kafka-streams-tuned-eos": "Kafka Streams with Avro and state read and written by hand, as bytes; exactly_once_v2",
    "kafka-streams-tuned-alos": "the same program, at least once",
    "quix": "Quix Streams (Python, RocksDB), at least once, in an environment of its own",
    "faust": f"stock faust-streaming, at least once; the first {FAUST_TOUCHPOINTS:,} touchpoints only",
}
NAMES = tuple(KINDS)


def choose(
    names: list[str], *, delivery: str, profile: str, folder: Path, store: str, cache_mb: int, commit_ms: int | None
) -> list[Engine]:
    """`store`, `cache_mb` and `commit_ms` are Kafka Streams'."""
    engines: dict[str, Engine] = {
        "touchstone": Touchstone(delivery, profile),
        "quix": Quix(folder),
        "faust": Faust(),
    }
    for program, middle in (("idiomatic", ""), ("tuned", "tuned-")):
        for guarantee, end in (("exactly_once_v2", "eos"), ("at_least_once", "alos")):
            name = f"kafka-streams-{middle}{end}"
            engines[name] = KafkaStreams(
                name, program, guarantee, folder, store=store, cache_mb=cache_mb, commit_ms=commit_ms
            )
    return [engines[name] for name in NAMES if name in names]
