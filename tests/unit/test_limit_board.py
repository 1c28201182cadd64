"""What is granted of a limit and what is told about it: claims in their order, and the board of job 2."""

import random
from decimal import Decimal

import msgspec
import pytest

from schemas.controls import Control, LimitUsed, UsedSpan
from schemas.decisions import Cause, Claim
from streams.errors import UserError
from streams.experience import limit_board
from streams.experience.claims import SPANS_MAX, Claimed, Sum, UsedFrom, sweep
from streams.experience.ids import cause_key
from streams.experience.periods import SECOND, period_of
from streams.experience.surroundings import Limits
from tests.builders import CODEC, LATENESS_SECONDS, START

LIMITS = Limits(LATENESS_SECONDS * SECOND, 500)


# --- claims in order -------------------------------------------------------------------------------------------------


def claimed(number: int, amount: int, most: int = 100, *, bound: bool = True) -> Claimed:
    return Claimed(f"c{number}", 1, False, number, f"{number:04}", amount, most, bound)


def test_what_does_not_fit_is_refused_and_what_fits_into_the_rest_is_granted() -> None:
    rows = [claimed(number, amount) for number, amount in enumerate((70, 40, 35, 20, 30, 15, 10, 12, 1), start=1)]
    found = sweep(Sum(), rows)
    assert found.spans == [
        UsedFrom((2, "0002"), (5, "0005"), 30),
        UsedFrom((5, "0005"), (7, "0007+"), 10),
        UsedFrom((7, "0007+")),
    ]
    assert found.granted == 70 + 20 + 10


def test_something_given_back_opens_it_again() -> None:
    rows = [
        claimed(1, 60),
        claimed(2, 60),
        claimed(3, 10),
        claimed(4, -30, bound=False),
        claimed(5, 60),
        claimed(6, 10),
    ]
    found = sweep(Sum(), rows)
    assert found.spans == [UsedFrom((2, "0002"), (4, "0004"), 40), UsedFrom((5, "0005+"))]
    assert found.granted == 100


def test_what_fits_exactly_leaves_nothing() -> None:
    assert sweep(Sum(), [claimed(1, 100)]).spans == [UsedFrom((1, "0001+"))]


def test_a_raised_limit_opens_it_with_the_claim_that_fits() -> None:
    rows = [claimed(1, 100), claimed(2, 10), claimed(3, 60, 150), claimed(4, 30, 150), claimed(5, 20, 200)]
    found = sweep(Sum(), rows)
    assert found.spans == [UsedFrom((1, "0001+"), (4, "0004"))]
    assert found.granted == 150


def test_a_period_is_opened_again_so_often_and_no_oftener() -> None:
    rows = [claimed(1, 100)]
    for number in range(2, 500, 2):
        rows += [claimed(number, -1, bound=False), claimed(number + 1, 1)]
    found = sweep(Sum(), rows)
    assert len(found.spans) == SPANS_MAX
    assert found.spans[-1].end is None


def test_what_is_left_is_told_so_often_and_no_oftener() -> None:
    rows = [claimed(1, 9_000, 10_000)]
    for number in range(2, 500, 2):
        rows += [claimed(number, 1_003 - number, 10_000), claimed(number + 1, 2, 10_000)]
    found = sweep(Sum(), rows)
    assert len(found.spans) == SPANS_MAX
    assert found.spans[-1] == UsedFrom(found.spans[-1].begin)  # nothing from here on, or the words would be wrong
    assert found.granted <= 10_000


@pytest.mark.parametrize("seed", range(20))
def test_what_is_granted_is_what_the_words_let_through_and_never_too_much(seed: int) -> None:
    rng = random.Random(seed)
    rows = [
        claimed(number, -rng.randint(1, 20), bound=False)
        if rng.random() < 0.1
        else claimed(number, rng.randint(1, 40), rng.choice((100, 100, 120)))
        for number in range(120)
    ]
    found, granted = sweep(Sum(), rows), 0
    for one in rows:
        refused = any(
            span.begin <= one.order and (span.end is None or one.order < span.end) and one.amount > span.room
            for span in found.spans
        )
        fits = granted + one.amount <= one.most
        assert refused == (one.bound and not fits) or len(found.spans) == SPANS_MAX
        if not refused:
            granted += one.amount
            assert granted <= 120
    assert granted == found.granted
    half = sweep(Sum(), rows[:60])
    half.until = rows[60].order
    assert sweep(half, rows[60:]).spans == found.spans


def test_what_was_told_before_there_was_room_in_it_is_read() -> None:
    old = msgspec.msgpack.encode([[0, ""], 90, 100, [[[2, "0002"], None]]])
    found = sweep(msgspec.msgpack.decode(old, type=Sum), [claimed(3, 5)])
    assert (found.granted, found.spans) == (95, [UsedFrom((2, "0002"), (3, "0003"))])  # there was room after all


# --- the board of job 2 ----------------------------------------------------------------------------------------------


def cause(at: int, amount: str = "1", most: str = "5", revision: int = 1, *, retracted: bool = False) -> Cause:
    begins_at, ends_at = period_of(START, "day", "UTC")
    claim = Claim(
        limit="calls",
        begins_at=begins_at,
        ends_at=ends_at,
        place=f"p{at:08}",
        amount=Decimal(amount),
        most=Decimal(most),
    )
    return Cause(
        cause_id=f"c{at}",
        revision=revision,
        retracted=retracted,
        touchpoint="",
        cause="limit/calls",
        subject_type="customer",
        subject_id=f"s{at}",
        event_id=f"e{at}",
        occurred_at=START + at * SECOND,
        origin="inferred",
        weight=0.0,
        pack="limited",
        pack_version="1",
        claim=claim,
    )


def words(causes: list[Cause], state: bytes | None = None) -> tuple[bytes, list[LimitUsed]]:
    step = limit_board.count(state, causes, CODEC, LIMITS)
    assert step.state is not None
    said = [CODEC.decode(output.value, Control).used for output in step.outputs]
    return step.state, [one for one in said if one is not None]


def test_words_are_the_same_in_any_order_and_only_new_ones_are_told() -> None:
    rng = random.Random(7)
    causes = [cause(at) for at in range(20)] + [cause(2, revision=2, retracted=True)]
    _, [wanted] = words(causes)
    assert wanted.spans == [UsedSpan(from_at=START + 5 * SECOND, from_place="p00000005+")]
    for _ in range(5):
        rng.shuffle(causes)
        state, told = None, []
        for one in causes:
            state, new = words([one], state)
            told += new
        assert told[-1].spans == wanted.spans
        assert [one.revision for one in told] == list(range(1, len(told) + 1))
        assert words(causes, state)[1] == []


def test_the_board_stays_small_and_counts_who_comes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_board, "CLAIMS_MAX", 50)
    state, sizes = None, []
    for at in range(0, 1000, 2):
        state, told = words([cause(at, most="900")], state)
        sizes.append(len(state))
        assert told == []
    assert max(sizes[300:]) < 1.1 * max(sizes[:100])
    state, told = words([cause(1, most="900")], state)  # its place has long been settled
    assert told == []
    state, told = words([cause(1, most="900", revision=2, retracted=True)], state)  # known no more
    assert told == []
    _, [full] = words([cause(1001, "399", most="900")], state)
    assert full.granted == 900
    assert full.spans[0].from_place == "p00001001+"


def test_a_board_of_another_format_is_told() -> None:
    for state in (b"\x93\x01\x02\x03", b"\x92\x02\xa1a"):
        with pytest.raises(UserError, match=r"claimed of format \d.* this version knows"):
            limit_board.count(state, [], CODEC, LIMITS)


def test_its_key_is_no_incident() -> None:
    assert cause_key(cause(1)) == b"||limit/calls"
    assert limit_board.concerns(cause_key(cause(1)))
    assert not limit_board.concerns(b"|payment|failure")
