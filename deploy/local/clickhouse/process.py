"""The server as a child process of the local stack and of tests: start, wait until it answers, stop, kill."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.ports import HOST, answers
from deploy.local.process import Child
from deploy.local.supervisor import Service

START_SECONDS = 60.0  # usually under a second; a cold disk has 550 MB to read
STOP_SECONDS = 10.0
NICENESS = 15  # an insert a second may wait for a core, an action of the worker should not
ROOT = Path(__file__).parents[3]


class ClickHouse:
    """One server. `folder` holds its data and its log; with port 0 the system chooses, and a new start keeps the choice.

    `options` are more arguments of `python -m deploy.local.clickhouse`, such as `--readonly-user NAME`.
    """

    def __init__(self, folder: Path, port: int = 0, options: Sequence[str] = (), log: Path | None = None) -> None:
        self.folder = folder.absolute()
        self.port = port
        self.log = (log or folder / "clickhouse.log").absolute()
        self._options = list(options)
        self.child: Child | None = None
        self._answered = False

    @property
    def host(self) -> str:
        return HOST

    def start(self) -> None:
        """Starts it without waiting: see `wait`."""
        self._answered = False
        self.child = Child("clickhouse", self._command(), self.log, cwd=ROOT)

    def service(self) -> Service:
        """For a supervisor. The port must be given."""
        return Service(
            "clickhouse", self._command(), self._answers, cwd=ROOT, stop_seconds=STOP_SECONDS, niceness=NICENESS
        )

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "deploy.local.clickhouse", "--data", str(self.folder / "data")]
        return [*command, "--host", HOST, "--port", str(self.port), *self._options]

    def _answers(self) -> bool:
        return answers(self.port)

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Until it takes connections. Raises UserError with the end of its log when it does not."""
        assert self.child is not None
        self.child.wait_until(self.ready, seconds)

    def ready(self) -> bool:
        """Has it said that it takes connections, and does it still run?"""
        if self.child is None or self.child.exit_code is not None:
            return False
        lines = [] if self._answered else self.child.tail(lines=1000).splitlines()
        for line in lines:
            if line.startswith('{"ready"'):
                self.port, self._answered = int(json.loads(line)["port"]), True
        return self._answered

    def stop(self) -> int:
        """An orderly end; the exit code."""
        return self.child.stop(STOP_SECONDS) if self.child is not None else 0

    def kill(self) -> None:
        """kill -9."""
        if self.child is not None:
            self.child.kill()
