"""Runs named commands together: starts them, waits until they are ready, notices the one that dies, stops all in reverse order.

`with Supervisor(logs) as supervisor: supervisor.start(a, b); supervisor.run()`. To be used from the main thread.
Ctrl-C, SIGTERM and SIGHUP (a closed terminal) raise `Stopped` there; a second one while stopping kills.
"""

import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import NamedTuple, Protocol, Self

from deploy.local.process import Child
from streams.errors import ExitCode, UserError

POLL_SECONDS = 0.05
LOG_LIMIT_BYTES = 20 * 1024 * 1024  # a longer log is put aside at the next start
FULL_BYTES = 1024 * 1024  # a disk with less is full
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Service(NamedTuple):
    """A command to run. `ready` is asked again and again after the start; `prepare` comes before it.

    `niceness`: 0 to 19; the higher, the more it gives way where all cores are busy.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] = lambda: True
    prepare: Callable[[], None] = lambda: None
    env: Mapping[str, str] = {}
    cwd: Path | None = None
    start_seconds: float = 60.0
    stop_seconds: float = 20.0
    niceness: int = 0


class Display(Protocol):
    """Is told what happens, to show it."""

    def starting(self, name: str) -> None: ...
    def ready(self, name: str, seconds: float) -> None: ...
    def done(self) -> None: ...
    def stopping(self, name: str) -> None: ...


class Silent:
    """Shows nothing."""

    def starting(self, name: str) -> None: ...
    def ready(self, name: str, seconds: float) -> None: ...
    def done(self) -> None: ...
    def stopping(self, name: str) -> None: ...


class Stopped(KeyboardInterrupt):
    """Somebody wants an end: Ctrl-C, SIGTERM or SIGHUP."""


class Supervisor:
    """Children by name, in the order of their start."""

    def __init__(
        self,
        logs: Path,
        *,
        display: Display | None = None,
        on_child: Callable[[str, int], None] = lambda name, pid: None,
    ) -> None:
        self.logs = logs
        self.display: Display = display or Silent()
        self._on_child = on_child
        self._running: list[tuple[Service, Child]] = []
        self._previous: dict[int, signal._HANDLER] = {}
        self._sheltered = 0  # >0: signals wait
        self._pending = False
        self._stopping = False

    def __enter__(self) -> Self:
        assert threading.current_thread() is threading.main_thread()
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            _leave_terminal()
        if self._stopping:
            for _, child in self._running:
                child.signal(signal.SIGKILL)
        elif self._sheltered:
            self._pending = True
        else:
            self._stopping = True
            raise Stopped

    @contextlib.contextmanager
    def _sheltered_from_signals(self) -> Iterator[None]:
        """So that no child is started without being known."""
        self._sheltered += 1
        try:
            yield
        finally:
            self._sheltered -= 1
        if self._pending and not self._sheltered:
            self._pending, self._stopping = False, True
            raise Stopped

    def start(self, *services: Service) -> None:
        """Starts all, then waits until each is ready. Raises UserError when one fails; what runs then is stopped on exit."""
        begun = {}
        for service in services:
            self.display.starting(service.name)
            begun[service.name] = time.monotonic()
            service.prepare()
            self._spawn(service)
        for service, child in [entry for entry in self._running if entry[0] in services]:
            self._await(service, child, begun[service.name] + service.start_seconds)
            self.display.ready(service.name, time.monotonic() - begun[service.name])
        self.display.done()

    def _spawn(self, service: Service) -> None:
        log = self.logs / f"{service.name}.log"
        with contextlib.suppress(OSError):
            if log.stat().st_size > LOG_LIMIT_BYTES:
                log.replace(log.with_suffix(".log.1"))
        with self._sheltered_from_signals():
            child = Child(
                service.name, service.command, log, env=service.env, cwd=service.cwd, niceness=service.niceness
            )
            self._running.append((service, child))
        self._on_child(service.name, child.pid)

    def _await(self, service: Service, child: Child, deadline: float) -> None:
        while not service.ready():
            self.check()
            if time.monotonic() > deadline:
                raise _failed(service, child, f"did not answer within {service.start_seconds:.0f} s")
            time.sleep(POLL_SECONDS)
        self.check()  # what answers may be somebody else on the same port

    def check(self) -> None:
        """Raises UserError if a child has ended."""
        for service, child in self._running:
            if child.exit_code is not None:
                raise _failed(service, child, f"ended ({_describe(child.exit_code)})")

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Watches the children until `until` says so. Raises UserError when one ends, `Stopped` on a signal."""
        while not until():
            self.check()
            time.sleep(POLL_SECONDS)

    def stop(self, name: str | None = None) -> None:
        """Stops all, the newest first; or only the one of that name."""
        if name is None:
            self._stopping = True
        for service, child in reversed([entry for entry in self._running if name in (None, entry[0].name)]):
            with contextlib.suppress(OSError):  # the terminal may be gone
                self.display.stopping(service.name)
            child.stop(service.stop_seconds)
            self._running.remove((service, child))

    def child(self, name: str) -> Child:
        """The running child of that name. Raises KeyError."""
        return {service.name: child for service, child in self._running}[name]


def _describe(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _failed(service: Service, child: Child, what: str) -> UserError:
    tail = child.tail()
    fix = "the whole log says more"
    if "No space left on device" in tail or _no_space(child.log.parent):
        fix = "the disk is full: free some space and start again; what had been acknowledged is kept"
    elif "Address already in use" in tail or "Address in use" in tail:
        fix = "its port is taken: choose another (docs/local-stack.md lists the settings)"
    return UserError(
        f"{service.name} {what}; its log {child.log} ends with:\n{tail}", fix, exit_code=ExitCode.UNAVAILABLE
    )


def _no_space(folder: Path) -> bool:
    """The log of a process that ran out of space may lack the words for it."""
    try:
        return shutil.disk_usage(folder).free < FULL_BYTES
    except OSError:
        return False


def _leave_terminal() -> None:
    """The terminal is gone: a write to it would fail and interrupt the stopping."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(null, stream.fileno())
    os.close(null)
