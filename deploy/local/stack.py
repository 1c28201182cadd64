"""The local stack: Kafka, ClickHouse and the schema endpoint on loopback, where the settings expect them.

`with local_stack(settings) as stack:` gives a running stack; `stack.supervisor.start(…)` adds processes, `stack.supervisor.run()` watches.
A service whose address in the settings is not on loopback is the user's own: it is left alone.
"""

import contextlib
import shutil
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from deploy.local import jars, ports
from deploy.local.display import Shown
from deploy.local.kafka import Broker, default_cache
from deploy.local.lock import Lock
from deploy.local.supervisor import Service, Supervisor
from streams.errors import ExitCode, UserError
from streams.kafka_config import bootstrap_servers
from streams.settings import Settings

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
MIN_FREE_BYTES = 1024**3
PARTS = ("kafka", "clickhouse", "schemas")  # the names that `without` takes


class Stack(NamedTuple):
    """What runs, and where: `addresses` names Kafka, ClickHouse and the schema endpoint."""

    supervisor: Supervisor
    addresses: dict[str, str]
    folder: Path


class Part(NamedTuple):
    """A service of the stack, its port, and the setting that moves it."""

    service: Service
    title: str
    address: str
    port: int
    setting: str


@contextlib.contextmanager
def local_stack(
    settings: Settings,
    *,
    fresh: bool = False,
    without: Collection[str] = (),
    display: Shown | None = None,
) -> Iterator[Stack]:
    """Starts the parts of the stack that the settings place on loopback; stops them at the end.

    `fresh` deletes the data of earlier runs first. Raises UserError for whatever stands in the way.
    """
    folder = settings.local_dir.absolute()
    shown = display or Shown()
    with shown, Lock(folder, shown.say) as lock:
        _check_space(folder)
        if fresh:
            _delete(folder, without)
        parts = _parts(settings, folder, without, shown)
        for part in parts:
            _check_port(part)
        with Supervisor(folder / "logs", display=shown, on_child=lock.add_child) as supervisor:
            addresses = {part.title: part.address for part in parts}
            lock.note(addresses)
            supervisor.start(*(part.service for part in parts))
            shown.done()
            yield Stack(supervisor, addresses, folder)


def _parts(settings: Settings, folder: Path, without: Collection[str], shown: Shown) -> list[Part]:
    """Kafka last: it takes longest to prepare, the others start meanwhile."""
    parts = []
    if "clickhouse" not in without and settings.clickhouse_host in LOOPBACK:
        parts.append(_clickhouse(settings, folder))
    if "schemas" not in without:
        parts.append(_schemas(settings))
    port = _local_kafka_port(settings)
    if "kafka" not in without and port is not None:
        cache = (settings.local_cache or default_cache()).absolute()
        _bring_jars(cache, shown)
        broker = Broker(folder / "kafka", port, log=folder / "logs" / "kafka.log", cache=cache)
        parts.append(Part(broker.service(), "Kafka", broker.bootstrap, port, "TOUCHSTONE_KAFKA_BROKERS=127.0.0.1:PORT"))
    return parts


def _local_kafka_port(settings: Settings) -> int | None:
    """The port when the settings name one broker on loopback without TLS or SASL."""
    servers = bootstrap_servers(settings)
    host, _, port = servers[0].rpartition(":")
    local = len(servers) == 1 and host.strip("[]") in LOOPBACK and settings.kafka_security == "PLAINTEXT"
    return int(port) if local else None


def _bring_jars(cache: Path, shown: Shown) -> None:
    missing = jars.missing(cache)
    if missing:
        with shown.download("Kafka", sum(jar.size_bytes for jar in missing)) as progress:
            jars.fetch(missing, cache, progress)


def _clickhouse(settings: Settings, folder: Path) -> Part:
    port = settings.clickhouse_port
    command = [sys.executable, "-m", "deploy.local.clickhouse", "--data", str(folder / "clickhouse")]
    command += ["--host", ports.HOST, "--port", str(port)]
    service = Service("clickhouse", command, lambda: ports.answers(port))
    return Part(service, "ClickHouse", f"{ports.HOST}:{port}", port, "TOUCHSTONE_CLICKHOUSE_PORT=PORT")


def _schemas(settings: Settings) -> Part:
    port = settings.local_registry_port
    command = [sys.executable, "-m", "deploy.local.registry", "--port", str(port), "--prefix", settings.kafka_prefix]
    service = Service("schemas", command, lambda: ports.answers(port))
    address = f"http://{ports.HOST}:{port}"
    return Part(service, "Schemas", address, port, "TOUCHSTONE_LOCAL_REGISTRY_PORT=PORT")


def _check_port(part: Part) -> None:
    if ports.is_free(part.port):
        return
    who = ports.owner(part.port)
    raise UserError(
        f"port {part.port}, wanted for {part.title}, is taken" + (f" by {who}" if who else ""),
        f"stop that process, choose another port ({part.setting}), "
        f"or use what runs there: `touchstone up --without {part.service.name}`",
    )


def _check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise UserError(
            f"only {free // 1024**2} MB are free on the disk of {folder}; the local stack needs {MIN_FREE_BYTES // 1024**2}",
            "free some space, or set TOUCHSTONE_LOCAL_DIR to a folder on another disk",
            exit_code=ExitCode.UNAVAILABLE,
        )


def _delete(folder: Path, without: Collection[str]) -> None:
    """The data of the parts that will start; nothing else in the folder."""
    for part in ("kafka", "clickhouse"):
        path = folder / part
        if part not in without and path.exists():
            try:
                shutil.rmtree(path)
            except OSError as error:
                raise UserError(f"cannot delete {error.filename}: {error.strerror}", "check its permissions") from error
