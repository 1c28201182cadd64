"""Numbers at the edges of their lengths: written as short as they can be, read back, refused beyond 64 bits."""

import struct
from decimal import Decimal
from typing import Any

import pytest

from schemas.primitives import (
    read_block,
    read_int,
    read_length,
    read_long,
    read_unscaled,
    write_amount,
    write_int,
    write_long,
    write_map,
)

EDGES = sorted({sign * ((1 << bits) + step) for bits in range(63) for step in (-1, 0, 1) for sign in (1, -1)})


def reference(value: int) -> bytes:
    """Zigzag and varint as the Avro specification words them."""
    raw = (value << 1) ^ (value >> 63)
    out = []
    while raw & ~0x7F:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    return bytes([*out, raw])


@pytest.mark.parametrize("value", [*EDGES, 2**63 - 1, -(2**63), 1_770_000_000_000_000])
def test_a_long(value: int) -> None:
    written = write_long(value)
    assert written == reference(value)
    assert read_long(b"x" + written + b"y", 1) == (value, 1 + len(written))


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**70])
def test_a_number_beyond_64_bits_is_not_written(value: int) -> None:
    with pytest.raises(OverflowError):
        write_long(value)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, Decimal(1)])
def test_what_is_no_integer_is_not_written(value: Any) -> None:
    for write in (write_long, write_int):
        with pytest.raises(TypeError):
            write(value)


def test_an_int_has_32_bits() -> None:
    for value in (2**31 - 1, -(2**31)):
        assert read_int(write_int(value), 0)[0] == value
    for value in (2**31, -(2**31) - 1):
        with pytest.raises(OverflowError):
            write_int(value)
        with pytest.raises(ValueError, match="32 bits"):
            read_int(write_long(value), 0)


def test_numbers_that_no_writer_makes_are_not_read() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        read_long(b"\xff" * 9 + b"\x02", 0)
    with pytest.raises(ValueError, match="ten bytes"):
        read_long(b"\x80" * 10 + b"\x00", 0)
    with pytest.raises(IndexError):
        read_long(b"\x80", 0)
    with pytest.raises(ValueError, match="length of -1"):
        read_length(write_long(-1), 0)


def test_a_block_may_tell_its_size() -> None:
    assert read_block(write_long(3), 0) == (3, 1)
    assert read_block(write_long(-3) + write_long(100), 0) == (3, 3)
    with pytest.raises(ValueError, match="length of -5"):
        read_block(write_long(-3) + write_long(-5), 0)


@pytest.mark.parametrize(
    "number", [0, 1, -1, 127, 128, -128, -129, 255, 32767, 32768, -32768, 10**18 - 1, -(10**18) + 1]
)
def test_an_amount_is_the_shortest_twos_complement(number: int) -> None:
    written = write_amount(Decimal(number).scaleb(-4), 4)
    size, start = read_length(written, 0)
    assert len(written) == start + size
    assert read_unscaled(written, start, start + size) == number
    if size > 1:
        with pytest.raises(OverflowError):
            number.to_bytes(size - 1, "big", signed=True)


@pytest.mark.parametrize("amount", ["0.00001", "1e14", "NaN", "Infinity", "-1e14"])
def test_an_amount_that_does_not_fit_is_not_written(amount: str) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        write_amount(Decimal(amount), 4)


def test_a_map() -> None:
    assert write_map({}) == b"\0"
    assert write_map({"a": "b"}) == b"\x02\x02a\x02b\0"
    assert struct.unpack(">2B", write_map({"é": ""})[1:3]) == (4, 0xC3)
