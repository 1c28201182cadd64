"""Which partition a key belongs to: murmur2, as Java, aiokafka and kafka-python do it. Remembered, because Python is slow at it."""

import struct
from functools import lru_cache

_REMEMBERED_KEYS = 100_000


def murmur2(data: bytes) -> int:
    """Kafka's murmur2 of `data`, 32 bits, sign bit cleared."""
    length = len(data)
    mixer, mask = 0x5BD1E995, 0xFFFFFFFF
    value = (0x9747B28C ^ length) & mask
    words = length >> 2
    for word in struct.unpack_from(f"<{words}I", data):
        word = (word * mixer) & mask
        word ^= word >> 24
        word = (word * mixer) & mask
        value = ((value * mixer) & mask) ^ word
    tail = data[words << 2 :]
    if tail:
        value ^= int.from_bytes(tail, "little")
        value = (value * mixer) & mask
    value ^= value >> 13
    value = (value * mixer) & mask
    value ^= value >> 15
    return value & 0x7FFFFFFF


_remembered = lru_cache(maxsize=_REMEMBERED_KEYS)(murmur2)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a topic with `partitions` partitions."""
    return _remembered(key) % partitions
