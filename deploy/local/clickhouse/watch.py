"""While a query runs, its session's thread is inside the engine: this thread watches the sockets in its place.

A Cancel packet or a client that has left stops the query; clients that wait hear of progress ten times a second.
"""

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from .answer import Answer
from .engine import Engine
from .errors import ClickHouseError, ConnectionGone
from .packets import FromClient

_TICK_MS = 100


@dataclass(slots=True, eq=False)
class Watch:
    """One running query."""

    mark: str
    source: socket.socket
    answer: Answer
    cancelled: bool = False  # stop it, and end the stream without an error
    gone: bool = False  # stop it; nobody listens
    deaf: bool = False  # the client sent something else: it is read after the query


class Watcher:
    """Watches the running queries of all sessions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._watches: set[Watch] = set()
        self._changed = threading.Condition()
        self._stop_by: float | None = None
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    @contextmanager
    def watching(self, watch: Watch, already_read: bytes) -> Iterator[None]:
        """For the time in which the session's thread is in the engine. `already_read`: what came after the query."""
        if already_read:
            watch.cancelled, watch.deaf = already_read[0] == FromClient.CANCEL, True
        with self._changed:
            self._watches.add(watch)
            self._changed.notify()
        try:
            with watch.answer.waiting():
                yield
        finally:
            with self._changed:
                self._watches.discard(watch)

    def stop(self, wait_seconds: float) -> None:
        """Stop the running queries and wait for them to end."""
        with self._changed:
            self._stop_by = time.monotonic() + wait_seconds
            self._changed.notify()
        self._thread.join(wait_seconds + 1)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._watches and self._stop_by is None:
                    self._changed.wait()
                watches = list(self._watches)
                if self._stop_by is not None and (not watches or time.monotonic() > self._stop_by):
                    return
                for watch in watches:
                    watch.gone = watch.gone or self._stop_by is not None
            self._look(watches)

    def _look(self, watches: list[Watch]) -> None:
        poller = select.poll()
        by_descriptor = {}
        for watch in watches:
            if not (watch.deaf or watch.gone) and (descriptor := watch.source.fileno()) >= 0:
                poller.register(descriptor, select.POLLIN)
                by_descriptor[descriptor] = watch
        for descriptor, _ in poller.poll(_TICK_MS):
            _peek(by_descriptor[descriptor])
        for watch in watches:
            if watch.cancelled or watch.gone:
                self._kill(watch)  # again each time: the query may not have been registered yet
            else:
                _progress(watch)

    def _kill(self, watch: Watch) -> None:
        with self._changed:
            if watch not in self._watches:
                return
        with suppress(ClickHouseError):
            self._engine.kill(watch.mark)


def _peek(watch: Watch) -> None:
    try:
        first = watch.source.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return
    except OSError:
        first = b""
    watch.deaf = True
    if not first:
        watch.gone = True
    elif first[0] == FromClient.CANCEL:
        watch.cancelled = True


def _progress(watch: Watch) -> None:
    """Only to a socket that takes it at once: the watcher waits for nobody."""
    try:
        poller = select.poll()
        poller.register(watch.source, select.POLLOUT)
        if any(event & select.POLLOUT for _, event in poller.poll(0)):
            watch.answer.try_progress()
    except (OSError, ValueError, ConnectionGone):
        watch.gone = True
