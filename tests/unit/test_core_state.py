"""How a subject rests: touches one after the other, traces of event ids that agree with the window and with what has left it."""

import random

from streams.experience.folds import load_now
from streams.experience.state import Fold, Touch, load_orders, load_subject, trace
from streams.experience.touches import RECENT_MAX, recent_touches, remember
from streams.experience.window import Window
from tests.builders import START, driver
from tests.one_life import MINUTE, Life


def touch(number: int) -> Touch:
    return Touch(
        START + number, f"e{number}", "purchase", "search", None, "success", "m" * (number % 300), None, False, None
    )


def test_only_the_latest_touches_are_remembered_whatever_their_size() -> None:
    fold = Fold()
    for number in range(100):
        remember(fold, touch(number))
        seen = recent_touches(fold)
        assert seen == [touch(one) for one in range(max(0, number + 1 - RECENT_MAX), number + 1)]


def test_traces_agree_with_the_inputs_that_they_stand_for_in_any_order_of_arrival() -> None:
    dice = random.Random(5)
    life = Life(driver(window=8))
    late = trimmed = 0
    for number in range(400):
        at = number * MINUTE - (dice.randrange(30 * MINUTE) if dice.random() < 0.3 else 0)
        life.touch(max(0, at), "search")
        subject = load_subject(life.driver.states[life.subject.encode()])
        pieces = Window(subject).pieces()
        names = [order[2] for order in load_orders(subject.passed)] + [piece.id for piece in pieces]
        assert subject.ids == b"".join(map(trace, names))
        late += at < number * MINUTE
        trimmed += len(names) < number
    assert late > 50
    assert trimmed > 100


def test_touches_that_base_and_mark_share_with_now_are_the_same_in_any_order_of_arrival() -> None:
    dice = random.Random(7)
    in_order, shuffled = Life(driver()), Life(driver())
    shared = 0
    for block in range(40):
        minutes = [minute for minute in range(block * 10, block * 10 + 10) if dice.random() < 0.8]
        for minute in minutes:
            in_order.touch(3 * minute * MINUTE, "search", event_id=f"e{minute}")
        for minute in dice.sample(minutes, len(minutes)):
            shuffled.touch(3 * minute * MINUTE, "search", event_id=f"e{minute}")
        subjects = [load_subject(one.driver.states[one.subject.encode()]) for one in (in_order, shuffled)]
        assert load_now(subjects[0]) == load_now(subjects[1])
        shared += any(len(one.base.own) > 0 and one.base.shared > 0 for one in subjects)
    assert shared > 5  # bases that have some of their own and some in common: both ways of resting are met
