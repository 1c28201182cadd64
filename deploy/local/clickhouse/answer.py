"""What goes back to one client: packets, written by its own thread; the watcher adds progress while a query runs."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from .compression import Compression
from .errors import ClickHouseError, ConnectionGone
from .packets import END_OF_STREAM, FromServer, Progress, block, exception


class Answer:
    """Sends to one socket. Raises ConnectionGone when the client has left."""

    def __init__(self, target: socket.socket) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._waiting = False
        self._sent = Progress()
        self._compression: Compression | None = None
        self.progress = Progress()

    def begin(self, compression: Compression | None) -> None:
        """A new query: progress starts from nothing; its blocks are compressed or not."""
        self._compression = compression
        self.progress, self._sent = Progress(), Progress()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time in which the client waits for a result and may be told of progress."""
        self._waiting = True
        try:
            yield
        finally:
            with self._lock:
                self._waiting = False

    def send(self, data: bytes) -> None:
        with self._lock:
            self._send(data)

    def _send(self, data: bytes) -> None:
        try:
            self._target.sendall(data)
        except OSError:
            raise ConnectionGone from None

    def send_block(self, body: bytes, kind: FromServer = FromServer.DATA) -> None:
        self.send(block(body, kind, self._compression))

    def send_progress(self) -> None:
        """The difference to what has been sent."""
        with self._lock:
            self._send_progress()

    def _send_progress(self) -> None:
        now = replace(self.progress)
        data, self._sent = now.since(self._sent), now
        self._send(data)

    def try_progress(self) -> None:
        """From the watcher. Never waits for the session's thread that is sending."""
        if self._lock.acquire(blocking=False):
            try:
                if self._waiting:
                    self._send_progress()
            finally:
                self._lock.release()

    def on_progress(self, values: dict[str, int]) -> None:
        """From the engine, on the thread that runs the query."""
        progress = self.progress
        progress.read_rows, progress.read_bytes = values["read_rows"], values["read_bytes"]
        progress.total_rows_to_read = values["total_rows_to_read"]
        progress.written_rows, progress.written_bytes = values["written_rows"], values["written_bytes"]

    def send_exception(self, problem: ClickHouseError) -> None:
        self.send(exception(problem))

    def send_end(self) -> None:
        self.send(END_OF_STREAM)
