"""Members of an incident: however long causes and words travel, in the end the same tasks are folded into it."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import child_pack
from tests.limit_world import DAY, Delays, Failure, World, as_told, decided

PACK = child_pack(
    """
silences: {gave_up_paying: null}
signals: {gave_up: null, repeated_failure: {when: 'event.outcome == "failure" && failures(7200) >= 2'}}
incidents: {subjects: 3, within_seconds: 600, ends_after_seconds: 900, folds: true}
"""
)
TASKS = ("call_back", "call_back_urgently", "call_back_again", "voucher", "escalation")


def failures(rng: random.Random, count: int) -> list[Failure]:
    at, made = 0, []
    for number in range(count):
        at += rng.choice((1, 10, 60, 60, 300, 1200))
        made.append(Failure(at, f"s{rng.randrange(8)}", f"m{number}"))
    return made


def compare(seed: int, count: int, delays: Delays) -> int:
    """Gives how many tasks went out and were taken back."""
    rng = random.Random(seed)
    made = failures(rng, count)
    world = World(PACK, 3, delays, rng)
    world.run(made, 2 * DAY)
    wanted = decided(PACK, made)
    for kind in TASKS:
        tasks = {name: one for name, one in wanted.items() if one.kind == kind}
        assert as_told(world.in_force(kind)) == as_told(tasks), kind
    return sum(one.action.retracted for one in world.sent)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(4, 40))
def test_the_same_tasks_remain_however_long_words_travel(seed: int, count: int) -> None:
    compare(seed, count, Delays(lag=200, to_second=60, back=120, late=400))


def test_such_lives_have_tasks_that_are_called_back_and_tasks_that_remain() -> None:
    assert sum(compare(seed, 40, Delays(lag=200, to_second=60, back=120, late=400)) for seed in range(10)) > 20
    kept = [one for seed in range(10) for one in decided(PACK, failures(random.Random(seed), 40)).values()]
    assert {"call_back", "call_back_urgently", "incident"} <= {one.kind for one in kept}
