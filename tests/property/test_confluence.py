"""Any order of arrival that keeps each topic's own order ends in the same actions in force and the same memory.

Inputs of all topics, receipts and ticks included; what comes late comes within the settling time of settled actions.
"""

import functools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.experience.compiled import CompiledPack
from streams.experience.folds import load_now
from streams.experience.state import load_subject
from streams.experience.step import _Work
from tests.builders import actions, in_force, pack, pack_with
from tests.lives import HOUR, event_at, in_order, life, played, run, shuffled

FADED = 35 * 24 * HOUR  # by then the last episode has


def compare(seed: int, count: int, shuffles: int, *packs: CompiledPack) -> None:
    """In order and shuffled: the same actions in force, the same memory."""
    messages = life(seed, count)
    until = max(event_at(one) for one in messages) + FADED
    straight, state = played(in_order(messages), until, *packs)
    wanted, memory = in_force(straight), memory_of(state)
    for number in range(shuffles):
        outputs, other = played(shuffled(random.Random(f"{seed}/{number}"), messages), until, *packs)
        assert in_force(outputs) == wanted
        assert memory_of(other) == memory


def compare_many(seeds: range) -> None:
    """Compares many lives."""
    for seed in seeds:
        compare(seed, 20, shuffles=3)


def memory_of(state: bytes) -> object:
    """The state without ledger and layout: what the subject is remembered as."""
    subject = load_subject(state)
    fold = load_now(subject)
    return subject.newest_at, fold


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(2, 25))
def test_same_actions_and_memory_in_any_order_of_arrival(seed: int, count: int) -> None:
    compare(seed, count, shuffles=3)


@functools.cache
def held_out(salt: int) -> CompiledPack:
    """Retail with a draw for each rule: who is held out of which differs with the salt."""
    shares = {name: {"hold_out": 0.5} for name, rule in pack().file.actions.items() if not rule.never_hold_out}
    shares.pop("escalate_declined")
    return pack_with({"holdout": {"salt": f"salt {salt}", "share": 0.1}, "actions": shares})


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(2, 25))
def test_same_with_customers_who_are_held_out(seed: int, count: int) -> None:
    compare(seed, count, 2, held_out(seed % 6))


def test_the_lives_that_are_shuffled_fire_every_rule_and_signal() -> None:
    fired: set[str] = set()
    signals: set[str] = set()
    learnt = {"waited_beyond_usual"}  # over many lives: tests/unit/test_usual_waiting.py
    unhappy = {name for name, signal in pack().file.signals.items() if signal.mood == "unhappy"} - learnt
    for seed in range(400):
        if fired == set(pack().file.actions) and signals >= unhappy:
            break
        messages = life(seed, 25)
        until = max(event_at(one) for one in messages) + FADED
        for action in actions(run(in_order(messages), until)):
            fired.add(action.rule)
            signals.update(row.signal for row in action.evidence)
    assert fired == set(pack().file.actions)
    assert signals >= unhappy


def test_appending_instead_of_refolding_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Work, "_in_order", lambda *_: True)
    with pytest.raises(AssertionError):
        compare_many(range(40))
