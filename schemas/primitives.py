"""Avro's numbers and lengths, read from bytes at a position and written to bytes: what compiled code calls.

Each reader gives the value and where it ends, and raises IndexError, ValueError or struct.error.
"""

from decimal import Context, Decimal
from struct import Struct
from typing import Any, Final

MONEY_BYTES_MAX: Final = 16  # 18 digits fit in 8; a decimal of 1 MB would take a minute to convert
MONEY: Final = Context(prec=40)  # wide enough for MONEY_BYTES_MAX
_LONG_BYTES_MAX: Final = 10
_INT: Final = 1 << 31
_DIGITS_MAX: Final = 10**18


def read_long(d: bytes, p: int) -> tuple[int, int]:
    """A zigzag varint."""
    byte = d[p]
    raw = byte & 0x7F
    shift = 7
    start = p
    while byte > 0x7F:
        p += 1
        byte = d[p]
        raw |= (byte & 0x7F) << shift
        shift += 7
        if p - start >= _LONG_BYTES_MAX:
            raise ValueError("a number of more than ten bytes")
    if raw >> 64:
        raise ValueError("a number of more than 64 bits")
    return (raw >> 1) ^ -(raw & 1), p + 1


def read_length(d: bytes, p: int) -> tuple[int, int]:
    """Like `read_long`, for what must not be negative."""
    count, p = read_long(d, p)
    if count < 0:
        raise ValueError(f"a length of {count}")
    return count, p


def read_int(d: bytes, p: int) -> tuple[int, int]:
    """Like `read_long`, of 32 bits."""
    value, p = read_long(d, p)
    if not -_INT <= value < _INT:
        raise ValueError("an int of more than 32 bits")
    return value, p


def read_block(d: bytes, p: int) -> tuple[int, int]:
    """Number of items in the next block of an array or map; 0 ends it. A negative one is followed by a size in bytes."""
    count, p = read_long(d, p)
    if count < 0:
        _, p = read_length(d, p)
    return abs(count), p


def read_unscaled(d: bytes, p: int, q: int) -> int:
    """The two's complement of a decimal, between two positions."""
    if q - p > MONEY_BYTES_MAX:
        raise ValueError(f"an amount of {q - p} bytes, at most {MONEY_BYTES_MAX}")
    return int.from_bytes(d[p:q], "big", signed=True)


READERS: Final[dict[str, Any]] = {
    "read_long": read_long,
    "read_length": read_length,
    "read_int": read_int,
    "read_block": read_block,
    "read_unscaled": read_unscaled,
    "read_eight": Struct("<8B").unpack_from,
    "read_double": Struct("<d").unpack_from,
    "read_float": Struct("<f").unpack_from,
    "multiply": MONEY.multiply,
    "BOOLEANS": {0: False, 1: True},
}


def write_long(value: int) -> bytes:
    """A zigzag varint. Raises TypeError, OverflowError."""
    if type(value) is not int:
        raise TypeError(f"expected an integer, got {type(value).__name__}")
    raw = value << 1 if value >= 0 else ~(value << 1)
    if raw < 0x80:
        return _BYTES[raw]
    if raw < 0x4000:
        return bytes((raw & 0x7F | 0x80, raw >> 7))
    if raw < 0x20_0000:
        return bytes((raw & 0x7F | 0x80, raw >> 7 & 0x7F | 0x80, raw >> 14))
    if raw >> 49 and not raw >> 56:
        return _eight_bytes(raw & 0xFFF_FFFF, raw >> 28)
    if raw >> 64:
        raise OverflowError("a number of more than 64 bits")
    out = bytearray()
    while raw > 0x7F:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    out.append(raw)
    return bytes(out)


def _eight_bytes(low: int, high: int) -> bytes:
    """A varint of eight bytes, as an instant of these centuries in µs takes, from its two halves of 28 bits."""
    return bytes(
        (
            low & 0x7F | 0x80,
            low >> 7 & 0x7F | 0x80,
            low >> 14 & 0x7F | 0x80,
            low >> 21 | 0x80,
            high & 0x7F | 0x80,
            high >> 7 & 0x7F | 0x80,
            high >> 14 & 0x7F | 0x80,
            high >> 21,
        )
    )


def write_int(value: int) -> bytes:
    """Like `write_long`, of 32 bits."""
    if type(value) is int and not -_INT <= value < _INT:
        raise OverflowError("a number of more than 32 bits")
    return write_long(value)


def write_text(value: str) -> bytes:
    """A string with its length before it."""
    raw = value.encode()
    return write_long(len(raw)) + raw


def write_amount(value: Decimal, scale: int) -> bytes:
    """A decimal's two's complement with its length before it. Raises ValueError when a digit would be lost."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise TypeError(f"expected a finite Decimal, got {value!r}")
    moved = MONEY.scaleb(value, scale)
    number = int(moved)
    if number != moved:
        raise ValueError(f"more than {scale} decimals")
    if abs(number) >= _DIGITS_MAX:
        raise OverflowError("an amount of more than 18 digits")
    size = (number + (number < 0)).bit_length() // 8 + 1
    return _BYTES[size << 1] + number.to_bytes(size, "big", signed=True)


def write_map(value: dict[str, str]) -> bytes:
    """A map of strings."""
    if not value:
        return b"\0"
    parts = [write_long(len(value))]
    for name, item in value.items():
        parts += (write_text(name), write_text(item))
    parts.append(b"\0")
    return b"".join(parts)


_BYTES: Final = [bytes([number]) for number in range(256)]

WRITERS: Final[dict[str, Any]] = {
    "write_long": write_long,
    "write_int": write_int,
    "write_text": write_text,
    "write_amount": write_amount,
    "write_map": write_map,
    "write_double": Struct("<d").pack,
    "BYTES": _BYTES,
    "BOOLEANS": {False: b"\0", True: b"\1"},
}
