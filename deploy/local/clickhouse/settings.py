"""The settings of one session: those of the connection, those sent with a query, and the way back.

The engine knows only `SET`. What came with a query is set before it and put back before the next query without it;
a client that sends the same settings each time pays once.
"""

import json

from .engine import SESSION_MARK, Connection
from .errors import UNKNOWN_SETTING, ClickHouseError, error
from .packets import Setting
from .quoting import identifier, quote

# Once on, the engine does not let a session turn these off again: a query with one of them gets a session of its own.
ONE_WAY = {"readonly", "allow_ddl"}


class SessionSettings:
    """Keeps the engine's session in step with what the client sent."""

    def __init__(self, connection: Connection, known: set[str], readonly: int) -> None:
        self._connection, self._known, self._readonly = connection, known, readonly
        self._applied: dict[str, str] = {}
        self._before: dict[str, str | None] = {}  # None: the default

    def apply(self, wanted: dict[str, Setting]) -> None:
        """Raises UNKNOWN_SETTING for an unknown important one, and the engine's errors for bad values."""
        values = {name: setting.value for name, setting in wanted.items() if self._is_known(name, setting)}
        if values == self._applied:
            return
        self._remember([name for name in values if name not in self._before])
        back = {name: self._before[name] for name in self._applied if name not in values}
        new = {name: value for name, value in values.items() if self._applied.get(name) != value}
        try:
            self._set({**back, **new})
        except ClickHouseError:
            self._applied.update(new)  # some of them may have been set
            self._put_back()
            raise
        self._applied = values

    def forget(self) -> None:
        """Back to the session's own settings, so that a SET by the client starts from them and is kept."""
        self._put_back()
        self._before = {}

    def _put_back(self) -> None:
        for name in self._applied:
            try:
                self._set({name: self._before[name]})
            except ClickHouseError:  # refused just as it was refused when it was to be set
                continue
        self._applied = {}

    def _is_known(self, name: str, setting: Setting) -> bool:
        if name in self._known:
            return name != SESSION_MARK  # the server's own
        if setting.important:
            raise error(UNKNOWN_SETTING, f"Unknown setting '{name[:200]}'")
        return False

    def _remember(self, names: list[str]) -> None:
        if not names:
            return
        self._before.update(dict.fromkeys(names))
        if self._readonly == 1:  # nothing can be changed, so nothing has to be put back
            return
        self._put_back()  # limits of the last query must not stop this one; one row, so that limits seldom do
        listed = ", ".join(quote(name) for name in names)
        values = "toJSONString(groupArray([name, value]))"
        sql = f"SELECT {values} FROM system.settings WHERE changed AND name IN ({listed})"  # noqa: S608 - constants, and names that are quoted
        for [row] in self._connection.rows(sql):
            self._before.update(json.loads(row))

    def _set(self, values: dict[str, str | None]) -> None:
        pairs = [
            f"{identifier(name)} = {'DEFAULT' if value is None else quote(value)}" for name, value in values.items()
        ]
        self._connection.native("SET " + ", ".join(pairs))
