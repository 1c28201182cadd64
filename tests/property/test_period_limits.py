"""Limits across customers: however many partitions there are and however long words travel, what holds at rest is one answer, and
what goes beyond a limit is at most what is claimed while a word travels, less the time in which messages settle.
"""

import random
from hashlib import blake2b

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decisions import Action
from tests.builders import SECOND, START
from tests.limit_world import DAY, Delays, Failure, World, as_told, decided, limited

LIMITS = "{goodwill: {counts: money, most: 60, per: hour, same: [unit]}, calls: {most: 7, per: hour, audiences: [care], defers: 1}}"
SETTLING = 120


def failures(rng: random.Random, count: int, amounts: tuple[int, ...] = (10,)) -> list[Failure]:
    at, made = 0, []
    for _ in range(count):
        at += rng.choice((0, 0, 1, 5, 20, 60, 300))
        matter = f"m{rng.randrange(count)}"
        unit, amount = rng.choice((None, "shop-1", "shop-2")), rng.choice(amounts)
        made.append(Failure(at, f"s{rng.randrange(12)}", matter, unit, amount=amount))
    return made


def in_order(made: list[Failure]) -> list[Failure]:
    """As claims are answered: those of one instant by a hash of the customer."""
    return sorted(made, key=lambda one: (one.at, blake2b(one.subject.encode(), digest_size=8).digest()))


def spent_by_hand(made: list[Failure], most: int) -> dict[tuple[str | None, int], int]:
    """What each unit may give away in each hour, by going through all failures in order (those of one instant by a hash of the
    customer): one voucher a matter of a customer.
    """
    granted: dict[tuple[str | None, int], int] = {}
    given = set()
    for one in in_order(made):
        hour = (START // SECOND + one.at) // 3600
        amount = one.amount or 10
        room = granted.get((one.unit, hour), 0) + amount <= most
        if room and (one.subject, one.matter) not in given:
            given.add((one.subject, one.matter))
            granted[one.unit, hour] = granted.get((one.unit, hour), 0) + amount
    return granted


def by_unit_and_hour(actions: list[Action]) -> dict[tuple[str | None, int], int]:
    found: dict[tuple[str | None, int], int] = {}
    for one in actions:
        key = (one.unit, one.decided_at // (3600 * SECOND))
        found[key] = found.get(key, 0) + int(one.amount or 0)
    return found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), partitions=st.integers(1, 5))
def test_nothing_goes_beyond_a_limit_while_messages_settle_longer_than_words_travel(seed: int, partitions: int) -> None:
    rng = random.Random(seed)
    pack, made = limited(LIMITS, SETTLING), failures(rng, 60, rng.choice(((10,), (1, 3, 10, 25), (7, 40))))
    delays = Delays(*(rng.uniform(0, 29) for _ in range(4)))
    assert delays.seconds < SETTLING
    world = World(pack, partitions, delays, rng)
    world.run(made, 2 * DAY)
    vouchers = [one.action for one in world.went_out("voucher")]
    assert by_unit_and_hour(vouchers) == spent_by_hand(made, 60)
    expected = decided(pack, made)
    assert as_told({**world.in_force("voucher"), **world.in_force("call_back")}) == as_told(expected)
    assert {one.action_id for one in vouchers} == {name for name, one in expected.items() if one.kind == "voucher"}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), partitions=st.integers(1, 5), settling=st.sampled_from((0, 30, 120)))
def test_what_goes_beyond_a_limit_is_at_most_what_is_claimed_while_a_word_travels(
    seed: int, partitions: int, settling: int
) -> None:
    rng = random.Random(seed)
    pack = limited("{goodwill: {counts: money, most: 60, per: day}}", settling)
    made = [one._replace(matter=f"m{number}") for number, one in enumerate(failures(rng, 60))]  # all of them claim
    delays = Delays(rng.uniform(0, 100), rng.uniform(0, 300), rng.uniform(0, 300), rng.uniform(0, 100))
    world = World(pack, partitions, delays, rng)
    world.run(made, 2 * DAY)
    used_up_at = made[6].at  # six vouchers fit
    leaks_until = used_up_at + max(0.0, delays.seconds - settling)
    leaks = 10 * sum(1 for one in made[6:] if one.at <= leaks_until)
    assert sum(int(one.action.amount or 0) for one in world.went_out("voucher")) <= 60 + leaks


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), partitions=st.integers(1, 5), settling=st.sampled_from((0, 30, 120)))
def test_each_amount_leaks_only_while_the_word_travels_that_it_fits_no_more(
    seed: int, partitions: int, settling: int
) -> None:
    rng = random.Random(seed)
    pack = limited("{goodwill: {counts: money, most: 60, per: day}}", settling)
    made = [one._replace(matter=f"m{number}") for number, one in enumerate(failures(rng, 60, (1, 3, 10, 25)))]
    delays = Delays(rng.uniform(0, 100), rng.uniform(0, 300), rng.uniform(0, 300), rng.uniform(0, 100))
    world = World(pack, partitions, delays, rng)
    world.run(made, 2 * DAY)
    granted, leaks, too_much_at = 0, 0, dict[int, int]()
    for one in in_order(made):
        amount = one.amount or 10
        if granted + amount <= 60:
            granted += amount
            continue
        too_much_at.setdefault(amount, one.at)
        since = min(at for known, at in too_much_at.items() if known <= amount)  # from then on this much did not fit
        if one.at <= since + max(0.0, delays.seconds - settling):
            leaks += amount
    went_out = sum(int(one.action.amount or 0) for one in world.went_out("voucher"))
    assert went_out <= granted + leaks
    rest = {name for name, one in decided(pack, made).items() if one.kind == "voucher"}
    assert set(world.in_force("voucher")) == rest  # what leaked is taken back, and stands in nobody's way
