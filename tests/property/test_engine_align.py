"""Aligning loses nothing, keeps each input's order, and merges by event time however the messages arrive."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine.align import Aligner, Entry

times = st.lists(st.integers(0, 50), max_size=30)
Raw = tuple[int, int]


def _decode(index: int, raws: Sequence[Raw], newest_at: int) -> list[Entry[tuple[int, int]]]:
    return [(at, offset, 0, (index, offset)) for offset, at in raws]


@settings(deadline=None)
@given(inputs=st.lists(times, min_size=1, max_size=3), data=st.data())
def test_nothing_is_lost_and_each_input_keeps_its_order(inputs: list[list[int]], data: st.DataObject) -> None:
    aligner: Aligner[Raw, tuple[int, int]] = Aligner(len(inputs), _decode, 10)
    given_to = [0] * len(inputs)
    taken: list[tuple[int, int]] = []
    now = 0
    while any(given_to[index] < len(each) for index, each in enumerate(inputs)):
        index = data.draw(st.sampled_from([i for i, each in enumerate(inputs) if given_to[i] < len(each)]))
        count = data.draw(st.integers(1, 5))
        part = list(enumerate(inputs[index]))[given_to[index] : given_to[index] + count]
        given_to[index] += len(part)
        aligner.add(index, part, 1)
        end = data.draw(st.sampled_from([None, given_to[index], len(inputs[index])]))
        aligner.reaches(index, given_to[index], end)
        now += data.draw(st.integers(0, 20))
        taken += _items(aligner, data.draw(st.integers(1, 10)), now)
    for index, each in enumerate(inputs):
        aligner.reaches(index, len(each), len(each))
    while items := _items(aligner, 7, now):
        taken += items
    for index, each in enumerate(inputs):
        assert [offset for number, offset in taken if number == index] == list(range(len(each)))


@settings(deadline=None)
@given(inputs=st.lists(times, min_size=1, max_size=4), limit=st.integers(1, 10), data=st.data())
def test_a_backlog_in_order_is_merged_in_order_whatever_is_fetched_first(
    inputs: list[list[int]], limit: int, data: st.DataObject
) -> None:
    inputs = [sorted(each) for each in inputs]
    aligner: Aligner[Raw, tuple[int, int]] = Aligner(len(inputs), _decode, 10)
    for index, each in enumerate(inputs):
        aligner.reaches(index, 0, len(each))
    given_to = [0] * len(inputs)
    taken: list[tuple[int, int]] = []
    left = [index for index, each in enumerate(inputs) if each]
    while left:
        index = data.draw(st.sampled_from(left))
        part = list(enumerate(inputs[index]))[given_to[index] : given_to[index] + data.draw(st.integers(1, 8))]
        given_to[index] += len(part)
        aligner.add(index, part, 1)
        aligner.reaches(index, given_to[index], len(inputs[index]))
        left = [index for index, each in enumerate(inputs) if given_to[index] < len(each)]
        taken += _items(aligner, limit, now=0)
    while items := _items(aligner, limit, now=0):
        taken += items
    order = [(inputs[index][offset], index, offset) for index, offset in taken]
    assert order == sorted((at, index, offset) for index, each in enumerate(inputs) for offset, at in enumerate(each))


def _items(aligner: Aligner[Raw, tuple[int, int]], limit: int, now: int) -> list[tuple[int, int]]:
    return [entry[3] for run in aligner.take(limit, now) for entry in run.entries]
