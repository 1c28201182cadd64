"""Compressed blocks: frames of checksum, method, sizes and data, for clients that ask for compression.

Needs the packages that such a client has too: `pip install 'clickhouse-driver[lz4]'` (or `[zstd]` for zstd).
"""

import struct
from collections.abc import Callable
from importlib import import_module
from typing import cast

from .errors import INCORRECT_DATA, TOO_LARGE, UNSUPPORTED, ClickHouseError, error, protocol_error
from .wire import MAX_BLOCK_BYTES, Reader

_LZ4, _ZSTD = 0x82, 0x90
_HEADER = struct.Struct("<BII")  # method, size with this header, size of the data
_CHECKSUM = struct.Struct("<QQ")
_FRAME_BYTES = 1024 * 1024  # of data in one frame, as a server writes them
_MOST_LZ4_RATIO = 255


class Compression:
    """Checksums and codecs. Raises UNSUPPORTED when the packages are missing."""

    def __init__(self) -> None:
        try:
            self._hash = cast("Callable[[bytes], int]", import_module("clickhouse_cityhash.cityhash").CityHash128)
            self._lz4 = import_module("lz4.block")
        except ImportError:
            raise error(
                UNSUPPORTED,
                "Compression needs packages that this server's environment lacks: pip install 'clickhouse-driver[lz4]', "
                "or connect with compression off",
            ) from None

    def compress(self, data: bytes) -> bytes:
        """Frames of LZ4."""
        return b"".join(self._frame(data[i : i + _FRAME_BYTES]) for i in range(0, len(data), _FRAME_BYTES))

    def _frame(self, data: bytes) -> bytes:
        body = cast("bytes", self._lz4.compress(data, store_size=False))
        framed = _HEADER.pack(_LZ4, _HEADER.size + len(body), len(data)) + body
        return self._checksum(framed) + framed

    def _checksum(self, framed: bytes) -> bytes:
        number = self._hash(framed)
        return _CHECKSUM.pack(number >> 64, number & (2**64 - 1))

    def read_frame(self, source: Reader) -> bytes:
        """The data of the next frame. Raises ProtocolError for a wrong checksum or impossible sizes."""
        checksum, header = source.take(_CHECKSUM.size), source.take(_HEADER.size)
        method, size, data_size = _HEADER.unpack(header)
        if size < _HEADER.size or max(size, data_size) > MAX_BLOCK_BYTES:
            raise protocol_error(TOO_LARGE, f"A compressed frame of {size} bytes, {data_size} bytes of data")
        body = source.take(size - _HEADER.size)
        if self._checksum(header + body) != checksum:
            raise protocol_error(INCORRECT_DATA, "Checksum of a compressed frame does not match")
        try:
            data = self._decompress(method, body, data_size)
        except ClickHouseError:
            raise
        except Exception as problem:  # noqa: BLE001 - each codec has its own errors
            raise protocol_error(INCORRECT_DATA, f"Cannot decompress a frame: {problem}") from None
        if len(data) != data_size:
            raise protocol_error(INCORRECT_DATA, f"A frame says {data_size} bytes of data and holds {len(data)}")
        return data

    def _decompress(self, method: int, body: bytes, data_size: int) -> bytes:
        if method == _LZ4:
            if data_size > _MOST_LZ4_RATIO * len(body):
                raise protocol_error(TOO_LARGE, f"{len(body)} bytes of LZ4 cannot hold {data_size}")
            return cast("bytes", self._lz4.decompress(body, uncompressed_size=data_size))
        if method == _ZSTD:
            try:
                return cast("bytes", import_module("zstd").decompress(body))
            except ImportError:
                raise protocol_error(UNSUPPORTED, "zstd needs: pip install 'clickhouse-driver[zstd]'") from None
        raise protocol_error(UNSUPPORTED, f"Unknown compression method {method:#x}: use LZ4 or ZSTD")


class FrameReader(Reader):
    """Reads blocks out of frames. A block ends where a frame ends."""

    def __init__(self, source: Reader, compression: Compression) -> None:
        super().__init__(None)
        self._frames, self._compression = source, compression

    def require(self, end: int) -> int:
        if end > MAX_BLOCK_BYTES:
            raise protocol_error(TOO_LARGE, f"Block of more than {MAX_BLOCK_BYTES} bytes: send smaller blocks")
        while len(self.buffer) < end:
            self._frames.discard_used()
            self.buffer += self._compression.read_frame(self._frames)
        return len(self.buffer)
