"""Insights of the second job: causes that come again, the driver of what is worse in a unit, coaching by a fair comparison."""

import functools
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from schemas.controls import Control, Unit
from schemas.decisions import Action, Cause, Notification
from schemas.json_form import from_json
from streams.engine.job import Message
from streams.errors import UserError
from streams.experience import insight_board, insights
from streams.experience.compared import Standing, coaching, drivers, tail
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf, first_pack
from streams.experience.ids import cause_key
from streams.experience.incidents import Incidents
from streams.experience.insights import concerns
from streams.experience.pack_compile import PackErrors
from streams.experience.surroundings import Limits
from streams.replay.decide import Decider
from streams.replay.driver import Driver
from tests.builders import CODEC, LATENESS_SECONDS, SECOND, START, child_pack, records

DAY = 86_400
WEEK = 7 * DAY  # START is a Monday, 10:00
LIMITS = Limits(LATENESS_SECONDS * SECOND, 500)
TEXTS = """
texts:
  again: {en: "{cause} at {touchpoint}: {subjects} customers, {windows} weeks in a row"}
  after: {en: "{cause} at {touchpoint}: {recurrences} customers since it was put right"}
  driver: {en: "{unit}: {touchpoint} ({dimension}), {bad} of {contacts} ended badly, usual is {usual} in {peers} others; {share} of what is worse"}
  talk: {en: "{staff} in {unit}, {touchpoint}: {bad} of {contacts} contacts ended badly, usual is {usual} with {peers} colleagues. What gets in the way?"}
"""
ALL = """
insights:
  audience: product
  over: 2
  recurring: {text: again, text_after_fix: after, customers: 3, windows: 2, after_fix: 2}
  drivers: {text: driver, contacts: 20, siblings: 2}
  coaching: {text: talk, audience: managers, contacts: 20, peers: 3}
"""


@functools.cache
def pack(insights: str = ALL) -> CompiledPack:
    return child_pack(TEXTS + insights)


class Shop:
    """Contacts and what comes of them, at a prompt."""

    def __init__(self, insights: str = ALL) -> None:
        self.core = Decider(pack(insights), LIMITS, CODEC)
        self.core.control(first_pack(self.core._pack))
        self._count = 0

    def unit(self, name: str, *parents: str) -> None:
        unit = Unit(unit_id=name, parents=list(parents))
        self.core.control(Control(control_id=f"unit-{name}", in_force_at=0, written_at=START, unit=unit))

    def contact(self, at: int, *, bad: bool, subject: str = "", **fields: Any) -> None:
        self._count += 1
        body = {"touchpoint": "payment", "outcome": "failure" if bad else "success"} | fields
        self.take("touchpoint", at, subject or f"c{self._count}", **body)

    def take(self, record: str, at: int, subject: str, **fields: Any) -> None:
        self._count += 1
        kind = {"subject_type": "customer"} | fields
        body = {"record": record, "event_id": f"e{self._count}", "subject_id": subject, **kind}
        self.core.take(from_json(body | {"occurred_at": START + at * SECOND}))  # type: ignore[arg-type]

    def insights(self, until: int) -> list[Action]:
        """All revisions, in the order in which they were told."""
        self.core.advance(START + until * SECOND)
        return [one for one in self.core.decided if isinstance(one, Action) and one.rule == "insight"]


# --- causes that come again ------------------------------------------------------------------------------------------


def weeks_of_failure(shop: Shop, customers: Iterable[int]) -> None:
    """So many customers fail at paying, week by week."""
    for week, count in enumerate(customers):
        for number in range(count):
            shop.contact(week * WEEK + number * 60, bad=True, subject=f"w{week}-{number}")


def test_a_cause_that_comes_week_after_week_is_one_insight_that_is_revised() -> None:
    shop = Shop()
    weeks_of_failure(shop, (3, 4, 5, 1, 3))
    told = [one for one in shop.insights(6 * WEEK) if one.cause == "failure"]  # that they give up then is another one
    assert [(one.revision, one.text) for one in told] == [
        (1, "a failure at payment: 4 customers, 2 weeks in a row"),
        (2, "a failure at payment: 5 customers, 3 weeks in a row"),
    ]
    assert len({one.action_id for one in told}) == 1
    assert {(one.audience, one.subject_type, one.subject_id, one.kind) for one in told} == {
        ("product", "touchpoint", "payment", "recurring_cause")
    }
    assert all(not one.evidence for one in told)


def test_one_customer_who_fails_again_and_again_is_no_recurring_cause() -> None:
    shop = Shop()
    for number in range(60):
        shop.contact(number * DAY // 3, bad=True, subject="anna")
    assert shop.insights(6 * WEEK) == []


def test_what_comes_back_after_its_fix_is_counted_over_all_customers_since_then() -> None:
    shop = Shop()
    weeks_of_failure(shop, (2,))
    fixed = {"subject_type": "touchpoint", "action_id": "x", "status": "resolved", "attributes": {"cause": "failure"}}
    shop.take("action_update", 600, "payment", **fixed)
    shop.contact(900, bad=True, subject="after-1")
    shop.contact(901, bad=True, subject="after-1")
    shop.contact(WEEK, bad=True, subject="after-2")
    shop.contact(2 * WEEK, bad=False)
    shop.contact(3 * WEEK, bad=True, subject="after-3")
    told = shop.insights(5 * WEEK)
    assert [(one.revision, one.text) for one in told] == [
        (1, "a failure at payment: 2 customers since it was put right"),
        (2, "a failure at payment: 3 customers since it was put right"),
    ]
    assert len({one.action_id for one in told}) == 1


def cause(number: int, at: int, *, revision: int = 1, retracted: bool = False) -> Cause:
    one = pack()
    return Cause(
        cause_id=f"c{number}",
        revision=revision,
        retracted=retracted,
        touchpoint="payment",
        cause="insights/recurring/failure",
        journey="purchase",
        subject_type="customer",
        subject_id=f"s{number}",
        event_id=f"e{number}",
        occurred_at=START + at * SECOND,
        origin="inferred",
        weight=1.0,
        pack=one.name,
        pack_version=one.version,
    )


def learnt(causes: list[Cause], then: Sequence[Cause] = ()) -> list[dict[str, Any]]:
    driver = Driver(Incidents(CODEC, Shelf((pack(),)), LIMITS))
    outputs = []
    for offset, each in enumerate(causes):
        outputs += driver.take(Message("cx-causes", 0, offset, 0, cause_key(each), CODEC.encode(each)))
    outputs += driver.advance(START + 5 * WEEK * SECOND)
    for offset, each in enumerate(then, len(causes)):
        outputs += driver.take(Message("cx-causes", 0, offset, 0, cause_key(each), CODEC.encode(each)))
    assert len(records(outputs, "cx-notify-product", Notification)) == len(records(outputs, "cx-actions", Action))
    return [msgspec.to_builtins(one) for one in records(outputs, "cx-actions", Action)]


def test_any_order_ends_in_the_same_and_what_was_taken_back_does_not_count() -> None:
    rng = random.Random(5)
    causes = [cause(number, number * DAY) for number in range(14)]
    taken_back = [cause(number, number * DAY, revision=2, retracted=True) for number in (8, 9, 10, 11)]
    wanted = learnt(causes)
    assert [one["parameters"]["subjects"] for one in wanted] == ["7"]
    for _ in range(3):
        late = sorted(causes, key=lambda one: one.occurred_at + rng.uniform(0, LATENESS_SECONDS) * SECOND)
        assert learnt(late) == wanted
    assert [one["parameters"]["subjects"] for one in learnt([*causes, *taken_back])] == ["3"]
    assert learnt([*causes, *taken_back, cause(12, 12 * DAY, revision=2, retracted=True)]) == []


def test_what_is_remembered_of_causes_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insight_board, "SEEN_MAX", 50)
    driver = Driver(Incidents(CODEC, Shelf((pack(),)), LIMITS))
    sizes = []
    for number in range(1000):
        each = cause(number, number * 3600)
        driver.take(Message("cx-causes", 0, number, 0, cause_key(each), CODEC.encode(each)))
        sizes.append(len(next(iter(driver.states.values()))))
    assert max(sizes[500:]) < 1.2 * max(sizes[:200])


@pytest.fixture
def left_out() -> Callable[[str], float]:
    """How many more than now a metric says are left out, by reason."""
    name = "touchstone_core_insights_left_out_total"
    before = {why: REGISTRY.get_sample_value(name, {"reason": why}) or 0.0 for why in ("too_late", "too_many")}
    return lambda why: (REGISTRY.get_sample_value(name, {"reason": why}) or 0.0) - before[why]


def test_what_comes_after_its_window_was_told_is_counted_and_said_once(
    left_out: Callable[[str], float], caplog: pytest.LogCaptureFixture
) -> None:
    insights._say.cache_clear()
    late = [cause(20 + number, number * 60) for number in range(3)]
    learnt([cause(1, 1), cause(2, 2 * WEEK)], then=late)
    assert left_out("too_late") == 3
    assert left_out("too_many") == 0
    [told] = [record.message for record in caplog.records]
    assert told.startswith("insights of pack child: causes or contacts came after their window was told")


# --- drivers and coaching --------------------------------------------------------------------------------------------


def test_the_touchpoint_that_explains_most_of_what_is_worse_in_a_unit() -> None:
    shop = Shop()
    for name in ("a", "b", "c", "d"):
        shop.unit(name, "north")
    shop.unit("far", "south")
    for number in range(30):
        for name in ("a", "b", "c", "d", "far"):
            worse = name in ("a", "far")
            shop.contact(number * 600, bad=number % 10 == 0 or (worse and number % 2 == 0), unit=name)
            shop.contact(
                number * 600, bad=number % 10 == 0 or (worse and number % 7 == 0), unit=name, touchpoint="checkout"
            )
    [one] = shop.insights(2 * WEEK)
    assert (one.kind, one.audience, one.subject_type, one.subject_id, one.unit) == (
        "driver",
        "product",
        "unit",
        "a",
        "a",
    )
    assert one.text is not None
    assert one.text.startswith("a: payment (convenience), 15 of 30 ended badly, usual is 10% in 3 others; ")
    assert one.expires_at is not None


def test_whose_contacts_end_badly_far_more_often_than_those_of_colleagues() -> None:
    shop = Shop()
    for number in range(40):
        for who in ("ann", "bob", "cem", "dee", "eve"):
            bad = number % 10 == 0 or (who == "eve" and number % 2 == 0)
            shop.contact(number * 600, bad=bad, unit="a", staff=who, subject=f"customer-{number}-{who}")
    [one] = shop.insights(2 * WEEK)
    assert (one.kind, one.audience, one.subject_id) == ("coaching", "managers", "a")
    assert one.text == (
        "eve in a, payment: 20 of 40 contacts ended badly, usual is 10% with 4 colleagues. What gets in the way?"
    )
    assert b"customer-" not in CODEC.encode(one)


def test_contacts_of_more_colleagues_than_are_told_apart_are_counted_and_said_once(
    monkeypatch: pytest.MonkeyPatch, left_out: Callable[[str], float], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(insight_board, "CELLS_MAX", 4)
    insights._say.cache_clear()
    shop = Shop("insights: {audience: product, coaching: {text: talk, audience: managers, contacts: 10, peers: 3}}")
    for number in range(20):
        for who in ("ann", "bob", "cem", "dee", "eve", "fay"):
            shop.contact(number * 600, bad=who == "dee" and number % 2 == 0, unit="a", staff=who)
    [one] = shop.insights(2 * WEEK)
    assert one.parameters["staff"] == "dee"
    assert left_out("too_many") == 40
    assert left_out("too_late") == 0
    [told] = [record.message for record in caplog.records if "insights" in record.message]
    assert "units, staff and touchpoints of one group" in told


def test_a_contact_that_gave_a_signal_or_a_bad_word_of_its_staff_ended_badly_once() -> None:
    shop = Shop("insights: {audience: product, coaching: {text: talk, audience: managers, contacts: 10, peers: 3}}")
    for number in range(20):
        for who in ("ann", "bob", "cem", "dee"):
            subject = f"{who}-{number}"
            fails = who == "dee" and number < 5
            shop.contact(number * 600, bad=fails, unit="a", staff=who, subject=subject)
            if who == "dee" and number < 15:
                said = {"kind": "nps", "score": 0.0, "touchpoint": "payment", "unit": "a", "staff": who}
                shop.take("feedback", number * 600 + 60, subject, **said)
    [one] = shop.insights(2 * WEEK)
    assert (one.parameters["staff"], one.parameters["bad"], one.parameters["contacts"]) == ("dee", "15", "20")


def test_an_insight_that_goes_on_is_revised_and_one_that_comes_again_is_new() -> None:
    shop = Shop(
        "insights: {audience: product, over: 1, coaching: {text: talk, audience: managers, contacts: 20, peers: 3}}"
    )
    for week, bad_week in enumerate((True, True, False, True)):
        for number in range(20):
            for who in ("ann", "bob", "cem", "dee"):
                bad = number % 10 == 0 or (bad_week and who == "dee" and number % 2 == 0)
                shop.contact(week * WEEK + number * 600, bad=bad, unit="a", staff=who)
    told = shop.insights(6 * WEEK)
    assert [(one.action_id == told[0].action_id, one.revision) for one in told] == [(True, 1), (True, 2), (False, 1)]


# --- the comparison --------------------------------------------------------------------------------------------------


def cells(**rates: tuple[int, int]) -> dict[tuple[str, str], tuple[int, int]]:
    return {(who, "till"): counts for who, counts in rates.items()}


def test_nothing_is_said_of_few_contacts_few_colleagues_or_what_chance_explains() -> None:
    same = dict.fromkeys("abcd", (100, 5))
    assert [one.who for one in coaching(cells(**same, eve=(100, 30)), 40, 4)] == ["eve"]
    assert coaching(cells(**same, eve=(39, 30)), 40, 4) == []
    assert coaching(cells(**same, eve=(100, 30)), 40, 5) == []
    assert coaching(cells(**same, eve=(100, 12)), 40, 4) == []  # chance would show it in one of 200
    assert drivers(cells(**same, eve=(100, 30)), 40, 4)[0] == Standing("eve", "till", 100, 30, 0.05, 4, 1.0)


def test_one_bad_colleague_does_not_make_it_usual_and_great_differences_say_less() -> None:
    assert [
        one.who for one in coaching(cells(a=(100, 5), b=(100, 5), c=(100, 90), d=(100, 5), e=(100, 40)), 40, 4)
    ] == [
        "c",
        "e",
    ]
    wide = {name: (100, bad) for name, bad in zip("abcd", (5, 20, 35, 50), strict=True)}
    assert coaching(cells(**wide, eve=(100, 55)), 40, 4) == []


@pytest.mark.parametrize(("count", "least", "rate", "chance"), [(10, 3, 0.1, 0.0702), (100, 12, 0.05, 0.0043), (5, 0, 0.5, 1.0), (20, 20, 0.5, 9.54e-07)])  # fmt: skip
def test_the_tail_of_the_binomial(count: int, least: int, rate: float, chance: float) -> None:
    assert tail(count, least, rate) == pytest.approx(chance, rel=0.01)


def test_by_chance_alone_next_to_nobody_is_named() -> None:
    rng = random.Random(11)
    named = 0
    for _ in range(200):
        rates = {f"s{number}": (60, sum(rng.random() < 0.1 for _ in range(60))) for number in range(8)}
        named += len(coaching(cells(**rates), 40, 4))
    assert named <= 8  # of 1,600


# --- packs, state ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("insights", "told"),
    [
        ("{audience: produkt}", "did you mean 'product'"),
        ("{audience: product, over: 0}", "outside 1 to 53"),
        ("{audience: product, time_zone: Mars}", "no time zone 'Mars'"),
        ("{audience: product, recurring: {text: agein}}", "did you mean 'again'"),
        ("{audience: product, recurring: {text: again, windows: 1}}", "at least 2"),
        ("{audience: product, drivers: {text: driver, contacts: 5}}", "at least 10"),
        ("{audience: product, coaching: {text: talk, audience: manager}}", "did you mean 'managers'"),
        ("{audience: product, coaching: {text: talk, audience: managers, peers: 1}}", "at least 3"),
    ],
)
def test_insights_that_would_show_nothing_are_refused(insights: str, told: str) -> None:
    with pytest.raises(PackErrors, match=told):
        pack(f"insights: {insights}\n")


def test_a_board_of_another_format_is_told_and_its_key_is_no_incident() -> None:
    for state in (b"\x93\x01\x02\x03", b"\x92\x02\xa1a"):
        with pytest.raises(UserError, match=r"insights of format \d.* this version knows"):
            insight_board.load_insights(state)
    assert concerns(cause_key(cause(1, 1)))
    assert not concerns(b"|payment|failure")


def test_a_pack_without_insights_tells_nothing() -> None:
    shop = Shop("")
    shop.contact(0, bad=True, unit="a", staff="ann")
    assert not any(concerns(key) for key in shop.core._incidents.states)
