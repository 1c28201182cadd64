"""One client from its hello to its leaving: reads packets, runs queries one after another, answers."""

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

from .answer import Answer
from .blocks import read_block
from .engine import SESSION_MARK, Connection, Engine
from .errors import (
    QUERY_WAS_CANCELLED,
    READONLY,
    SYNTAX_ERROR,
    UNKNOWN_PACKET,
    UNSUPPORTED,
    ClickHouseError,
    ConnectionGone,
    ProtocolError,
    error,
    protocol_error,
)
from .execute import run_statement
from .insert import run_insert
from .packets import OLDEST_REVISION, PONG, FromClient, Query, hello, read_hello, read_query
from .settings import ONE_WAY, SessionSettings, identifier, quote
from .statements import Statement, understand
from .users import User, Users
from .watch import Watch, Watcher
from .wire import Reader

_OFF = {"0", "", "false"}


@dataclass(frozen=True, slots=True)
class Shared:
    """What all sessions of a server share."""

    engine: Engine
    users: Users
    watcher: Watcher
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
            with self._logged_in() as (user, connection):
                settings = SessionSettings(connection, self._shared.engine.settings, user.readonly)
                self._client.settimeout(None)
                while True:
                    self._next_packet(user, connection, settings)
        except ClickHouseError as problem:
            with suppress(ConnectionGone):
                self._answer.send_exception(problem)
        except ConnectionGone:
            pass

    @contextmanager
    def _logged_in(self) -> Iterator[tuple[User, Connection]]:
        if self._reader.varint() != FromClient.HELLO:
            raise protocol_error(
                UNKNOWN_PACKET, "Expected Hello: this port speaks ClickHouse's native protocol, not HTTP"
            )
        client = read_hello(self._reader)
        if client.revision < OLDEST_REVISION:
            raise protocol_error(UNSUPPORTED, f"Client revision {client.revision} is older than {OLDEST_REVISION}")
        self._revision = client.revision
        user = self._shared.users.authenticate(client.user, client.password)
        connection = self._connect(user, client.database)
        try:
            engine = self._shared.engine
            self._answer.send(hello(self._shared.display_name, engine.version, engine.timezone))
            yield user, connection
        finally:
            connection.close()

    def _connect(self, user: User, database: str) -> Connection:
        connection = self._shared.engine.connect()
        try:
            if database:
                connection.native(f"USE {identifier(database)}")
            values = {SESSION_MARK: self._mark, **user.settings}
            connection.native(
                "SET " + ", ".join(f"{identifier(name)} = {quote(text)}" for name, text in values.items())
            )
            if user.readonly:
                connection.native(f"SET readonly = {user.readonly}")
        except ClickHouseError:
            connection.close()
            raise
        return connection

    def _next_packet(self, user: User, connection: Connection, settings: SessionSettings) -> None:
        self._reader.discard_used()
        packet = self._reader.varint()
        if packet == FromClient.PING:
            self._answer.send(PONG)
        elif packet == FromClient.QUERY:
            query = read_query(self._reader, self._revision)
            self._read_external_tables(query)
            self._query(query, user, connection, settings)
        elif packet != FromClient.CANCEL:  # nothing runs any more: it came too late
            raise protocol_error(UNKNOWN_PACKET, f"Unknown packet {packet} from client")

    def _read_external_tables(self, query: Query) -> None:
        """A client ends its external tables with an empty block, also when it has none."""
        if query.compressed:
            raise protocol_error(UNSUPPORTED, "Compression is not supported: connect with compression off")
        while True:
            if self._reader.varint() != FromClient.DATA:
                raise protocol_error(UNKNOWN_PACKET, "Expected the end of external tables after a query")
            name, block = self._reader.string(), read_block(self._reader)
            if not name and block.is_end:
                return
            raise protocol_error(UNSUPPORTED, "External tables are not supported: use a temporary table")

    def _query(self, query: Query, user: User, connection: Connection, settings: SessionSettings) -> None:
        """The connection survives every error but a malformed packet, as on a real server."""
        self._answer.begin()
        watch = Watch(self._mark, self._client, self._answer)
        try:
            self._run(query, user, connection, settings, watch)
        except ProtocolError:
            raise
        except ClickHouseError as problem:
            if watch.gone:
                raise ConnectionGone from None
            if not (watch.cancelled and problem.code == QUERY_WAS_CANCELLED[0]):
                self._answer.send_exception(problem)
                return
        self._answer.send_end()

    def _run(self, query: Query, user: User, connection: Connection, settings: SessionSettings, watch: Watch) -> None:
        statement = understand(query.text)
        if connection.statement_count(query.text) > 1:
            raise error(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)")
        if user.readonly and statement.first_word == "KILL":
            raise error(READONLY, f"{user.name}: Cannot execute query in readonly mode.")
        if statement.first_word == "SET":
            settings.forget()
        one_way = {name for name in ONE_WAY & query.settings.keys() if query.settings[name].value not in _OFF}
        if one_way and not user.readonly:
            self._run_apart(query, statement, connection, watch)
            return
        settings.apply(query.settings)
        self._execute(statement, connection, watch, user.readonly)

    def _run_apart(self, query: Query, statement: Statement, connection: Connection, watch: Watch) -> None:
        """In an engine session of its own, because its settings cannot be taken back."""
        [[database]] = connection.rows("SELECT currentDatabase()")
        apart = self._connect(User("default"), database)
        try:
            settings = SessionSettings(apart, self._shared.engine.settings, 0)
            last = {name: setting for name, setting in query.settings.items() if name in ONE_WAY}
            settings.apply({**{name: s for name, s in query.settings.items() if name not in ONE_WAY}, **last})
            self._execute(statement, apart, watch, 1)
        finally:
            apart.close()

    def _execute(self, statement: Statement, connection: Connection, watch: Watch, readonly: int) -> None:
        def watching() -> AbstractContextManager[None]:
            unread = bytes(self._reader.buffer[self._reader.position : self._reader.position + 1])
            return self._shared.watcher.watching(watch, unread)

        if statement.insert:
            spool = self._shared.engine.spool
            run_insert(
                connection,
                self._answer,
                self._reader,
                statement.insert,
                readonly=readonly,
                spool=spool,
                watching=watching,
            )
            return
        with watching():
            run_statement(connection, self._answer, statement, readonly)
