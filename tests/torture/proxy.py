"""A TCP proxy between the sink and ClickHouse that does wrong when told to: gone, deaf, slow, answers lost, errors instead of answers.

It knows of the native protocol only how a query that inserts looks, and how an exception is written.
"""

import contextlib
import socket
import threading
import time
from typing import Literal

Mode = Literal["pass", "gone", "deaf", "slow", "answers_lost", "refuses"]
CHUNK_BYTES = 65_536
SLOW_SECONDS = 0.3
INSERT = b"INSERT INTO"


def exception_packet(code: int, text: str) -> bytes:
    """What a server sends instead of an answer."""

    def string(value: str) -> bytes:
        raw = value.encode()
        assert len(raw) < 128
        return bytes([len(raw)]) + raw

    return b"\x02" + code.to_bytes(4, "little") + string("DB::Exception") + string(text) + string("") + b"\x00"


class Proxy:
    """`port` listens on loopback. `faults` counts what was done to whom."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._mode: Mode = "pass"
        self._code = 0
        self.faults = 0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._thread.start()

    def set(self, mode: Mode, code: int = 0) -> None:
        """From now on; `gone` also cuts what is open. `refuses` answers every INSERT with the error `code`."""
        self._mode, self._code = mode, code
        if mode == "gone":
            with self._lock:
                for each in tuple(self._open):
                    self._cut(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            if self._mode == "gone":
                self.faults += 1
                client.close()
                continue
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for each in (client, server):
                with self._lock:
                    self._open.add(each)
            connection = _Connection(self, client, server)
            threading.Thread(target=connection.up, daemon=True).start()
            threading.Thread(target=connection.down, daemon=True).start()

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def code(self) -> int:
        return self._code

    def cut(self, *sockets: socket.socket) -> None:
        """Ends a connection for both sides."""
        with self._lock:
            for each in sockets:
                self._cut(each)

    def _cut(self, one: socket.socket) -> None:
        self._open.discard(one)
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        with self._lock:
            for each in tuple(self._open):
                self._cut(each)


class _Connection:
    """One client's. An INSERT goes: query up, sample block down, rows up, answer down."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._inserting = self._sampled = self._rows_sent = False

    def up(self) -> None:
        """Client to server."""
        self._copy(self._client, self._from_client)

    def down(self) -> None:
        """Server to client."""
        self._copy(self._server, self._from_server)

    def _copy(self, source: socket.socket, handle: "object") -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                if not handle(data):  # type: ignore[operator]
                    break
        self._proxy.cut(self._client, self._server)

    def _from_client(self, data: bytes) -> bool:
        mode = self._proxy.mode
        if mode == "deaf":
            self._proxy.faults += 1
            return True  # swallowed; the client waits
        if mode == "slow":
            self._proxy.faults += 1
            time.sleep(SLOW_SECONDS)
        if INSERT in data:
            if mode == "refuses":
                self._proxy.faults += 1
                self._client.sendall(exception_packet(self._proxy.code, "torture: refused"))
                return True
            self._inserting, self._sampled, self._rows_sent = True, False, False
        elif self._inserting and self._sampled:
            self._rows_sent = True
        self._server.sendall(data)
        return True

    def _from_server(self, data: bytes) -> bool:
        if self._proxy.mode == "deaf":
            return True
        if self._inserting and self._rows_sent:
            self._inserting = False
            if self._proxy.mode == "answers_lost":
                self._proxy.faults += 1
                return False  # the rows are in; nobody hears of it
        elif self._inserting:
            self._sampled = True
        self._client.sendall(data)
        return True
