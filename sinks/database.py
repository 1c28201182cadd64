"""Connections to ClickHouse over its native protocol, and what an error of it means: try again, or never.

One client serves one thread. Every setting that decides about a row's fate is explicit: defaults changed between versions.
"""

import contextlib
import re
import socket
import struct
from collections.abc import Mapping, Sequence
from decimal import DecimalException
from typing import Final, Protocol

from clickhouse_driver import Client
from clickhouse_driver.columns.exceptions import ColumnException
from clickhouse_driver.errors import Error, ServerException, TypeMismatchError

from streams.errors import Unavailable, UserError
from streams.settings import Settings

CONNECT_SECONDS: Final = 5
PING_SECONDS: Final = 5
RETRY_SECONDS: Final = 1.0

# What an INSERT of this program does, whatever the server's profile says.
INSERT_SETTINGS: Final[Mapping[str, object]] = {
    "async_insert": 0,  # the answer means: it is written
    "insert_deduplicate": 0,  # keys make a repeat harmless; a token would make it vanish from the roll-ups
    "deduplicate_blocks_in_dependent_materialized_views": 0,
    "materialized_views_ignore_errors": 0,  # a roll-up that fails fails the INSERT, which is then repeated
    "insert_quorum": 0,
    "optimize_on_insert": 0,  # merging each block by itself costs, and FINAL finds repeats within it like any others
    "insert_null_as_default": 0,
}

# Codes that speak of the data: no repetition will help. Everything else may pass.
_DATA_CODES: Final = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        53,  # TYPE_MISMATCH
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        128,  # TOO_LARGE_ARRAY_SIZE
        131,  # TOO_LARGE_STRING_SIZE
        190,  # SIZES_OF_ARRAYS_DONT_MATCH
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        395,  # FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
        407,  # DECIMAL_OVERFLOW
        469,  # VIOLATED_CONSTRAINT
        691,  # UNKNOWN_ELEMENT_OF_ENUM
    }
)
# Codes that `touchstone migrate` puts right: NO_SUCH_COLUMN, UNKNOWN_IDENTIFIER, UNKNOWN_TABLE, UNKNOWN_DATABASE.
_SCHEMA_CODES: Final = frozenset({16, 47, 60, 81})
_ENCODING_ERRORS: Final = (
    ColumnException,
    TypeMismatchError,
    struct.error,
    DecimalException,
    OverflowError,
    TypeError,
    ValueError,
    AttributeError,
)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Rejected(Exception):
    """The database, or the protocol, will never take these rows."""


class Database(Protocol):
    """What we use of `clickhouse_driver.Client`."""

    def execute(
        self,
        query: str,
        params: object = None,
        with_column_types: bool = False,
        external_tables: object = None,
        query_id: str | None = None,
        settings: Mapping[str, object] | None = None,
        types_check: bool = False,
        columnar: bool = False,
    ) -> list[tuple[object, ...]]:
        """Rows of a SELECT; for an INSERT, how many rows were sent."""
        ...

    def disconnect(self) -> None:
        """Closes the connection; the next query opens a new one."""
        ...


def connect(settings: Settings, *, database: str | None = None) -> Database:
    """A client for one thread. Nothing is sent before the first query; `database` default: the setting."""
    secure: dict[str, object] = {}
    if settings.clickhouse_secure:
        secure["secure"] = True
        if settings.clickhouse_cafile is not None:
            secure["ca_certs"] = str(settings.clickhouse_cafile)
    client: Database = Client(
        settings.clickhouse_host,
        port=settings.clickhouse_port,
        database=database_name(settings) if database is None else database,
        user=settings.clickhouse_user,
        password=settings.clickhouse_password.get_secret_value(),
        client_name="touchstone",
        connect_timeout=CONNECT_SECONDS,
        send_receive_timeout=settings.clickhouse_timeout_seconds,
        sync_request_timeout=PING_SECONDS,
        tcp_keepalive=True,
        **secure,
    )
    return client


def cut(database: Database) -> None:
    """Ends what another thread is doing on this connection; that thread gets an error and closes it."""
    opened: socket.socket | None = getattr(getattr(database, "connection", None), "socket", None)
    if opened is not None:
        with contextlib.suppress(OSError):  # closed meanwhile
            opened.shutdown(socket.SHUT_RDWR)


def database_name(settings: Settings) -> str:
    """The database of the tables: an identifier, so that it can stand in DDL. Raises UserError."""
    if not _IDENTIFIER.fullmatch(settings.clickhouse_database):
        raise UserError(
            f"TOUCHSTONE_CLICKHOUSE_DATABASE: {settings.clickhouse_database!r} is no plain name",
            "use letters, digits and _, not beginning with a digit",
        )
    return settings.clickhouse_database


def judge(error: Exception, *, inserting: bool = False) -> Exception:
    """What an error of the driver means: `Rejected` for rows of an INSERT, `Unavailable` for what may pass, or itself.

    A connection that breaks is an unknown outcome: the INSERT may have been done. It is `Unavailable` like a refusal.
    """
    if isinstance(error, ServerException):
        if inserting and error.code in _DATA_CODES:
            return Rejected(f"ClickHouse's code {error.code}: {_without_values(_first_line(error))}")
        hint = "; run `touchstone migrate`" if error.code in _SCHEMA_CODES else ""
        return Unavailable(f"ClickHouse refuses, code {error.code}: {_first_line(error)}{hint}", RETRY_SECONDS)
    if isinstance(error, EOFError):
        return Unavailable("ClickHouse closed the connection before it answered", RETRY_SECONDS)
    if inserting and isinstance(error, _ENCODING_ERRORS):
        return Rejected(f"{type(error).__name__}: {_without_values(_first_line(error))}")
    if isinstance(error, (OSError, Error)):
        return Unavailable(f"ClickHouse does not answer: {_first_line(error)}", RETRY_SECONDS)
    return error


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "message", "") or error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__


def _without_values(text: str) -> str:
    """The words of an error without what it quotes from the row: it goes into logs."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", text.split("Column values")[0])


def ask(
    database: Database,
    query: str,
    params: Mapping[str, object] | Sequence[Sequence[object]] | None = None,
    *,
    settings: Mapping[str, object] | None = None,
) -> list[tuple[object, ...]]:
    """Rows of a SELECT; nothing of use for DDL and small INSERTs. Values go in as `%(name)s`. Raises Unavailable."""
    try:
        return database.execute(query, params, settings=settings)
    except Exception as error:
        judged = judge(error)
        if judged is error:
            raise
        raise judged from error
