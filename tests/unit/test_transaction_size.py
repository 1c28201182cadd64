"""What a transaction may hold follows how quickly the broker takes it."""

from streams.engine.transaction_size import FULL_BYTES, FULL_INPUTS, LEAST_SHARE, SLOW_SECONDS, TransactionSize


def grown(size: TransactionSize) -> TransactionSize:
    for _ in range(10):
        size.took(0.1, was_full=True)
    return size


def test_begins_small_and_grows_while_full_ones_are_quick() -> None:
    size = TransactionSize()
    assert size.full(FULL_BYTES // 32, 0)
    assert size.full(0, FULL_INPUTS // 32)
    assert not size.full(FULL_BYTES // 33, FULL_INPUTS // 33)
    grown(size)
    assert not size.full(FULL_BYTES - 1, FULL_INPUTS - 1)
    assert size.full(FULL_BYTES, 0)
    assert size.full(0, FULL_INPUTS)


def test_small_ones_say_nothing_of_large_ones() -> None:
    size = TransactionSize()
    before = size.share
    size.took(0.01, was_full=False)
    assert size.share == before


def test_a_slow_one_makes_the_next_one_as_much_smaller() -> None:
    size = grown(TransactionSize())
    size.took(4 * SLOW_SECONDS, was_full=True)
    assert size.share == 0.25
    size.took(0.75 * SLOW_SECONDS, was_full=True)
    assert size.share == 0.25


def test_never_so_small_that_it_stands_still() -> None:
    size = TransactionSize()
    for _ in range(20):
        size.took(50.0, was_full=True)
    assert size.share == LEAST_SHARE
    assert not size.full(1000, 100)


def test_settles_where_a_slow_broker_is_through_in_time() -> None:
    """Sixteen tasks at 5 MB/s together: full transactions of all at once would take 107 s."""
    size = TransactionSize()
    longest = 0.0
    for _ in range(50):
        seconds = 16 * FULL_BYTES * size.share / 5e6
        longest = max(longest, seconds)
        size.took(seconds, was_full=True)
    assert longest < 15
