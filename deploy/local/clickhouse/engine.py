"""The engine in this process: one data directory, any number of connections, each with its own session.

A connection is used by one thread at a time; another thread stops its query with `Engine.kill`.
"""

import fcntl
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol, cast

from streams.errors import ExitCode, UserError

from .errors import ClickHouseError, from_engine
from .quoting import identifier, quote

SESSION_MARK = "log_comment"  # the setting by which a session's running query is found
# The server's own small queries must not fall under the limits that a client has set for its queries.
NO_LIMITS = (
    " SETTINGS max_result_rows=0, max_result_bytes=0, max_execution_time=0, max_rows_to_read=0, max_bytes_to_read=0,"
    " max_columns_to_read=0, limit=0, offset=0, extremes=0"
)

# Totals and extremes are taken as JSON: there NaN and decimals must be themselves.
_SESSION_SETTINGS = {"output_format_json_quote_denormals": "1", "output_format_json_quote_decimals": "1"}
_NO_TEXT = (
    b"SELECT code, value, hex(last_error_message) FROM system.errors"
    b" WHERE NOT isValidUTF8(last_error_message) ORDER BY last_error_time DESC"
)
_LINE_BREAK = re.compile(r"\n *")  # DESCRIBE spreads long types over lines; in blocks they stand on one

Chunks = Generator[tuple[int, bytes], None, None]  # (rows, `Native` bytes)


class _Result(Protocol):
    def bytes(self) -> bytes: ...
    def rows_read(self) -> int: ...


class _Chdb(Protocol):
    """The part of chDB's connection that is used here."""

    def query(self, sql: bytes, format: str) -> _Result: ...
    def classify_query(self, sql: bytes) -> dict[str, object]: ...
    def send_query(self, sql: bytes, format: str) -> object: ...
    def streaming_fetch_result(self, handle: object) -> _Result: ...
    def streaming_cancel_query(self, handle: object) -> None: ...
    def send_insert(self, sql: bytes, format: str) -> object: ...
    def insert_cancel(self, handle: object) -> None: ...
    def set_progress_callback(self, callback: Callable[[dict[str, int]], None] | None) -> None: ...
    def close(self) -> None: ...


class Connection:
    """One session of the engine. Every error is a ClickHouseError with the engine's code."""

    def __init__(self, chdb: _Chdb, lost_words: "_LostWords") -> None:
        self._chdb = chdb
        self._lost_words = lost_words

    def begin(self, database: str, settings: dict[str, str], readonly: int, mark: str) -> None:
        """Once, before anything else. Raises UNKNOWN_DATABASE, or what the engine has against a setting."""
        if database:
            self.native(f"USE {identifier(database)}")
        values = {**_SESSION_SETTINGS, **settings}
        self.native("SET " + ", ".join(f"{identifier(name)} = {quote(text)}" for name, text in values.items()))
        self.mark(mark)
        if readonly:
            self.native(f"SET readonly = {readonly}")

    def mark(self, mark: str) -> None:
        """So that `Engine.kill` finds what runs here; again after a client's SET, which may have changed it."""
        with suppress(ClickHouseError):  # a client that made its session read-only
            self.native(f"SET {SESSION_MARK} = {quote(mark)}")

    def native(self, sql: str) -> bytes:
        """Run any statement; its result as `Native` blocks, one after another."""
        return self.text(sql, "Native")

    def text(self, sql: str, format_name: str) -> bytes:
        """Run any statement; its result in another format."""
        with self._errors():
            return self._chdb.query(_encoded(sql), format_name).bytes()

    def statement_count(self, sql: str) -> int:
        """How many statements the engine would run; 0 when it cannot parse them."""
        return cast("int", self._chdb.classify_query(_encoded(sql))["statement_count"])

    def rows(self, sql: str) -> list[list[str]]:
        """Run a small query; its values as strings."""
        lines = self.text(sql, "JSONCompactStringsEachRow").splitlines()
        return [cast("list[str]", json.loads(line.decode("utf-8", "surrogateescape"))) for line in lines]

    def stream(self, sql: str) -> Chunks | None:
        """(rows, `Native` bytes) for each chunk of a SELECT as it is computed; None for what is no SELECT."""
        try:
            with self._errors():
                handle = self._chdb.send_query(_encoded(sql), "Native")
        except ClickHouseError as problem:
            if "Streaming query is not supported for query" in problem.message:
                return None
            raise
        return self._chunks(handle)

    def _chunks(self, handle: object) -> Chunks:
        running = True
        try:
            while running:
                running = False  # an error ends the stream
                with self._errors():
                    result = self._chdb.streaming_fetch_result(handle)
                if running := result.rows_read() > 0:
                    yield result.rows_read(), result.bytes()
        finally:
            if running:
                with suppress(RuntimeError):
                    self._chdb.streaming_cancel_query(handle)

    def check_insert(self, head: str) -> None:
        """Raises what the engine has against this INSERT before it has rows: unknown table or column, no right to write.

        chDB's insert stream itself is not used: when writing fails (a constraint, too many partitions) it reports success.
        """
        with self._errors():
            self._chdb.insert_cancel(self._chdb.send_insert(_encoded(head), "Native"))

    def describe(self, source: str, limits: str) -> list[tuple[str, str, str]]:
        """(name, type, kind of default) of the columns of a table or a query in brackets."""
        rows = self.rows(f"DESCRIBE TABLE {source}{limits}")
        return [(row[0], _LINE_BREAK.sub("", row[1].replace(",\n", ", \n")), row[2]) for row in rows]

    def on_progress(self, callback: Callable[[dict[str, int]], None] | None) -> None:
        """Called about ten times a second, on the thread that runs the query, while the query makes progress."""
        self._chdb.set_progress_callback(callback)

    def close(self) -> None:
        with suppress(RuntimeError):
            self._chdb.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as problem:  # the engine's message quotes bytes that are no text
            raise from_engine(problem.object.decode("utf-8", "replace")) from None
        except RuntimeError as problem:
            raise from_engine(str(problem) or self._lost_words.latest(self._chdb)) from None


class _LostWords:
    """Messages that are no text: older Pythons (3.11.2) raise such errors without their words, but the engine keeps the latest."""

    def __init__(self) -> None:
        self._counted: dict[str, str] = {}  # by code: how many there were when it was last asked

    def latest(self, chdb: _Chdb) -> str:
        """Of the error that has just been raised; empty where the engine does not tell."""
        with suppress(RuntimeError):  # the session's own limits may forbid to ask
            found = [line.split("\t") for line in chdb.query(_NO_TEXT, "TSV").bytes().decode().splitlines()]
            new = [row for row in found if self._counted.get(row[0]) != row[1]]  # the engine dates them by the second
            self._counted.update((code, count) for code, count, _ in found)
            for code, _, message in new[:1]:
                return f"Code: {code}. DB::Exception: {bytes.fromhex(message).decode('utf-8', 'replace')}"
        return ""


def _encoded(sql: str) -> bytes:
    """Literals may hold any bytes."""
    return sql.encode("utf-8", "surrogateescape")


class Engine:
    """The data directory, opened by this process alone."""

    def __init__(self, directory: Path) -> None:
        self._path = str(directory.resolve() / "engine")
        self.spool = directory.resolve() / "spool"
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock_file = _lock(directory)
            self.spool.mkdir(exist_ok=True)
        except OSError as problem:
            raise UserError(
                f"cannot keep data in {directory}: {problem.strerror}",
                "check free space and permissions, or name another directory with --data",
                exit_code=ExitCode.UNAVAILABLE,
            ) from None
        # chDB would load pyarrow, 38 MB and 0.1 s, for formats that are not used here; it goes on without it.
        sys.modules.setdefault("pyarrow", None)  # type: ignore[arg-type]  # None is how Python is told that there is no such module
        from chdb import _chdb  # opens the engine's library, 0.2 s: only after the directory is known to be ours

        self._connect = cast("Callable[[str], _Chdb]", getattr(_chdb, "connect"))  # noqa: B009 - missing in its type stub
        self._lost_words = _LostWords()
        try:
            self._control = self.connect()
        except RuntimeError as problem:
            raise UserError(
                f"the engine does not open {self._path}: {problem}",
                "if the message names damaged data, move the directory away and start anew",
                exit_code=ExitCode.UNAVAILABLE,
            ) from None
        self._control_lock = threading.Lock()
        version, self.timezone = self._control.rows("SELECT version(), timezone()")[0]
        major, minor, patch = version.split(".")[:3]
        self.version = (int(major), int(minor), int(patch))
        self.settings = {row[0] for row in self._control.rows("SELECT name FROM system.settings")}

    def connect(self) -> Connection:
        return Connection(self._connect(self._path), self._lost_words)

    def control(self, sql: str) -> list[list[str]]:
        """Run one of the server's own statements, from any thread."""
        with self._control_lock:
            return self._control.rows(sql)

    def kill(self, mark: str) -> None:
        """Stop what the session with this mark is running. Marks are the server's own: letters, digits, `-`."""
        self.control(f"KILL QUERY WHERE Settings['{SESSION_MARK}'] = '{mark}' ASYNC")

    def close(self) -> None:
        """Rows of asynchronous inserts that still wait are written; everything else is on disk already."""
        with suppress(ClickHouseError):
            self.control("SYSTEM FLUSH ASYNC INSERT QUEUE")
        self._control.close()


def _lock(directory: Path) -> IO[str]:
    path = directory / "server.lock"
    file = path.open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "another process"
        raise UserError(
            f"{directory} is in use by {holder}", "stop that server first, or name another directory with --data"
        ) from None
    file.truncate(0)
    file.write(f"process {os.getpid()}")
    file.flush()
    return file
