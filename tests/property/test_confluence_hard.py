"""The same property on lives made to hurt, in experiences, actions, episodes and causes; and windows that overflow."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decisions import Cause, Episode
from streams.engine.job import Output
from streams.experience.state import load_orders, load_subject
from streams.experience.step import _Work
from tests.builders import content, in_force, records
from tests.hard_lives import Life, first_of_each, hard_life, in_event_order, play, shuffled
from tests.property.test_confluence import memory_of


def seen_by_readers(outputs: list[Output]) -> dict[str, object]:
    """What holds in the end for a reader of all topics."""
    held: dict[str, object] = dict(in_force(outputs))
    for topic, kind, name in (("cx-episodes", Episode, "episode_id"), ("cx-causes", Cause, "cause_id")):
        revisions: dict[str, int] = {}
        for record in records(outputs, topic, kind):
            key = f"{topic}:{getattr(record, name)}"
            assert record.revision == revisions.get(key, 0) + 1, "revisions count up without gaps"
            revisions[key] = record.revision
            held.pop(key, None)
            if not record.retracted and not (kind is Episode and record.state == "superseded_after_work"):
                held[key] = content(record)
    return held


def compare(life: Life, seed: int, shuffles: int) -> None:
    wanted = play(life, in_event_order(life.messages))
    assert not wanted.driver.rejected
    for number in range(shuffles):
        rng = random.Random(f"{seed}/{number}")
        late = rng.choice((None, *range(len(life.controls))))
        got = play(life, shuffled(rng, life.messages), late)
        assert not got.driver.rejected
        assert seen_by_readers(got.outputs) == seen_by_readers(wanted.outputs)
        assert memory_of(got.driver.states[b"anna"]) == memory_of(wanted.driver.states[b"anna"])


def compare_many(seeds: range) -> None:
    """Compares many lives."""
    for seed in seeds:
        compare(hard_life(seed, 15), seed, shuffles=2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(2, 25))
def test_what_readers_hold_does_not_depend_on_the_order_of_arrival(seed: int, count: int) -> None:
    compare(hard_life(seed, count), seed, shuffles=2)


def test_appending_instead_of_refolding_is_found_out_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Work, "_in_order", lambda *_: True)
    with pytest.raises(AssertionError):
        compare_many(range(40))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(2, 40), window=st.integers(1, 6))
def test_a_window_that_overflows_refuses_and_what_it_takes_counts_as_in_order(
    seed: int, count: int, window: int
) -> None:
    life = hard_life(seed, count)
    messages = first_of_each(life.messages)
    got = play(life, shuffled(random.Random(seed), messages), window=window)
    refused = {(one.message.topic, one.message.offset) for one in got.driver.rejected}
    assert {one.reason for one in got.driver.rejected} <= {"too_late"}
    taken = [one for one in messages if (one.topic, one.offset) not in refused]
    wanted = play(life, in_event_order(taken))
    assert memory_of(got.driver.states[b"anna"]) == memory_of(wanted.driver.states[b"anna"])
    seen_by_readers(got.outputs)  # no revision left out
    subject = load_subject(got.driver.states[b"anna"])
    assert subject.window_count <= 4 * window
    assert len(load_orders(subject.passed)) <= 2 * window
