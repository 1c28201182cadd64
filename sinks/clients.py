"""Clients of ClickHouse, one a thread. All are closed from one place, which never touches a client that is at work but to cut it."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Final

from sinks.database import RETRY_SECONDS, Database, cut
from streams.errors import Unavailable

_CUT_AGAIN_SECONDS: Final = 0.1  # a connection that was just being opened could not be cut at first


class Clients:
    """`connected` makes a client that connects with its first query."""

    def __init__(self, connected: Callable[[], Database]) -> None:
        self._connected = connected
        self._own = threading.local()
        self._all: list[tuple[threading.Lock, Database]] = []
        self._closed = False

    @contextlib.contextmanager
    def own(self) -> Iterator[Database]:
        """This thread's client. Raises Unavailable when all are being closed."""
        mine: tuple[threading.Lock, Database] | None = getattr(self._own, "mine", None)
        if mine is None:
            mine = self._own.mine = (threading.Lock(), self._connected())
            self._all.append(mine)
        lock, client = mine
        with lock:
            if self._closed:
                raise Unavailable("connections are being closed", RETRY_SECONDS)
            yield client

    def close(self) -> None:
        """Cuts what is under way and waits for it to end: disconnecting a client that another thread uses would race with it."""
        self._closed = True
        for lock, client in self._all:
            while not lock.acquire(timeout=_CUT_AGAIN_SECONDS):
                cut(client)
            client.disconnect()
            lock.release()
