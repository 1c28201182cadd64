"""What aiokafka has fetched, as record batches: parsed whole by its compiled parser, by the thread that will use the messages.

aiokafka decides which batches count (transactions, control batches, checksums); but its loop over messages, with a
ConsumerRecord for each, takes longer than parsing them. In: a fetcher. Out: lists of Batch from its polls.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.structs import TopicPartition

from streams.engine.decoding import RawMessage


def keep_batches(fetcher: Fetcher) -> None:
    """From now on its polls give batches; where they ask for a number of records, they get that many batches."""
    if type(fetcher._records) is not _Fetched:
        fetcher._records = _Fetched(fetcher._records)


def messages_of(batches: Iterable["Batch"]) -> list[RawMessage]:
    """The messages, parsed now."""
    return [message for batch in batches for message in batch.messages()]


class Batch:
    """In place of aiokafka's batch: goes through its loop over messages as a single one with the offset of the last."""

    def __init__(self, batch: Any, since: int) -> None:
        self._batch = batch
        self._since = since  # a fetch may begin within a batch
        self.offset: int = batch.next_offset - 1

    def messages(self) -> list[RawMessage]:
        """Can be asked for once."""
        messages: list[RawMessage] = list(self._batch)
        if messages and messages[0].offset < self._since:
            return [message for message in messages if message.offset >= self._since]
        return messages

    def __iter__(self) -> Iterator["Batch"]:
        yield self

    def __next__(self) -> Any:
        """The only message of a control batch."""
        return next(self._batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)


class _Fetched(OrderedDict[TopicPartition, Any]):
    """The fetcher's results that wait for a poll."""

    def __setitem__(self, partition: TopicPartition, result: Any) -> None:
        if type(result) is FetchResult:
            source = result._partition_records
            source._records = _Batches(source)
            source._consumer_record = _as_it_is
        super().__setitem__(partition, result)


class _Batches:
    """In place of aiokafka's MemoryRecords."""

    def __init__(self, source: PartitionRecords) -> None:
        self._source = source
        self.has_next = source._records.has_next
        self._next_batch = source._records.next_batch

    def next_batch(self) -> Batch:
        return Batch(self._next_batch(), self._source.next_fetch_offset)


def _as_it_is(_partition: TopicPartition, batch: Batch) -> Batch:
    return batch
