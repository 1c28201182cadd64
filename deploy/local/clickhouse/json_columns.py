"""The end of a JSON column: its layout depends on its values, so clickhouse-driver's own reader walks over it."""

from clickhouse_driver.bufferedreader import BufferedReader
from clickhouse_driver.columns.service import read_column
from clickhouse_driver.connection import ServerInfo
from clickhouse_driver.context import Context
from clickhouse_driver.errors import UnknownTypeError

from .errors import INCORRECT_DATA, UNSUPPORTED, ConnectionGone, ProtocolError, protocol_error
from .wire import Reader

_CHUNK_BYTES = 64 * 1024
_REVISION = 54453


class _Bridge(BufferedReader):  # type: ignore[misc]  # compiled, without types
    """Gives clickhouse-driver the bytes of a Reader."""

    def __init__(self, reader: Reader) -> None:
        super().__init__(_CHUNK_BYTES)
        self._reader = reader

    def read_into_buffer(self) -> None:
        reader = self._reader
        available = reader.require(reader.position + 1)
        self.buffer = bytearray(memoryview(reader.buffer)[reader.position : available])
        self.current_buffer_size = len(self.buffer)
        reader.position = available

    def give_back(self) -> None:
        """What was taken and not used."""
        self._reader.position -= self.current_buffer_size - self.position


def skip_json_column(reader: Reader, type_name: str, rows: int) -> None:
    """Raises ProtocolError for types that the driver does not know either: nobody knows where they end."""
    bridge = _Bridge(reader)
    try:
        read_column(_context(), type_name, rows, bridge)
    except (ConnectionGone, ProtocolError):
        raise
    except UnknownTypeError:
        raise protocol_error(UNSUPPORTED, f"Values of type {type_name[:200]} cannot be sent as blocks") from None
    except Exception as problem:  # noqa: BLE001 - whatever the driver's readers stumble over, the bytes are wrong
        raise protocol_error(INCORRECT_DATA, f"Cannot read a column of type {type_name[:200]}: {problem!r}") from None
    bridge.give_back()


def _context() -> Context:
    context = Context()
    context.server_info = ServerInfo("ClickHouse", 26, 9, 0, _REVISION, "UTC", "", _REVISION)
    context.settings = {}
    context.client_settings = {"use_numpy": False, "strings_encoding": "utf-8", "strings_as_bytes": True}
    return context
