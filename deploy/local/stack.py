"""The local stack: Kafka, ClickHouse, the schema endpoint and the console on loopback, where the settings expect them.

`with local_stack(settings) as stack:` gives a running stack; `stack.supervisor.start(…)` adds processes, `stack.supervisor.run()` watches.
A service whose address in the settings is not on loopback is the user's own: it is left alone.
"""

import contextlib
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from deploy.local import jars, ports
from deploy.local.clickhouse.process import ClickHouse
from deploy.local.display import Shown
from deploy.local.kafka import Broker, archive, default_cache
from deploy.local.lock import Lock
from deploy.local.process import Child
from deploy.local.supervisor import Service, Supervisor
from streams.errors import ExitCode, UserError
from streams.kafka_config import bootstrap_servers
from streams.settings import Settings

LOOPBACK = {"127.0.0.1", "localhost"}  # what the servers listen on
READER = "reader"  # a ClickHouse user for dashboards, who may only query
READER_LIMITS = ("max_execution_time=30", "max_result_rows=1000000")
MIN_FREE_BYTES = 1024**3
PARTS = ("kafka", "clickhouse", "schemas", "console")  # the names that `without` takes


class Stack(NamedTuple):
    """What runs, and where: `addresses` names Kafka, ClickHouse, the schema endpoint and the console."""

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
            with _quicker_next_time(settings, parts, folder):
                yield Stack(supervisor, addresses, folder)


def touchstone(name: str, *arguments: str, ready: Callable[[], bool] = lambda: True) -> Service:
    """A `touchstone` command as a process of the stack: `stack.supervisor.start(touchstone("worker", "worker"))`."""
    return Service(name, [sys.executable, "-m", "streams", *arguments], ready)


def _parts(settings: Settings, folder: Path, without: Collection[str], shown: Shown) -> list[Part]:
    """Kafka and the console last: Kafka takes longest to prepare, the console has nothing to show without the others."""
    parts = []
    if "clickhouse" in without:
        pass
    elif _local_clickhouse(settings):
        parts.append(_clickhouse(settings, folder))
    else:
        shown.say(f"ClickHouse at {settings.clickhouse_host}:{settings.clickhouse_port} is yours: not started here")
    if "schemas" not in without:
        parts.append(_schemas(settings))
    port = _local_kafka_port(settings)
    if "kafka" in without:
        pass
    elif port is None:
        shown.say(f"Kafka at {settings.kafka_brokers} ({settings.kafka_security}) is yours: not started here")
    else:
        cache = _cache(settings)
        _bring_jars(cache, shown)
        broker = Broker(folder / "kafka", port, log=folder / "logs" / "kafka.log", cache=cache)
        parts.append(Part(broker.service(), "Kafka", broker.bootstrap, port, "TOUCHSTONE_KAFKA_BROKERS=127.0.0.1:PORT"))
    if not {"console", "kafka", "clickhouse"} & set(without):
        parts.append(_console(settings))
    return parts


def _local_kafka_port(settings: Settings) -> int | None:
    """The port when the settings name one broker on loopback without TLS or SASL."""
    servers = bootstrap_servers(settings)
    host, _, port = servers[0].rpartition(":")
    local = len(servers) == 1 and host in LOOPBACK and settings.kafka_security == "PLAINTEXT"
    return int(port) if local else None


def _local_clickhouse(settings: Settings) -> bool:
    """The settings name a server on loopback, without TLS, and its user without a password."""
    open_to_all = settings.clickhouse_user == "default" and not settings.clickhouse_password.get_secret_value()
    return settings.clickhouse_host in LOOPBACK and open_to_all and not settings.clickhouse_secure


@contextlib.contextmanager
def _quicker_next_time(settings: Settings, parts: list[Part], folder: Path) -> Iterator[None]:
    """On a machine's first start, Kafka's classes are made ready for the next one, with the lowest priority."""
    cache = _cache(settings)
    if "kafka" not in [part.service.name for part in parts] or archive(cache).exists():
        yield
        return
    command = [sys.executable, "-m", "deploy.local.aot", str(cache)]
    child = Child("prepare", command, folder / "logs" / "prepare.log")
    try:
        yield
    finally:
        child.stop()


def _cache(settings: Settings) -> Path:
    return (settings.local_cache or default_cache()).absolute()


def _bring_jars(cache: Path, shown: Shown) -> None:
    missing = jars.missing(cache)
    if missing:
        with shown.download("Kafka", sum(jar.size_bytes for jar in missing)) as progress:
            jars.fetch(missing, cache, progress)


def _clickhouse(settings: Settings, folder: Path) -> Part:
    port = settings.clickhouse_port
    options = ["--database", settings.clickhouse_database, "--readonly-user", READER]
    options += [word for limit in READER_LIMITS for word in ("--readonly-setting", limit)]
    server = ClickHouse(folder / "clickhouse", port, options, log=folder / "logs" / "clickhouse.log")
    address = f"{ports.HOST}:{port}"
    return Part(server.service(), "ClickHouse", address, port, "TOUCHSTONE_CLICKHOUSE_PORT=PORT")


def _schemas(settings: Settings) -> Part:
    port = settings.local_registry_port
    command = [sys.executable, "-m", "deploy.local.registry", "--port", str(port), "--prefix", settings.kafka_prefix]
    service = Service("schemas", command, lambda: ports.answers(port))
    address = f"http://{ports.HOST}:{port}"
    return Part(service, "Schemas", address, port, "TOUCHSTONE_LOCAL_REGISTRY_PORT=PORT")


def _console(settings: Settings) -> Part:
    """At its port, or at a free one: nothing else depends on where it is."""
    port = settings.console_port if ports.is_free(settings.console_port) else ports.free_port()
    environment = {
        "TOUCHSTONE_CONSOLE_PORT": str(port),
        "TOUCHSTONE_CONSOLE_CLOCK": settings.console_clock,
        "TOUCHSTONE_CONSOLE_HOST": ports.HOST,
    }
    service = touchstone("console", "console", ready=lambda: ports.answers(port))._replace(env=environment)
    return Part(service, "Console", f"http://{ports.HOST}:{port}", port, "TOUCHSTONE_CONSOLE_PORT=PORT")


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
