"""An event that passes without its fold being loaded leaves what folding it would have left, to the byte."""

import random
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine.job import Message
from streams.experience.folding import Input
from streams.experience.passing import passes
from streams.experience.state import Subject
from streams.experience.surroundings import Surroundings
from tests.builders import message, pack
from tests.lives import ANSWERS, HOUR, TOUCHES, Arrival, event_at, in_order, played, shuffled

QUIET = ("search", "product_page", "store_visit", "checkout", "not_in_the_pack")
PASSES = "streams.experience.step.passes"


def quiet_life(dice: random.Random, count: int) -> list[Message]:
    """Somebody who looks around, and seldom meets with trouble."""
    drawn, at = [], 0
    for number in range(count):
        at += dice.choice((1, 60, 600, 3000))
        kind, fields = "touchpoint", {"touchpoint": dice.choice(QUIET), "channel": "web"}
        if dice.random() < 0.1:
            kind, fields = dice.choice([("touchpoint", dice.choice(TOUCHES)), ("feedback", dice.choice(ANSWERS))])
        drawn.append(message(kind, f"e{number}", at, number, **fields))
    return drawn


def passed_and_folded(arrivals: list[Arrival], until: int) -> int:
    """Compares; how many have passed."""
    passed = []

    def counted(subject: Subject, around: Surroundings, item: Input) -> bool:
        passed.append(passes(subject, around, item))
        return passed[-1]

    with patch(PASSES, counted):
        as_it_is = played(arrivals, until, pack())
    with patch(PASSES, return_value=False):
        assert played(arrivals, until, pack()) == as_it_is
    return sum(passed)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(2, 60))
def test_what_passes_leaves_what_folding_leaves(seed: int, count: int) -> None:
    dice = random.Random(seed)
    messages = quiet_life(dice, count)
    until = max(event_at(one) for one in messages) + 20 * HOUR
    passed_and_folded(in_order(messages), until)
    passed_and_folded(shuffled(dice, messages), until)


def test_most_events_of_a_quiet_life_pass() -> None:
    messages = quiet_life(random.Random(5), 200)
    assert passed_and_folded(in_order(messages), 1) > 100
