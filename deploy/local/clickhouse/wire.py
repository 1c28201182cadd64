"""Bytes to and from a client: a buffered reader that never trusts a length, and the encodings of the native protocol.

Nothing is allocated by a length that the client claims: the buffer grows only with bytes that have arrived.
"""

import socket
import struct

from .errors import TOO_LARGE, UNEXPECTED_PACKET, ConnectionGone, protocol_error

MAX_STRING_BYTES = 16 * 1024 * 1024  # query texts, names, settings
MAX_BLOCK_BYTES = 1024 * 1024 * 1024  # one block of an insert
_RECEIVE_BYTES = 256 * 1024


class Reader:
    """Reads the protocol's basic values; `buffer[position:]` is what has arrived and is not yet used."""

    def __init__(self, source: socket.socket | None, data: bytes = b"") -> None:
        self.source = source
        self.buffer = bytearray(data)
        self.position = 0

    def require(self, end: int) -> int:
        """Wait until `buffer` holds `end` bytes; returns its length. Raises ConnectionGone when the client leaves."""
        if end > MAX_BLOCK_BYTES:
            raise protocol_error(TOO_LARGE, f"Block of more than {MAX_BLOCK_BYTES} bytes: send smaller blocks")
        while len(self.buffer) < end:
            received = b"" if self.source is None else self._receive(self.source)
            if not received:
                raise ConnectionGone
            self.buffer += received
        return len(self.buffer)

    @staticmethod
    def _receive(source: socket.socket) -> bytes:
        try:
            return source.recv(_RECEIVE_BYTES)
        except OSError:
            return b""

    def discard_used(self) -> None:
        """Forget what has been read."""
        del self.buffer[: self.position]
        self.position = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        start, end = self.position, self.position + size
        self.require(end)
        self.position = end
        return bytes(self.buffer[start:end])

    def uint8(self) -> int:
        return self.take(1)[0]

    def uint64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self.uint8()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise protocol_error(UNEXPECTED_PACKET, "A variable-length number of more than 10 bytes")

    def string_bytes(self) -> bytes:
        size = self.varint()
        if size > MAX_STRING_BYTES:
            raise protocol_error(TOO_LARGE, f"A string of {size} bytes; at most {MAX_STRING_BYTES} are accepted")
        return self.take(size)

    def string(self) -> str:
        """A string; bytes that are not UTF-8 survive a round trip."""
        return self.string_bytes().decode("utf-8", "surrogateescape")


def varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogateescape")
    return varint(len(raw)) + raw


def int32(value: int) -> bytes:
    return struct.pack("<i", value)
