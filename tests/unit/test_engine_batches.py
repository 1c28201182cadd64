"""Fetched batches on aiokafka's own classes: what counts is what aiokafka's loop over messages gives, in whole batches."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from streams.engine.batches import Batch, keep_batches, messages_of

PARTITION = TopicPartition("events", 0)
ABORT = b"\x00\x00\x00\x00"


def written(first: int, *values: bytes, producer: int = -1, transactional: bool = False, key: bytes = b"key") -> bytes:
    """A record batch as a broker keeps it, its first message at offset `first`."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=int(transactional),
        producer_id=producer,
        producer_epoch=0,
        base_sequence=0,
        batch_size=1 << 20,
    )
    for number, value in enumerate(values):
        assert builder.append(number, 1000 + number, key, value, []) is not None
    return first.to_bytes(8, "big") + bytes(builder.build())[8:]


def aborts(at: int, producer: int) -> bytes:
    """A control batch that ends a producer's transaction."""
    batch = bytearray(written(at, b"", producer=producer, transactional=True, key=ABORT))
    batch[22] |= 0x20
    return bytes(batch)


def fetched(
    log: bytes, since: int, *, aborted: list[tuple[int, int]] | None = None, check: bool = False
) -> PartitionRecords:
    return PartitionRecords(PARTITION, MemoryRecords(log), aborted, since, None, None, check, READ_COMMITTED)


def whole(source: PartitionRecords) -> list[Batch]:
    """What a fetcher hands over."""
    state = SimpleNamespace(paused=False, position=source.next_fetch_offset, consumed_to=lambda offset: None)
    assignment: Any = SimpleNamespace(active=True, state_value=lambda _: state)
    fetcher: Any = SimpleNamespace(_records={})
    keep_batches(fetcher)
    keep_batches(fetcher)  # as each poll does
    fetcher._records[PARTITION] = FetchResult(PARTITION, assignment=assignment, partition_records=source, backoff=0)
    found: list[Batch] = fetcher._records[PARTITION].getall()
    return found


def told(messages: Any) -> list[tuple[int, int, bytes, bytes]]:
    return [(one.offset, one.timestamp, one.key, one.value) for one in messages]


@pytest.mark.parametrize("since", [0, 1, 2])
def test_messages_and_position_are_those_of_aiokafka(since: int) -> None:
    log = (
        written(0, b"a", b"b", b"c")
        + written(3, b"of one", b"aborted", producer=7, transactional=True)
        + aborts(5, 7)
        + written(6, b"d", producer=8, transactional=True)
        + written(7, b"e", b"f")
    )
    plain, ours = fetched(log, since, aborted=[(7, 3)]), fetched(log, since, aborted=[(7, 3)])
    wanted = told(plain)
    found = whole(ours)
    assert told(messages_of(found)) == wanted
    assert [value for _, _, _, value in wanted] == [
        value
        for offset, value in enumerate((b"a", b"b", b"c", None, None, None, b"d", b"e", b"f"))
        if value and offset >= since
    ]
    assert ours.next_fetch_offset == plain.next_fetch_offset == 9
    assert [batch.offset for batch in found] == [offset for offset in (2, 6, 8) if offset >= since]


def test_a_batch_that_was_damaged_is_told() -> None:
    log = bytearray(written(0, b"a") + written(1, b"b"))
    log[-1] ^= 1
    with pytest.raises(CorruptRecordException):
        whole(fetched(bytes(log), 0, check=True))
