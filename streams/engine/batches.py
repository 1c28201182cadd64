"""What aiokafka has fetched, as its compiled parser makes it: whole record batches, not message by message.

aiokafka decides which batches count (transactions, control batches, checksums); but its loop over messages, with a
ConsumerRecord for each, takes longer than parsing them. In: a fetcher. Out: lists of RawMessages from its polls.
"""

from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from typing import Any

from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.structs import TopicPartition

from streams.engine.decoding import RawMessage


def keep_whole(fetcher: Fetcher) -> None:
    """From now on polls give what is fetched in whole batches; they must not ask for a number of records."""
    if type(fetcher._records) is not _Fetched:
        fetcher._records = _Fetched(fetcher._records)


class _Fetched(OrderedDict[TopicPartition, Any]):
    """The fetcher's results that wait for a poll: each one is made to hand over whole batches as it comes in."""

    def __setitem__(self, partition: TopicPartition, result: Any) -> None:
        if type(result) is FetchResult:
            source = result._partition_records
            source._records = _Batches(source)
            source._consumer_record = _as_it_is
            result.getall = partial(_all_of, result)
        super().__setitem__(partition, result)


class _Batches:
    """In place of aiokafka's MemoryRecords."""

    def __init__(self, source: PartitionRecords) -> None:
        self._source = source
        self.has_next = source._records.has_next
        self._next_batch = source._records.next_batch

    def next_batch(self) -> "_Batch":
        return _Batch(self._next_batch(), self._source.next_fetch_offset)


class _Batch:
    """In place of aiokafka's batch: one that has messages goes through its loop as a single one, with the last one's offset."""

    def __init__(self, batch: Any, since: int) -> None:
        self._batch = batch
        self._since = since  # a fetch may begin within a batch
        self.messages: list[RawMessage] = []
        self.offset = -1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        """The only message of a control batch."""
        return next(self._batch)

    def __iter__(self) -> Iterator["_Batch"]:
        messages = list(self._batch)
        if messages and messages[0].offset < self._since:
            messages = [message for message in messages if message.offset >= self._since]
        if messages:
            self.messages, self.offset = messages, messages[-1].offset
            yield self


def _as_it_is(_partition: TopicPartition, batch: _Batch) -> _Batch:
    return batch


def _all_of(result: FetchResult, max_records: int | None = None) -> list[RawMessage]:
    """In place of FetchResult.getall."""
    if max_records is not None:
        raise ValueError("whole batches are not counted: ask for all that is fetched")
    if not result.check_assignment(result._topic_partition) or not result.has_more():
        return []
    messages: list[RawMessage] = []
    for batch in result._partition_records:
        messages += batch.messages
    result._update_position()
    result._partition_records = None
    return messages
