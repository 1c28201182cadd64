"""How a subject rests: touches one after the other, traces of event ids that agree with the window and with what has left it."""

import random

from streams.experience.state import (
    RECENT_MAX,
    Fold,
    Touch,
    load_orders,
    load_subject,
    recent_touches,
    remember,
    trace,
)
from streams.experience.window import Window
from tests.builders import START, driver
from tests.unit.test_decisions import MINUTE, Life


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
