"""Limits of a period over all customers: budgets by unit, capacity that waits for the next period, what is given back or raised."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from schemas.controls import Control, Limit, LimitUsed, UsedSpan
from schemas.decisions import Action, Cause, Loser
from schemas.events import Touchpoint
from schemas.json_form import from_json, instant
from streams.engine.job import Refold, Step
from streams.experience import claimants, limit_board
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Controls, Shelf, first_pack
from streams.experience.pack_compile import PackErrors
from streams.experience.periods import SECOND, Per, fixed_period_of, period_of
from streams.experience.subjects import Subjects
from streams.experience.surroundings import Limits
from streams.experience.text import default_analyser
from streams.experience.used_up import Span, UsedUp
from streams.replay.decide import Decider
from tests.builders import (
    CODEC,
    LATENESS_SECONDS,
    START,
    actions,
    child_pack,
    control_message,
    driver,
    message,
    records,
)
from tests.limit_world import Delays, Failure, World, in_force, limited
from tests.one_life import Life

HOUR = 3600
NEXT_DAY = instant("2026-03-03T00:00:00Z")
LIMITS = Limits(LATENESS_SECONDS * SECOND, 500)
BUDGET = "{goodwill: {counts: money, most: 30, per: day}}"


class Run:
    """A pack at a prompt: both jobs, no delay."""

    def __init__(self, pack: CompiledPack, brand: str | None = None) -> None:
        self.brand = brand
        self.core = Decider(pack, LIMITS, CODEC)
        self.core.control(first_pack(pack))
        self._count = 0

    def fail(self, at: int, subject: str = "", unit: str | None = None) -> None:
        self._count += 1
        one = Failure(at, subject or f"s{self._count}", f"m{self._count}", unit, self.brand).message(self._count)
        self.core.take(CODEC.decode(one.value, Touchpoint))

    def customer(self, subject: str, owner: str | None) -> None:
        body = {"record": "customer", "event_id": f"c-{subject}", "occurred_at": START, "owner": owner}
        self.core.take(from_json(body | {"subject_type": "customer", "subject_id": subject}))  # type: ignore[arg-type]

    def receipt(self, at: int, action: Action, status: str, **more: object) -> None:
        self._count += 1
        body = {"record": "action_update", "event_id": f"r{self._count}", "occurred_at": START + at * SECOND, **more}
        body |= {"subject_type": "customer", "subject_id": action.subject_id, "action_id": action.action_id}
        self.core.take(from_json(body | {"status": status}))  # type: ignore[arg-type]

    def limit(self, name: str, most: str, at: int, seconds: int = 86_400, currency: str | None = "EUR") -> None:
        limit = Limit(name=name, most=Decimal(most), period_seconds=seconds, currency=currency)
        when = START + at * SECOND
        self.core.control(Control(control_id=f"{name}-{at}", in_force_at=when, written_at=when, limit=limit))

    def held(self, kind: str) -> list[Action]:
        """In force, by time."""
        self.core.advance(START + 40 * HOUR * SECOND)
        found = [one for one in in_force(self.core.decided).values() if one.kind == kind]
        return sorted(found, key=lambda one: (one.decided_at, one.subject_id))

    def given(self, kind: str = "voucher") -> list[str]:
        return [one.subject_id for one in self.held(kind)]

    def lost(self) -> list[Loser]:
        return [loser for one in self.held("call_back") for loser in one.losers]


def run(limits: str, failures: int) -> Run:
    one = Run(limited(limits))
    for number in range(failures):
        one.fail(number * 60)
    return one


# --- budgets ---------------------------------------------------------------------------------------------------------


def test_a_budget_is_given_away_once_and_what_loses_says_what_would_have_won() -> None:
    one = run(BUDGET, 5)
    assert one.given() == ["s1", "s2", "s3"]
    assert {(loser.rule, loser.reason, loser.detail) for loser in one.lost()} == {
        ("voucher", "budget", "goodwill: 30 EUR a day used up; wins from 2026-03-03T00:00:00Z")
    }
    one.fail(14 * HOUR)  # midnight
    assert one.given() == ["s1", "s2", "s3", "s6"]


def test_each_unit_has_its_own_budget_by_name_or_the_others() -> None:
    one = Run(limited("{goodwill: {counts: money, most: {shop-1: 10, other: 20}, per: day, same: [unit]}}"))
    for number in range(9):
        one.fail(number * 60, unit=("shop-1", "shop-2", None)[number % 3])
    assert sorted(str(action.unit) for action in one.held("voucher")) == ["None", "None", "shop-1", "shop-2", "shop-2"]


def test_what_no_period_can_hold_loses_by_itself_and_uses_nothing_up() -> None:
    one = run("{goodwill: {counts: money, most: 9.5, per: day}}", 1)
    assert [loser.detail for loser in one.lost()] == ["goodwill: 10 EUR of at most 9.5 EUR a day; wins with less"]


def test_an_urgent_action_counts_and_is_never_refused() -> None:
    one = run("{goodwill: {counts: money, most: 30, per: day, below_priority: 60}}", 5)
    assert len(one.given()) == 5


def test_of_two_limits_both_must_have_room_and_the_one_that_refuses_uses_nothing_of_the_other() -> None:
    two = "{a: {counts: money, most: 40, per: day}, b: {counts: money, most: 10, per: day, same: [unit]}}"
    one = Run(limited(two))
    for number in range(12):
        one.fail(number * 60, unit=f"shop-{number % 3}")
    assert len(one.given()) == 3  # one a unit, and 10 of `a` are left
    one.fail(HOUR, unit="shop-9")
    assert len(one.given()) == 4


def test_a_limit_on_the_controls_raises_the_budget_in_the_middle_of_a_period() -> None:
    one = run(BUDGET, 4)
    one.limit("goodwill", "50", 600)
    one.limit("goodwill", "1000", 600, currency="CNY")  # of another pack
    for number in range(4):
        one.fail(900 + number * 60)
    assert one.given() == ["s1", "s2", "s3", "s5", "s6"]


def test_a_limit_on_the_controls_may_have_periods_of_its_own_and_hold_for_one_group() -> None:
    one = Run(limited("{goodwill: {counts: money, most: 30, per: day, same: [unit]}}"))
    one.limit("goodwill/shop-1", "10", 0, seconds=7200)
    for number in range(4):
        one.fail(number * HOUR, unit="shop-1")  # 10:00, 11:00, 12:00, 13:00
    assert one.given() == ["s1", "s3"]


# --- capacity --------------------------------------------------------------------------------------------------------


def test_a_team_that_is_full_gets_it_in_the_next_hours_and_then_no_more() -> None:
    one = run("{calls: {most: 2, per: hour, audiences: [care], defers: 1}}", 6)
    begins = [action.deliver_not_before_at for action in one.held("call_back")]
    assert begins == [None, None, START + HOUR * SECOND, START + HOUR * SECOND]
    one.fail(HOUR)
    one.fail(HOUR + 60)  # those who waited have taken the room of this hour
    assert [action.deliver_not_before_at for action in one.held("call_back")][4:] == [START + 2 * HOUR * SECOND] * 2


def test_what_is_due_is_due_so_much_later() -> None:
    pack = child_pack("limits: {calls: {most: 1, per: hour, kinds: [call_back], defers: 1}}")
    one = Run(pack)
    for at, subject in ((0, "anna"), (60, "anna"), (120, "ben"), (180, "ben")):
        one.fail(at, subject)
    first, second = one.held("call_back")
    assert first.due_at is not None
    assert second.due_at is not None
    assert second.deliver_not_before_at == START + HOUR * SECOND
    waits = second.deliver_not_before_at - second.decided_at
    assert second.due_at - second.decided_at == first.due_at - first.decided_at + waits


def test_one_colleague_can_do_so_much() -> None:
    one = Run(child_pack("limits: {calls: {most: 1, per: day, same: [assignee], kinds: [call_back]}}"))
    for number, owner in enumerate(("li", "li", "wu", None, None)):
        one.customer(f"s{number}", owner)
    for number in range(5):
        one.fail(60 + number, f"s{number}")
        one.fail(120 + number, f"s{number}")
    assert [(action.subject_id, action.assignee) for action in one.held("call_back")] == [
        ("s0", "li"),
        ("s2", "wu"),
        ("s3", None),
    ]


def put_off(pack: str) -> tuple[Action, list[Action]]:
    """The task of the second of two customers, and what is asked of managers because of it."""
    one = Run(child_pack(pack))
    for at, subject in ((0, "anna"), (60, "anna"), (120, "ben"), (180, "ben")):
        one.fail(at, subject)
    one.held("call_back")
    one.core.advance(START + 9 * 24 * HOUR * SECOND)
    task = next(action for action in one.held("call_back") if action.subject_id == "ben")
    return task, [action for action in one.held("escalation") if action.subject_id == "ben"]


def test_what_a_timer_claims_is_known_when_the_next_one_fires() -> None:
    """Nobody is told of more than there is, and called back then, because no event came in between."""
    one = Run(child_pack("limits: {calls: {most: 1, per: day, kinds: [call_back]}}\nsignals: {gave_up: {weight: 0.6}}"))
    for number in range(3):
        one.fail(number, f"s{number}")  # and nothing more: they have given up a quarter of an hour later
    one.fail(6 * HOUR, "other")
    calls = [each for each in one.core.decided if isinstance(each, Action) and each.kind == "call_back"]
    assert [(each.subject_id, each.retracted) for each in calls] == [("s0", False)]


def test_a_step_waits_with_its_task() -> None:
    task, escalated = put_off("limits: {calls: {most: 1, per: day, kinds: [call_back], defers: 1}}")
    assert task.deliver_not_before_at == NEXT_DAY
    assert min(one.decided_at for one in escalated) == NEXT_DAY + HOUR * SECOND == task.due_at


def test_nobody_waits_for_room_longer_than_is_fair() -> None:
    task, escalated = put_off("limits: {calls: {most: 1, per: week, kinds: [call_back], defers: 1}}")
    assert task.deliver_not_before_at == instant("2026-03-09T00:00:00Z")
    assert min(one.decided_at for one in escalated) == task.decided_at + 24 * HOUR * SECOND


def test_what_has_waited_for_room_is_due_in_working_time() -> None:
    task, escalated = put_off(
        "calendars: {desk: {time_zone: UTC, hours: {mon: ['09:00-17:00'], tue: ['09:00-17:00']}}}\n"
        "treatment: {calendar: desk}\n"
        "limits: {calls: {most: 1, per: day, kinds: [call_back], defers: 1}}"
    )
    assert task.deliver_not_before_at == NEXT_DAY
    assert min(one.decided_at for one in escalated) == task.due_at == NEXT_DAY + 10 * HOUR * SECOND


# --- what is given back ----------------------------------------------------------------------------------------------

OFFER = """
actions: {offer_compensation: {when: 'subject.type == "customer"', cap: null, emit: now, amount: 10}}
limits: {goodwill: {counts: money, most: 20, per: day}}
"""


def offers(subjects: str, first: Run | None = None, since: int = 0) -> Run:
    """Each of these customers has failed twice: something is offered."""
    one = first or Run(child_pack(OFFER))
    for number, subject in enumerate(subjects):
        one.fail(since + number * 600, subject)
        one.fail(since + number * 600 + 60, subject)
    return one


def test_what_was_declined_or_cost_less_is_there_for_others() -> None:
    one = offers("abc")
    kind = one.core._pack.file.actions["offer_compensation"].kind
    assert one.given(kind) == ["a", "b"]
    one.receipt(2000, one.held(kind)[0], "declined")
    one.receipt(2100, one.held(kind)[1], "compensated", cost="4")
    assert offers("de", one, 2400).given(kind) == ["a", "b", "d"]
    one.receipt(4000, one.held(kind)[2], "compensated", cost="6")
    assert offers("fg", one, 4200).given(kind) == ["a", "b", "d", "f"]


def test_what_is_told_after_the_episode_counts_as_well_and_for_its_own_brand() -> None:
    closing = "\ntreatment: {fades_after_seconds: 3600}"
    one = offers("ab", Run(child_pack(OFFER.replace("per: day}", "per: day, same: [brand]}") + closing), brand="hehe"))
    kind = one.core._pack.file.actions["offer_compensation"].kind
    one.receipt(3 * HOUR, one.held(kind)[0], "declined")
    assert offers("cd", one, 4 * HOUR).given(kind) == ["a", "b", "c"]


def test_what_a_promise_owes_is_counted_and_never_refused() -> None:
    one = Run(child_pack(OFFER + "promises: {delivered_at_last: {owes: 25}}"))
    for number, subject in enumerate("abc"):
        paid = {"touchpoint": "payment", "matter": f"o{subject}", "promised_at": START + HOUR * SECOND}
        body = {
            "record": "touchpoint",
            "event_id": f"paid-{subject}",
            "subject_type": "customer",
            "outcome": "success",
            **paid,
        }
        one.core.take(from_json(body | {"subject_id": subject, "occurred_at": START + number * SECOND}))  # type: ignore[arg-type]
    one.core.advance(START + 3 * HOUR * SECOND)
    kind = one.core._pack.file.actions["offer_compensation"].kind
    assert [(action.subject_id, action.amount) for action in one.held(kind)] == [(name, Decimal(25)) for name in "abc"]
    assert offers("d", one, 4 * HOUR).given(kind) == ["a", "b", "c"]


# --- what a message that is out has claimed --------------------------------------------------------------------------

SETTLED = OFFER.replace("emit: now", "emit: settled, settling_seconds: 0")


def claims_in_force(life: Life) -> list[Cause]:
    held: dict[str, Cause] = {}
    for one in records(life.outputs, "cx-causes", Cause):
        held.pop(one.cause_id, None)
        if one.claim is not None and not one.retracted:
            held[one.cause_id] = one
    return list(held.values())


def offered(settling: str) -> Life:
    """Two failed payments: something is offered, and claimed."""
    life = Life(driver(child_pack(settling)))
    life.touch(600, "payment", "failure", matter="o1")
    life.touch(660, "payment", "failure", matter="o1")
    life.until(700)
    assert [one.event_id for one in claims_in_force(life)] == ["e2"]
    return life


def test_a_late_opener_claims_nothing_more_for_a_message_that_is_out() -> None:
    life = offered(SETTLED)
    before = claims_in_force(life)
    life.touch(500, "payment", "failure", matter="o1")
    assert claims_in_force(life) == before
    assert [one.action_id for one in actions(life.outputs) if one.amount] == [action_of(before[0], life)]


def test_a_late_opener_moves_the_claim_of_a_task_with_it() -> None:
    life = offered(OFFER)
    life.touch(500, "payment", "failure", matter="o1")
    [now] = claims_in_force(life)
    assert now.event_id == "e1"


def action_of(claim: Cause, life: Life) -> str:
    """Of the offer that stays out."""
    return next(one.action_id for one in actions(life.outputs) if one.occasion == claim.event_id and one.amount)


# --- words on the controls -------------------------------------------------------------------------------------------


def word(revision: int, *spans: tuple[int, int | None]) -> Control:
    begins_at, ends_at = period_of(START, "day", "UTC")
    rows = [
        UsedSpan(from_at=begin, from_place="m", until_at=end, until_place="" if end is None else "m")
        for begin, end in spans
    ]
    used = LimitUsed(
        limit="calls", begins_at=begins_at, ends_at=ends_at, revision=revision, spans=rows, granted=Decimal(1)
    )
    return Control(control_id="limit-x-1", in_force_at=begins_at, written_at=START, used=used)


def test_a_word_tells_from_when_on_something_is_otherwise() -> None:
    used = UsedUp()
    assert used.apply(word(1, (50, None))) == 50
    assert used.apply(word(1, (40, None))) is None
    assert used.apply(word(3, (50, 90), (95, None))) == 90
    assert used.apply(word(2)) is None
    assert used.apply(word(4, (50, 90), (95, None))) is None
    begins_at, _ = period_of(START, "day", "UTC")

    def refusing(at: int, amount: int = 1, brand: str | None = None) -> Span | None:
        return used.refusing(brand, "calls", "", begins_at, (at, "m"), Decimal(amount))

    assert [refusing(at) is not None for at in (49, 50, 89, 90, 94, 95)] == [False, True, True, False, False, True]
    assert refusing(60, brand="b") is None
    left = word(5, (50, 90), (95, None))
    assert left.used is not None
    left.used.spans[0].room = Decimal(3)
    assert used.apply(left) == 50
    assert [refusing(60, amount) is not None for amount in (2, 3, 4)] == [False, False, True]


def test_after_a_restart_the_words_are_read_again_and_refuse_as_before() -> None:
    pack = limited(BUDGET)
    world = World(pack, 1, Delays(), random.Random(1))
    world.run([Failure(at * 60, f"s{at}", f"m{at}") for at in range(4)], 2 * HOUR)
    job = Subjects(CODEC, Shelf((pack,)), default_analyser(), LIMITS)
    controls = job.new_controls()
    for one in (first_pack(pack), *world.words):
        job.control(controls, control_message(one), None)
    late = Failure(600, "s9", "m9").message(9)
    step = job.step(b"s9", None, [job.decode(late).value], controls)
    kinds = [CODEC.decode(one.value, Action).kind for one in step.outputs if one.topic == "cx-actions"]
    assert kinds == ["call_back"]


def test_a_word_makes_a_task_look_at_those_who_have_claimed_since() -> None:
    one = driver(limited("{calls: {most: 2, per: hour, audiences: [care]}}"))
    seen: list[bytes] = []
    step = one.job.step

    def watched(key: bytes, state: bytes | None, inputs: Sequence[object], controls: Controls) -> Step:
        seen.extend(key for each in inputs if isinstance(each, Refold))
        return step(key, state, inputs, controls)

    one.job.step = watched  # type: ignore[method-assign]

    def live(number: int, outcome: str) -> None:
        one.take(
            message("touchpoint", f"e{number}", number, number, f"s{number}", touchpoint="payment", outcome=outcome)
        )

    def told(revision: int, at: int, group: str = "") -> int:
        begin, end = START + at * SECOND, START + 3600 * SECOND
        used = LimitUsed(
            limit="calls",
            group=group,
            begins_at=START,
            ends_at=end,
            revision=revision,
            spans=[UsedSpan(from_at=begin, from_place="")],
            granted=Decimal(2),
        )
        seen.clear()
        one.control(control_message(Control(control_id="limit-x-1", in_force_at=START, written_at=START, used=used)))
        return len(seen)

    for number in range(40):
        live(number, "success")
    live(40, "failure")
    assert told(1, 40, "other") == 41  # it may have claimed in an earlier life: everybody
    for number in range(41, 100):
        live(number, "failure" if number % 10 == 0 else "success")
    assert told(1, 65) == 3
    assert sorted(seen) == [b"s70", b"s80", b"s90"]
    assert told(2, 20) == 100  # from before it began to note


def test_who_has_claimed_is_known_as_far_back_as_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claimants, "KEPT_MAX", 10)
    known = claimants.Claimants()
    known.note("early", 5)
    assert known.since(0) is None
    known.begin(3)
    known.begin(100)  # only the first counts
    assert known.since(3) is None
    assert known.since(4) == ["early"]
    known.note("early", 2)
    assert known.since(5) == ["early"]
    for number in range(6, 16):
        known.note(f"s{number}", number)
    assert known.since(4) is None  # let go
    assert known.since(10) is None
    assert known.since(11) == ["s11", "s12", "s13", "s14", "s15"]


# --- periods ---------------------------------------------------------------------------------------------------------


def test_periods_follow_the_calendar_also_when_clocks_change() -> None:
    def told(at: str, per: Per, zone: str) -> tuple[str, str]:
        begin, end = period_of(instant(at), per, zone)
        form = [datetime.fromtimestamp(one // SECOND, UTC).strftime("%m-%dT%H:%M") for one in (begin, end)]
        return form[0], form[1]

    assert told("2026-03-29T12:00:00Z", "day", "Europe/Berlin") == ("03-28T23:00", "03-29T22:00")  # 23 hours
    assert told("2026-10-25T12:00:00Z", "day", "Europe/Berlin") == ("10-24T22:00", "10-25T23:00")
    assert told("2026-03-01T00:00:00Z", "week", "UTC") == ("02-23T00:00", "03-02T00:00")
    assert told("2026-12-31T15:59:59Z", "month", "Asia/Shanghai") == ("11-30T16:00", "12-31T16:00")
    assert told("2026-05-31T00:00:00Z", "quarter", "UTC") == ("04-01T00:00", "07-01T00:00")
    assert told("2026-05-31T00:00:00Z", "year", "UTC") == ("01-01T00:00", "01-01T00:00")
    assert told("2026-05-31T00:29:59Z", "hour", "Asia/Kolkata") == ("05-30T23:30", "05-31T00:30")
    assert fixed_period_of(100 * SECOND, 60) == (60 * SECOND, 120 * SECOND)


@pytest.mark.parametrize("zone", ["Europe/London", "Pacific/Auckland", "Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize("per", ["hour", "day", "week", "month", "quarter", "year"])
def test_periods_meet_and_neighbours_have_words_of_different_ids(per: Per, zone: str) -> None:
    at, ids = instant("2026-01-01T00:00:00Z"), []
    board = limit_board.LimitBoard(limit="x")
    for _ in range(40):
        begin, end = period_of(at, per, zone)
        assert begin <= at < end
        assert period_of(end - 1, per, zone) == (begin, end)
        assert datetime.fromtimestamp(begin // SECOND, ZoneInfo(zone)).minute == 0
        ids.append(limit_board._control_id(board, begin, end))
        at = end
    assert all(len({*ids[number : number + 12]}) == 12 for number in range(28))


# --- packs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("{a: {most: -1, per: day}}", "cannot be negative"),
        ("{a: {most: {shop-1: 4}, per: day, same: [unit]}}", "no value for `other`"),
        ("{a: {most: {other: 4}, per: day}}", "nothing is counted apart"),
        ("{a: {most: 1, per: day, kinds: [vouchers]}}", "did you mean 'voucher'"),
        ("{a: {most: 1, per: day, audiences: [cure]}}", "did you mean 'care'"),
        ("{a: {most: 1, per: day, time_zone: Mars}}", "no time zone 'Mars'"),
        ("{a: {most: 1, per: day, same: [unit, unit]}}", "the same field twice"),
        ("{a: {most: 1, per: day, defers: 99}}", "outside 0 to 14"),
        ("{A: {most: 1, per: day}}", "is no name"),
        ("{a: {most: 1, per: fortnight}}", "fortnight"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(limits: str, told: str) -> None:
    with pytest.raises(PackErrors, match=told):
        limited(limits)
