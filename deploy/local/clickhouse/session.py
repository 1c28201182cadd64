"""One client from its hello to its leaving: reads packets, has its queries run one after another, answers."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from .answer import Answer
from .compression import Compression
from .data import DataPackets
from .engine import Engine
from .errors import (
    LOGICAL_ERROR,
    QUERY_WAS_CANCELLED,
    UNKNOWN_PACKET,
    UNSUPPORTED,
    ClickHouseError,
    ConnectionGone,
    ProtocolError,
    error,
    protocol_error,
)
from .packets import OLDEST_REVISION, PONG, FromClient, Query, hello, read_hello, read_query
from .query import Runner, open_session
from .settings import SessionSettings
from .space import SpaceGuard
from .users import Users
from .watch import Watch, Watcher
from .wire import Reader

_log = logging.getLogger(__name__)
_LINGER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Shared:
    """What all sessions of a server share."""

    engine: Engine
    users: Users
    watcher: Watcher
    space: SpaceGuard
    display_name: str


class Session:
    """Lives on one thread."""

    def __init__(self, shared: Shared, client: socket.socket, mark: str) -> None:
        self._shared, self._client, self._mark = shared, client, mark
        self._reader, self._answer = Reader(client), Answer(client)
        self._revision = 0

    def run(self) -> None:
        """Until the client leaves. A packet that makes no sense gets an answer and ends the connection."""
        try:
            with self._logged_in() as runner:
                self._client.settimeout(None)
                while True:
                    self._next_packet(runner)
        except ClickHouseError as problem:
            with suppress(ConnectionGone, OSError):
                self._answer.send_exception(problem)
                self._linger()
        except ConnectionGone:
            pass
        except Exception:  # noqa: BLE001 - a defect in one session must not end the others
            _log.exception("%s failed; its connection is closed", self._mark)
            with suppress(ConnectionGone, OSError):
                self._answer.send_exception(error(LOGICAL_ERROR, "The local server failed: see its log"))
                self._linger()

    def _linger(self) -> None:
        """Closing while the client is still sending would destroy the answer before it is read."""
        self._client.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + _LINGER_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            self._client.settimeout(left)
            if not self._client.recv(256 * 1024):
                return

    @contextmanager
    def _logged_in(self) -> Iterator[Runner]:
        if self._reader.varint() != FromClient.HELLO:
            raise protocol_error(UNKNOWN_PACKET, "Expected Hello: this port speaks ClickHouse's native protocol")
        client = read_hello(self._reader)
        if client.revision < OLDEST_REVISION:
            raise protocol_error(UNSUPPORTED, f"Client revision {client.revision} is older than {OLDEST_REVISION}")
        self._revision = client.revision
        engine = self._shared.engine
        user = self._shared.users.authenticate(client.user, client.password)
        connection = open_session(engine, user, client.database, self._mark)
        try:
            self._answer.send(hello(self._shared.display_name, engine.version, engine.timezone))
            settings = SessionSettings(connection, engine.settings, user.readonly)
            watcher, space = self._shared.watcher, self._shared.space
            runner = Runner(engine, watcher, space, user, connection, settings, self._answer, self._mark)
            runner.database = client.database or runner.database
            yield runner
        finally:
            connection.close()

    def _next_packet(self, runner: Runner) -> None:
        self._reader.discard_used()
        packet = self._reader.varint()
        if packet == FromClient.PING:
            self._answer.send(PONG)
        elif packet == FromClient.QUERY:
            self._query(read_query(self._reader, self._revision), runner)
        elif packet != FromClient.CANCEL:  # nothing runs any more: it came too late
            raise protocol_error(UNKNOWN_PACKET, f"Unknown packet {packet} from client")

    def _query(self, query: Query, runner: Runner) -> None:
        """The connection survives every error but a malformed packet, as on a real server."""
        compression = self._compression() if query.compressed else None
        self._answer.begin(compression)
        watch = Watch(self._mark, self._client, self._answer)
        try:
            runner.run(query, DataPackets(self._reader, compression), watch)
        except ProtocolError:
            raise
        except ClickHouseError as problem:
            if watch.gone:
                raise ConnectionGone from None
            if not (watch.cancelled and problem.code == QUERY_WAS_CANCELLED[0]):
                self._answer.send_exception(problem)
                return
        self._answer.send_end()

    @staticmethod
    def _compression() -> Compression:
        try:
            return Compression()
        except ClickHouseError as problem:  # what follows cannot be read
            raise ProtocolError(problem.code, problem.message) from None
