"""One query on a session's engine connection: what is refused, its settings, its external tables, the right way to run it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from .answer import Answer
from .data import DataPackets
from .engine import NO_LIMITS, Connection, Engine
from .errors import READONLY, SYNTAX_ERROR, error
from .execute import Describer, Result, run_statement
from .external import external_tables
from .insert import run_insert
from .packets import Query
from .settings import ONE_WAY, SessionSettings
from .space import SpaceGuard
from .statements import Statement, understand
from .totals import run_with_totals
from .users import User
from .watch import Watch, Watcher

_OFF = {"0", "", "false"}


@dataclass(slots=True)
class Runner:
    """Runs the queries of one session."""

    engine: Engine
    watcher: Watcher
    space: SpaceGuard
    user: User
    connection: Connection
    settings: SessionSettings
    answer: Answer
    mark: str
    database: str = "default"  # the current one

    def run(self, query: Query, data: DataPackets, watch: Watch) -> None:
        """Sends all packets but the end of the stream."""
        tables = data.external_tables()
        statement = understand(query.text)
        self._refuse(query, statement)
        one_way = {name for name in ONE_WAY & query.settings.keys() if query.settings[name].value not in _OFF}
        if one_way and not self.user.readonly:
            self._run_apart(query, statement, data, watch)
            return
        if statement.first_word == "SET":  # changes the session; what came with it would hold for this statement only
            self.settings.forget()
        else:
            self.settings.apply(query.settings)
        with external_tables(self.connection, self.engine.spool, tables):
            self._execute(query, statement, self.connection, data, watch, self.user.readonly)
        if statement.first_word == "SET" and self.user.readonly != 1:
            self.connection.mark(self.mark)
        if statement.first_word == "USE":
            [[self.database]] = self.connection.rows("SELECT currentDatabase()")

    def _refuse(self, query: Query, statement: Statement) -> None:
        if self.connection.statement_count(query.text) > 1:
            raise error(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)")
        if self.user.readonly and statement.first_word == "KILL":  # the engine knows one user: it would let them
            raise error(READONLY, f"{self.user.name}: Cannot execute query in readonly mode.")

    def _run_apart(self, query: Query, statement: Statement, data: DataPackets, watch: Watch) -> None:
        """In an engine session of its own, because its settings cannot be taken back."""
        apart = open_session(self.engine, User("default"), self.database, self.mark)
        try:
            first = {name: setting for name, setting in query.settings.items() if name not in ONE_WAY}
            SessionSettings(apart, self.engine.settings, 0).apply({**first, **query.settings})
            self._execute(query, statement, apart, data, watch, 1)
        finally:
            apart.close()

    def _execute(
        self,
        query: Query,
        statement: Statement,
        connection: Connection,
        data: DataPackets,
        watch: Watch,
        readonly: int,
    ) -> None:
        def watching() -> AbstractContextManager[None]:
            return self.watcher.watching(watch, data.unread)

        extremes = query.settings.get("extremes")
        self.space.before(statement)
        if statement.insert:
            run_insert(connection, self.answer, data, statement.insert, readonly, self.engine.spool, watching)
        elif statement.needs_totals or (statement.is_select and extremes and extremes.value not in _OFF):
            with watching():
                run_with_totals(self.engine, connection, Result(self.answer, retype=True), statement)
        else:
            with watching():
                run_statement(connection, Result(self.answer), statement, self._describer(readonly))
        self.space.after(statement)

    def _describer(self, readonly: int) -> Describer:
        def aside() -> Connection:
            return open_session(self.engine, self.user, self.database, self.mark)

        return Describer(aside, "" if readonly == 1 else NO_LIMITS)


def open_session(engine: Engine, user: User, database: str, mark: str) -> Connection:
    """A session of the engine as this user has it. Raises UNKNOWN_DATABASE."""
    connection = engine.connect()
    try:
        connection.begin(database, {**user.settings}, user.readonly, mark)
    except BaseException:
        connection.close()
        raise
    return connection
