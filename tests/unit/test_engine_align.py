"""Merging by event time: who waits for whom, and for how long."""

from collections.abc import Sequence

import pytest

from streams.engine.align import FULL_BYTES, FULL_RECORDS, Aligner, Entry
from streams.errors import Unavailable

WAIT = 1000
Simple = Aligner[tuple[int, int], str]


def _decode(index: int, raws: Sequence[tuple[int, int]], newest_at: int) -> list[Entry[str]]:
    """Negative times: undated."""
    entries: list[Entry[str]] = []
    for offset, at in raws:
        newest_at = newest_at if at < 0 else at
        entries.append((newest_at, offset, 0, f"{index}@{at}"))
    return entries


def _aligner(*ends: int | None, inputs: int = 2) -> Simple:
    aligner: Simple = Aligner(inputs, _decode, WAIT)
    for index, end in enumerate(ends):
        aligner.reaches(index, 0, end)
    return aligner


def _take(aligner: Simple, now: int = 0, limit: int = 100) -> list[str]:
    return [entry[3] for run in aligner.take(limit, now) for entry in run.entries]


def _add(aligner: Simple, index: int, *times: int, first: int = 0) -> None:
    aligner.add(index, [(first + number, at) for number, at in enumerate(times)], len(times))


def test_inputs_are_merged_by_event_time_and_ties_go_by_rank() -> None:
    aligner = _aligner(0, 0)
    _add(aligner, 0, 10, 30, 50)
    _add(aligner, 1, 5, 30, 60)
    assert _take(aligner) == ["1@5", "0@10", "0@30", "1@30", "0@50", "1@60"]


def test_an_input_keeps_its_own_order_even_if_its_times_do_not_ascend() -> None:
    aligner = _aligner(0, 0)
    _add(aligner, 0, 50, 10)
    _add(aligner, 1, 20)
    assert _take(aligner) == ["1@20", "0@50", "0@10"]


def test_nothing_runs_ahead_of_an_input_that_lags() -> None:
    aligner = _aligner(0, 100)
    _add(aligner, 0, 10, 20)
    assert _take(aligner) == []
    _add(aligner, 1, 15)
    assert _take(aligner) == ["0@10", "1@15"]


def test_up_to_what_the_lagging_input_has_reached_the_others_may_go() -> None:
    aligner = _aligner(0, 100)
    _add(aligner, 1, 15)
    _add(aligner, 0, 10, 15, 16)
    assert _take(aligner) == ["0@10", "0@15", "1@15"]


def test_at_equal_times_a_lagging_input_of_lower_rank_goes_first() -> None:
    aligner = _aligner(100, 0)
    _add(aligner, 0, 15)
    _add(aligner, 1, 15)
    assert _take(aligner) == ["0@15"]
    _add(aligner, 0, 15, 16, first=1)
    assert _take(aligner) == ["0@15", "1@15", "0@16"]


def test_an_unknown_end_counts_as_lagging() -> None:
    aligner = _aligner(0, None)
    _add(aligner, 0, 10)
    assert _take(aligner) == []


def test_an_input_without_lag_holds_nobody_up() -> None:
    aligner = _aligner(0, 0)
    _add(aligner, 0, 10)
    assert _take(aligner) == ["0@10"]


def test_waiting_for_a_lagging_input_ends() -> None:
    aligner = _aligner(0, 100)
    _add(aligner, 0, 10, 20)
    assert _take(aligner, now=5000) == []
    assert aligner.held_until() == 5000 + WAIT
    assert _take(aligner, now=5000 + WAIT - 1) == []
    assert _take(aligner, now=5000 + WAIT) == ["0@10", "0@20"]


def test_patience_begins_anew_when_the_lagging_input_has_delivered() -> None:
    aligner = _aligner(0, 100)
    _add(aligner, 0, 10, 20)
    _take(aligner, now=0)
    _take(aligner, now=WAIT)
    _add(aligner, 1, 5)
    _add(aligner, 0, 30, first=2)
    assert _take(aligner, now=WAIT) == ["1@5"]
    assert _take(aligner, now=WAIT) == []


def test_what_has_no_event_time_goes_with_its_neighbours() -> None:
    aligner: Simple = Aligner(2, _decode, WAIT)
    for index in (0, 1):
        aligner.reaches(index, 0, 0)
    aligner.add(0, [(0, -1), (1, 10), (2, -2), (3, 30)], 4)
    aligner.add(1, [(0, 20)], 1)
    assert _take(aligner) == ["0@-1", "0@10", "0@-2", "1@20", "0@30"]


def test_buffers_say_when_they_are_full_by_number_and_by_bytes() -> None:
    aligner = _aligner(0, 0)
    aligner.add(0, [(number, number) for number in range(FULL_RECORDS)], 1)
    aligner.add(1, [(0, 0)], FULL_BYTES)
    assert aligner.full(0)
    assert aligner.full(1)
    while _take(aligner):
        pass
    assert aligner.drained(0)
    assert aligner.drained(1)
    assert aligner.waiting() == 0


def test_what_is_decoded_goes_on_when_the_next_message_cannot_be_decoded_now() -> None:
    def decode(index: int, raws: Sequence[tuple[int, int]], newest_at: int) -> list[Entry[str]]:
        until = next((number for number, raw in enumerate(raws) if raw[1] == 20 and not cured), len(raws))
        if not until:
            raise Unavailable("no schema registry")
        return _decode(index, raws[:until], newest_at)

    cured: list[bool] = []
    aligner: Simple = Aligner(1, decode, WAIT)
    aligner.reaches(0, 0, 0)
    aligner.add(0, [(0, 10), (1, 20), (2, 30)], 3)
    assert _take(aligner) == ["0@10"]
    with pytest.raises(Unavailable):
        _take(aligner)
    cured.append(True)
    assert _take(aligner) == ["0@20", "0@30"]
