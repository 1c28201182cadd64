"""A child process with a log file, in a process group of its own, that cannot outlive this process.

Start children from the main thread: on Linux they end with the thread that started them.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from streams.errors import ExitCode, UserError

LEASH = Path(__file__).with_name("leash.py")
WATCHDOG = Path(__file__).with_name("watchdog.py")
TAIL_BYTES = 16_384
_LOOK_SECONDS = 0.02
WATCHDOG_GRACE_SECONDS = 10.0  # from SIGTERM to SIGKILL for what a dead parent left


class Child:
    """A running command. Its output is appended to `log`; the higher its `niceness`, the more it gives way to other processes."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        niceness: int = 0,
    ) -> None:
        self.name = name
        self.log = log
        leash = [sys.executable, "-IS", str(LEASH), str(os.getpid()), str(niceness)]
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as out:
                self._log_start = out.tell()
                self._process = subprocess.Popen(  # noqa: S603 - the command comes from our own code
                    [*leash, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env={**os.environ, **(env or {})},
                    cwd=cwd,
                    start_new_session=True,
                )
        except OSError as error:
            raise UserError(
                f"cannot start {name}: {error.strerror}: {error.filename}",
                "check free space and permissions",
                exit_code=ExitCode.UNAVAILABLE,
            ) from error
        _watchdog.add(self.pid)

    @property
    def pid(self) -> int:
        """Also the id of its process group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Raises UserError with the end of its log, and ends it, when it dies before or takes longer."""
        deadline = time.monotonic() + seconds
        while not ready():
            died = self.exit_code is not None
            if died or time.monotonic() > deadline:
                tail = self.tail()
                self.kill()
                what = (
                    f"{self.name} stopped while starting"
                    if died
                    else f"{self.name} did not answer within {seconds:.0f} s"
                )
                raise UserError(f"{what}; its log {self.log} ends with:\n{tail}", exit_code=ExitCode.UNAVAILABLE)
            time.sleep(_LOOK_SECONDS)

    def stop(self, grace_seconds: float = 20.0) -> int:
        """SIGTERM, after the grace SIGKILL. The exit code; safe to call again."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                return self.kill()
        return self._end()

    def kill(self) -> int:
        """SIGKILL to the whole group."""
        if self._process.poll() is None:
            _kill_group(self.pid)
        return self._end()

    def _end(self) -> int:
        code = self._process.wait()
        _kill_group(self.pid)  # what it may have started itself
        _watchdog.remove(self.pid)
        return code

    def signal(self, number: int) -> None:
        """For example SIGSTOP and SIGCONT, to make it slow."""
        self._process.send_signal(number)

    def tail(self, lines: int = 20) -> str:
        """The last lines that this run wrote."""
        try:
            with self.log.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(self._log_start, end - TAIL_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


class _Watchdog:
    """A helper process that ends the children should this process die without doing so. One for all children."""

    def __init__(self) -> None:
        self._pids: set[int] = set()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0

    def add(self, pid: int) -> None:
        self._pids.add(pid)
        self._tell(f"+{pid}")

    def remove(self, pid: int) -> None:
        if pid in self._pids:
            self._pids.remove(pid)
            self._tell(f"-{pid}")

    def _tell(self, line: str) -> None:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._start()
            line = "\n".join(f"+{pid}" for pid in self._pids)
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _start(self) -> None:
        self._owner = os.getpid()
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-IS", str(WATCHDOG), str(WATCHDOG_GRACE_SECONDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def close(self) -> None:
        """At the end of this process: whatever still runs is ended now, and waited for."""
        if self._process is not None and self._owner == os.getpid():
            self._process.communicate()


_watchdog = _Watchdog()
atexit.register(_watchdog.close)
