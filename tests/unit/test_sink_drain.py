"""When partitions are taken away: nothing is committed past a batch that was not stored."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from sinks import clickhouse
from sinks.buffer import Batch
from sinks.clickhouse import Sink
from sinks.tables import BY_NAME
from sinks.writer import Writer
from streams.errors import Unavailable, UserError
from streams.settings import Settings
from tests import sink_records as make

AT = TopicPartition("cx-actions", 0)


class Consumer:
    """Takes commits."""

    def __init__(self, error: Exception | None = None) -> None:
        self.commits: list[dict[TopicPartition, int]] = []
        self.error = error

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.error is not None:
            raise self.error
        self.commits.append(dict(offsets))


class Scripted(Writer):
    """Answers each batch with the next of a script: None, an error, or an event to wait for."""

    def __init__(self, *script: Any) -> None:
        super().__init__(Settings())
        self.script = list(script)

    async def store(self, batch: Batch) -> None:
        answer = self.script.pop(0) if self.script else None
        if isinstance(answer, asyncio.Event):
            await answer.wait()
        elif answer is not None:
            raise answer


def sink_with(writer: Writer, *, flushing: bool, consumer: Consumer | None = None) -> tuple[Sink, Consumer]:
    """A sink that has read up to 10 (under way, if `flushing`) and up to 20 (in the buffer)."""
    sink, taker = Sink(Settings(), make.CODEC, writer), consumer or Consumer()
    sink._consumer = taker
    for offset in (10, 20) if flushing else (20,):
        sink._buffer.batch.add(BY_NAME["actions"], make.row("actions", make.action(), offset))
        sink._buffer.touch(AT, offset, 0.0)
        if offset == 10:
            sink._start_flush()
    return sink, taker


async def test_all_is_stored_and_committed_in_order() -> None:
    sink, consumer = sink_with(Scripted(), flushing=True)
    await sink.on_partitions_revoked({AT})
    assert consumer.commits == [{AT: 10}, {AT: 20}]
    assert sink._buffer.empty()


@pytest.mark.parametrize("answers_again", [False, True])
async def test_after_a_batch_that_could_not_be_stored_nothing_is_committed(answers_again: bool) -> None:
    writer = Scripted(Unavailable("away", 0.01))
    sink, consumer = sink_with(writer, flushing=True)
    if answers_again:  # somebody hears from ClickHouse just when the flush gives up
        silent = sink._database.silent

        def heard(error: Unavailable, waiting_rows: int) -> None:
            silent(error, waiting_rows)
            sink._database.answers()

        sink._database.silent = heard  # type: ignore[method-assign]
    await sink.on_partitions_revoked({AT})
    assert consumer.commits == []
    assert sink._buffer.empty()
    assert sink._flush is None


async def test_a_flush_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clickhouse, "DRAIN_SECONDS", 0.05)
    sink, consumer = sink_with(Scripted(asyncio.Event()), flushing=True)
    await sink.on_partitions_revoked({AT})
    assert consumer.commits == []
    assert (sink._buffer.empty(), sink._flush) == (True, None)


async def test_what_needs_a_person_is_raised_by_the_next_turn() -> None:
    sink, consumer = sink_with(Scripted(UserError("no")), flushing=True)
    await sink.on_partitions_revoked({AT})
    assert consumer.commits == []
    with pytest.raises(UserError, match="no"):
        sink._raise_failure()


async def test_partitions_that_moved_before_the_commit() -> None:
    sink, _ = sink_with(Scripted(), flushing=False, consumer=Consumer(CommitFailedError()))
    await sink.on_partitions_revoked({AT})
    assert sink._committed == {}
    assert sink._buffer.empty()


async def test_the_first_assignment_revokes_nothing() -> None:
    sink, consumer = sink_with(Scripted(), flushing=False)
    await sink.on_partitions_revoked(set())
    assert consumer.commits == []
    assert not sink._buffer.empty()


async def test_what_was_polled_before_the_partitions_moved_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema registry is away while a poll is decoded, and the partitions move before it is back."""
    sink = Sink(Settings(), make.CODEC, Scripted())
    polled = {
        TopicPartition("cx-actions", partition): [record(partition, offset) for offset in (1, 2)]
        for partition in (0, 1)
    }
    sink._consumer = Polls(polled)
    asked = 0

    def decode(*_: object) -> object:
        nonlocal asked
        asked += 1
        if asked == 2:  # the second record of partition 0
            asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(sink.on_partitions_revoked({AT})))
            raise Unavailable("registry", 0.05)
        return make.action()

    monkeypatch.setattr(clickhouse, "decode", decode)
    await sink._turn()
    assert asked == 2
    assert (sink._buffer.batch.count(), sink._buffer.batch.positions) == (0, {})


class Polls(Consumer):
    """Gives one poll."""

    def __init__(self, polled: dict[TopicPartition, list[Any]]) -> None:
        super().__init__()
        self.polled = polled

    def paused(self) -> set[TopicPartition]:
        return set()

    async def getmany(self, **_: object) -> dict[TopicPartition, list[Any]]:
        return self.polled


def record(partition: int, offset: int) -> Any:
    sent = make.message("actions", make.action(offset), offset, partition=partition)
    return SimpleNamespace(offset=offset, timestamp=1, key=sent.key, value=sent.value, headers=())
