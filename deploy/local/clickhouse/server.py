"""Listens on loopback; one thread a client."""

import ipaddress
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from streams.errors import UserError

from .answer import Answer
from .errors import TOO_MANY_CONNECTIONS, ConnectionGone, error
from .session import Session, Shared

_HELLO_SECONDS = 30.0


def reserve(host: str, port: int) -> socket.socket:
    """A socket bound to the address; it takes connections only when `Server` listens on it, so that who connects is served.

    Raises UserError for an address that is not loopback, and for a port that is taken.
    """
    if not _is_loopback(host):
        raise UserError(
            f"{host} is not a loopback address",
            "this server is for one machine: use 127.0.0.1, or a real ClickHouse server",
        )
    host = "127.0.0.1" if host == "localhost" else host  # whatever /etc/hosts says
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with _port_errors(listener, host, port):
        listener.bind((host, port))
    return listener


@contextmanager
def _port_errors(listener: socket.socket, host: str, port: int) -> Iterator[None]:
    try:
        yield
    except (OSError, OverflowError) as problem:
        listener.close()
        raise UserError(
            f"cannot listen on {host}:{port}: {getattr(problem, 'strerror', None) or problem}",
            "stop what uses the port, name another with --port, or let the system choose with --port 0",
        ) from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Server:
    """Accepts clients until it is stopped."""

    def __init__(self, listener: socket.socket, shared: Shared, max_connections: int) -> None:
        self._listener, self._shared, self._max_connections = listener, shared, max_connections
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._numbers = itertools.count(1)
        host, port = listener.getsockname()[:2]
        with _port_errors(listener, host, port):  # two may have bound it; one listens
            listener.listen(128)
        self._thread = threading.Thread(target=self._accept, name="accept", daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                if self._stopping:
                    return
                continue
            self._begin(client)

    def _begin(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(_HELLO_SECONDS)
        with self._lock:
            if self._stopping or len(self._clients) >= self._max_connections:
                _refuse(client, self._max_connections)
                return
            mark = f"session-{next(self._numbers)}"
            thread = threading.Thread(target=self._serve, args=(client, mark), name=mark, daemon=True)
            self._clients[client] = thread
        thread.start()

    def _serve(self, client: socket.socket, mark: str) -> None:
        try:
            Session(self._shared, client, mark).run()
        finally:
            with self._lock:
                self._clients.pop(client, None)
            client.close()

    def stop(self, wait_seconds: float) -> None:
        """Stop running queries, close the connections, wait for the sessions to end."""
        self._stopping = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._shared.watcher.stop(wait_seconds)
        with self._lock:
            clients = dict(self._clients)
        for client in clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + wait_seconds
        for thread in clients.values():
            thread.join(max(0.0, deadline - time.monotonic()))


def _refuse(client: socket.socket, limit: int) -> None:
    with suppress(ConnectionGone):
        Answer(client).send_exception(error(TOO_MANY_CONNECTIONS, f"Too many connections: at most {limit}"))
    client.close()
