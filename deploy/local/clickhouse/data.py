"""The Data packets that a client sends: external tables after a query, the rows of an INSERT; plain or compressed."""

from .blocks import Block, read_block
from .compression import Compression, FrameReader
from .errors import UNEXPECTED_PACKET, protocol_error
from .packets import FromClient
from .wire import MAX_BLOCK_BYTES, Reader


class DataPackets:
    """Reads them one after another."""

    def __init__(self, reader: Reader, compression: Compression | None) -> None:
        self._reader = reader
        self._frames = FrameReader(reader, compression) if compression else None

    @property
    def unread(self) -> bytes:
        """What has come already and is not yet looked at: one byte at most."""
        return bytes(self._reader.buffer[self._reader.position : self._reader.position + 1])

    def next(self) -> tuple[str, Block]:
        """(table, block); the rows of an INSERT and the end of all data have no table name."""
        packet = self._reader.varint()
        if packet != FromClient.DATA:
            raise protocol_error(UNEXPECTED_PACKET, f"Unexpected packet {packet} from client (expected Data)")
        table = self._reader.string()
        self._reader.discard_used()
        return table, read_block(self._frames or self._reader)

    def external_tables(self) -> list[tuple[str, Block]]:
        """All up to the empty block that ends them; clients send that one even without tables."""
        tables: list[tuple[str, Block]] = []
        left = MAX_BLOCK_BYTES // 4
        while True:
            table, block = self.next()
            if not table:
                return tables
            left -= len(block.body)
            if left < 0:
                raise protocol_error(UNEXPECTED_PACKET, f"External tables of more than {MAX_BLOCK_BYTES // 4} bytes")
            tables.append((table, block))
