"""The packets of the native protocol, at the highest revision whose blocks are the engine's `Native` bytes.

From 54454 on every column carries one more byte (its serialization), which the engine's format does not write.
At 54453 settings travel as strings, so none is dropped by a client on the way.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from .blocks import BLOCK_INFO
from .compression import Compression
from .errors import UNSUPPORTED, ClickHouseError, protocol_error
from .wire import Reader, int32, string, varint

REVISION = 54453
OLDEST_REVISION = 54429  # settings as strings
_WITH_INTERSERVER_SECRET = 54441
_WITH_OPENTELEMETRY = 54442
_WITH_DISTRIBUTED_DEPTH = 54448
_WITH_START_TIME = 54449
_WITH_PARALLEL_REPLICAS = 54453
_STAGE_COMPLETE = 2
_MAX_SETTINGS = 2000


class FromClient(IntEnum):
    HELLO = 0
    QUERY = 1
    DATA = 2
    CANCEL = 3
    PING = 4


class FromServer(IntEnum):
    HELLO = 0
    DATA = 1
    EXCEPTION = 2
    PROGRESS = 3
    PONG = 4
    END_OF_STREAM = 5
    PROFILE_INFO = 6
    TOTALS = 7
    EXTREMES = 8


@dataclass(frozen=True, slots=True)
class ClientHello:
    client_name: str
    revision: int  # the lower one of client and server
    database: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Setting:
    value: str
    important: bool  # unknown and important: refuse; unknown and not important: ignore


@dataclass(frozen=True, slots=True)
class Query:
    query_id: str
    settings: dict[str, Setting]
    compressed: bool
    text: str


def read_hello(reader: Reader) -> ClientHello:
    client_name = reader.string()
    reader.varint(), reader.varint()  # the client's version
    revision = min(reader.varint(), REVISION)
    return ClientHello(client_name, revision, reader.string(), reader.string(), reader.string())


def read_query(reader: Reader, revision: int) -> Query:
    query_id = reader.string()
    _skip_client_info(reader, revision)
    settings = _read_settings(reader)
    if revision >= _WITH_INTERSERVER_SECRET:
        reader.string()
    stage, compressed = reader.varint(), reader.varint()
    text = reader.string()
    if stage != _STAGE_COMPLETE:
        raise protocol_error(UNSUPPORTED, "Only complete queries are run, not parts of distributed ones")
    return Query(query_id, settings, bool(compressed), text)


def _skip_client_info(reader: Reader, revision: int) -> None:
    if reader.uint8() == 0:  # no query kind: nothing follows
        return
    for _ in range(3):  # initial user, query id, address
        reader.string()
    if revision >= _WITH_START_TIME:
        reader.uint64()
    if reader.uint8() != 1:
        raise protocol_error(UNSUPPORTED, "Only the TCP interface is known")
    for _ in range(3):  # system user, host, client name
        reader.string()
    for _ in range(3):  # version and revision
        reader.varint()
    reader.string()  # quota key
    if revision >= _WITH_DISTRIBUTED_DEPTH:
        reader.varint()
    reader.varint()  # version patch
    if revision >= _WITH_OPENTELEMETRY and reader.uint8():
        reader.take(16 + 8)
        reader.string()
        reader.uint8()
    if revision >= _WITH_PARALLEL_REPLICAS:
        for _ in range(3):
            reader.varint()


def _read_settings(reader: Reader) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    while name := reader.string():
        flags = reader.varint()
        settings[name] = Setting(reader.string(), bool(flags & 1))
        if len(settings) > _MAX_SETTINGS:
            raise protocol_error(UNSUPPORTED, f"More than {_MAX_SETTINGS} settings in one query")
    return settings


def hello(name: str, version: tuple[int, int, int], timezone: str) -> bytes:
    major, minor, patch = version
    numbers = varint(major) + varint(minor) + varint(REVISION)
    return varint(FromServer.HELLO) + string("ClickHouse") + numbers + string(timezone) + string(name) + varint(patch)


def exception(problem: ClickHouseError) -> bytes:
    """No stack trace and no nested exception follow."""
    head = varint(FromServer.EXCEPTION) + int32(problem.code)
    return head + string("DB::Exception") + string(problem.message) + string("") + b"\x00"


def block(body: bytes, kind: FromServer = FromServer.DATA, compression: Compression | None = None) -> bytes:
    """A block for the client; its table name is empty."""
    content = BLOCK_INFO + body
    return varint(kind) + string("") + (compression.compress(content) if compression else content)


@dataclass(slots=True)
class Progress:
    """Totals of a query; what is sent is the difference to what has been sent."""

    read_rows: int = 0
    read_bytes: int = 0
    total_rows_to_read: int = 0
    written_rows: int = 0
    written_bytes: int = 0

    def since(self, sent: "Progress") -> bytes:
        differences = (
            self.read_rows - sent.read_rows,
            self.read_bytes - sent.read_bytes,
            self.total_rows_to_read - sent.total_rows_to_read,
            self.written_rows - sent.written_rows,
            self.written_bytes - sent.written_bytes,
        )
        return varint(FromServer.PROGRESS) + b"".join(varint(max(0, number)) for number in differences)


def profile_info(rows: int, blocks: int, size_bytes: int) -> bytes:
    counts = varint(rows) + varint(blocks) + varint(size_bytes)
    return varint(FromServer.PROFILE_INFO) + counts + b"\x00" + varint(0) + b"\x00"


END_OF_STREAM = varint(FromServer.END_OF_STREAM)
PONG = varint(FromServer.PONG)
