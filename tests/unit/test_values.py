"""What a matter gives a customer and takes, what a customer is worth, the tier that follows, and the floor for everybody."""

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from schemas.events import Customer, Touchpoint
from schemas.json_form import from_json
from streams.cli import app
from streams.errors import UserError
from streams.experience.compiled import CompiledPack
from streams.experience.delivered import ACCOUNTS_MAX, Account, account_of, noted
from streams.experience.pack_compile import PackErrors, compile_pack
from streams.experience.pack_values import DeliveredValue, RelationValue
from streams.experience.relation import Worth, annuity, note, settle, tier_in_force, tier_of
from streams.experience.state import load_fold, load_subject
from streams.experience.values import customers, matters
from tests.builders import SECOND, START, actions, driver, in_force, message, whole_pack
from tests.lives import HOUR, event_at, in_order, inputs, shuffled

DAY = 86_400
SPEC = DeliveredValue(
    worth_per_paid=1.2,
    image=10.0,
    service_each={"hotline": 3.0},
    personnel_each={"hotline": 2.0},
    time_per_hour=12.0,
    effort_each={"return_request": 6.0, "hotline": 2.0},
    worry_per_failure=3.0,
    worry_per_late_hour=1.5,
)
WORTH = RelationValue(
    revenue_at=["payment", "refund"],
    margin=0.5,
    life_years=2.0,
    cost_each={"hotline": 6.0},
    discount_per_year=0.25,
    referral_at="referral",
    referral_each=20.0,
    capability_attribute="capability",
    potential_attribute="potential",
    potential_in_years=1.0,
    cultivation_attribute="cultivation",
    tiers={"gold": 100.0, "silver": 50.0},
)


def event(number: int, at: int, touchpoint: str, **fields: Any) -> Touchpoint:
    known = {"subject_type": "customer", "subject_id": "anna", "event_id": f"e{number}", "outcome": "success"}
    found = from_json(
        {"record": "touchpoint", **known, "occurred_at": START + at * SECOND, "touchpoint": touchpoint, **fields}
    )
    assert isinstance(found, Touchpoint)
    return found


def account(*events: Touchpoint) -> Account:
    rest = b""
    for one in events:
        rest, _ = noted(rest, one, SPEC, "EUR")
    found = account_of(rest, "o")
    assert found is not None
    return found


def test_each_component_comes_from_what_happened() -> None:
    found = account(
        event(1, 0, "payment", matter="o", amount="50", currency="EUR", waiting_seconds=300),
        event(2, 1, "payment", matter="o", outcome="failure", amount="50", currency="EUR"),
        event(3, 2, "hotline", matter="o", waiting_seconds=300, duration_seconds=600),
        event(4, 3, "search", matter="o", outcome="abandoned"),
        event(5, 7200, "delivery", matter="o", promised_at=START),
        event(6, 7300, "refund", matter="o", amount="-20", currency="EUR"),
        event(7, 7400, "payment", matter="o", amount="9", currency="USD"),
        event(8, 7500, "return_request", matter="o", outcome="unknown"),
    )
    assert (found.product, found.service, found.personnel, found.image) == (36.0, 3.0, 2.0, 10.0)
    assert (found.money, found.time, found.effort, found.worry) == (30.0, 3.0, 8.0, 9.0)
    assert (found.value, found.before) == (1.0, 7.0)
    assert (
        found.told()
        == "1.00: product +36.00, service +3.00, personnel +2.00, image +10.00, money -30.00, time -3.00, effort -8.00, worry -9.00"
    )


def test_what_is_paid_back_in_full_gives_nothing_and_costs_only_the_trouble() -> None:
    paid = event(1, 0, "payment", matter="o", amount="50")
    back = event(2, 1, "refund", matter="o", amount="-50")
    assert account(paid, event(3, 1, "return_request", matter="o"), back).value == 10.0 - 6.0


def test_matters_are_kept_apart_and_the_oldest_goes_first() -> None:
    rest = b""
    for number in range(ACCOUNTS_MAX + 4):
        rest, _ = noted(rest, event(number, number, "payment", matter=f"o{number}", outcome="failure"), SPEC, "EUR")
        rest, first = noted(rest, event(900 + number, number, "payment", matter="o0", outcome="failure"), SPEC, "EUR")
    assert first is not None
    assert first.worry == 3.0 * (ACCOUNTS_MAX + 5)
    there = [number for number in range(ACCOUNTS_MAX + 4) if account_of(rest, f"o{number}") is not None]
    assert there == [0, *range(5, ACCOUNTS_MAX + 4)]
    unchanged, none = noted(rest, event(1, 1, "payment"), SPEC, "EUR")
    assert (unchanged, none) == (rest, None)
    assert account_of(rest, "somewhere else") is None
    assert account_of(b"", "o") is None


@given(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), max_size=60))
def test_packed_accounts_are_what_single_ones_would_be(matters: list[str]) -> None:
    rest, kept, counts = b"", list[str](), dict[str, int]()
    for number, matter in enumerate(matters):
        rest, _ = noted(rest, event(number, number, "payment", matter=matter, outcome="failure"), SPEC, "EUR")
        counts[matter] = counts[matter] + 1 if matter in kept else 1
        kept = [*(one for one in kept if one != matter), matter][-ACCOUNTS_MAX:]
    for matter in set(matters):
        found = account_of(rest, matter)
        assert (found.worry if found else None) == (3.0 * counts[matter] if matter in kept else None)


def worth(*events: Touchpoint, told: str | None = None, attributes: dict[str, str] | None = None) -> Worth:
    found = Worth(told_tier=told)
    for one in events:
        note(found, one, WORTH, "EUR")
        settle(found, attributes or {}, WORTH, one.occurred_at)
    return found


def test_the_value_of_a_relation() -> None:
    assert annuity(2.0, 0.25) == 0.8 + 0.64
    assert annuity(0.5, 0.25) == 0.5 * 0.8
    bought = [event(1, 0, "payment", amount="100"), event(2, 10, "payment", amount="40", outcome="failure")]
    assert worth(*bought).value == 50.0 * 1.44
    cost = [*bought, event(3, 20, "hotline"), event(4, 30, "refund", amount="-20"), event(5, 40, "referral")]
    assert worth(*cost).value == pytest.approx((50 - 6 - 10) * 1.44 + 20)
    known = {"capability": "10", "potential": "50", "cultivation": "15"}
    assert worth(*bought, attributes=known).value == pytest.approx(60 * 1.44 + 50 / 1.25 - 15)
    assert worth(*bought, attributes={"capability": "much", "potential": "nan"}).value == 50.0 * 1.44


def test_only_the_last_year_counts() -> None:
    old, new = event(1, 0, "payment", amount="100"), event(2, 370 * DAY, "payment", amount="10")
    assert worth(old, new).value == pytest.approx(5 * 1.44)
    assert len(worth(*(event(n, n * DAY, "hotline") for n in range(800))).stretches) <= 13


@pytest.mark.parametrize(
    ("value", "now", "tier"),
    [
        (120.0, None, "gold"),
        (99.0, None, "silver"),
        (49.0, None, None),
        (99.0, "gold", "gold"),
        (80.0, "gold", "gold"),
        (79.9, "gold", "silver"),
        (40.0, "silver", "silver"),
        (39.0, "silver", None),
        (100.0, "silver", "gold"),
        (60.0, "platinum", "silver"),
    ],
)
def test_a_tier_comes_at_once_and_goes_late(value: float, now: str | None, tier: str | None) -> None:
    assert tier_of(value, now, WORTH) == tier


@given(st.lists(st.floats(-200, 200), max_size=40))
def test_small_movements_change_no_tier_twice(values: list[float]) -> None:
    """Within a band that is narrower than the hysteresis a tier changes once at most."""
    now: str | None = None
    changes = 0
    for value in values:
        before, now = now, tier_of(90 + value / 21, now, WORTH)  # 80.5 to 99.5: below gold, above where it is lost
        changes += before != now
    assert changes <= 1
    assert now in (None, "silver")


def test_what_was_told_is_never_undercut_and_contracts_stay() -> None:
    order = ["gold", "silver"]
    for told, tier, held in (
        (None, "silver", "silver"),
        ("silver", "gold", "gold"),
        ("gold", "silver", "gold"),
        ("gold", None, "gold"),
        ("fleet", "gold", "fleet"),
        (None, None, None),
    ):
        assert tier_in_force(Worth(told_tier=told, tier=tier, order=order)) == held


VALUED = compile_pack(
    whole_pack().replace(
        "\nsignals:\n",
        """
delivered_value: {worth_per_paid: 1.2, image: 3, time_per_hour: 12, effort_each: {return_request: 6}, worry_per_failure: 2}
relation_value:
  revenue_at: [payment, refund]
  margin: 0.5
  life_years: 2
  cost_each: {hotline: 6, delivery: 3}
  tiers: {gold: 100, silver: 20}
signals:
  value_below_zero:
    on: touchpoint
    when: delivered_value() < 0.0 && delivered_value_before() >= 0.0
    weight: 0.5
    detail: "{delivered_value}"
""",
        1,
    ),
    "retail",
)


def test_the_signal_is_given_once_with_its_components() -> None:
    one = driver(VALUED)
    outputs = []
    for number in range(4):
        outputs += one.take(
            message("touchpoint", f"e{number}", number, number, touchpoint="search", outcome="failure", matter="o")
        )
    found = [row for action in actions(outputs) for row in action.evidence if row.signal == "value_below_zero"]
    assert {(row.event_id, row.detail) for row in found} == {("e1", "-1.00: image +3.00, worry -4.00")}


def test_the_tier_that_follows_is_that_of_actions_and_told_ones_are_its_floor() -> None:
    one = driver(VALUED)

    def tier() -> tuple[str | None, float | None]:
        profile = load_fold(load_subject(one.states[b"anna"]).now).profile
        return profile.tier, profile.value

    buy = {"touchpoint": "payment", "outcome": "success", "amount": "30", "currency": "EUR"}
    one.take(message("touchpoint", "b1", 0, 0, **buy))
    assert tier() == ("silver", 30.0)
    one.take(message("customer", "c1", 10, 0, tier="gold", value="5"))
    assert tier() == ("gold", 30.0)
    one.take(message("customer", "c2", 20, 1, tier=""))
    assert tier() == ("silver", 30.0)
    outputs = one.take(message("feedback", "f", 30, 0, kind="complaint", touchpoint="delivery", text="broken"))
    assert {action.parameters["tier"] for action in actions(outputs)} == {"silver"}
    one.take(message("touchpoint", "h", 400 * DAY, 1, touchpoint="hotline", outcome="success"))
    assert tier() == (None, -12.0)


def test_without_tiers_only_the_value_is_told() -> None:
    judge = compile_pack(
        whole_pack() + "\nrelation_value: {revenue_at: [payment], margin: 1, life_years: 1}\n", "retail"
    )
    one = driver(judge)
    one.take(message("customer", "c", 0, 0, tier="gold"))
    one.take(message("touchpoint", "b", 1, 0, touchpoint="payment", outcome="success", amount="30"))
    profile = load_fold(load_subject(one.states[b"anna"]).now).profile
    assert (profile.tier, profile.value) == ("gold", 30.0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_values_tiers_and_actions_are_the_same_in_any_order_of_arrival(seed: int) -> None:
    rng = random.Random(seed)
    messages = inputs(rng, 15, "anna")
    end = max(event_at(one) for one in messages)
    bought = [
        message(
            "touchpoint",
            f"buy-{n}",
            end + n * 40,
            500 + n,
            touchpoint="payment",
            outcome="success",
            amount="30",
            matter="order-1",
        )
        for n in range(6)
    ]
    messages += bought
    until = START + (max(event_at(one) for one in messages) + 60 * HOUR) * SECOND

    def held(arrivals: Any) -> object:
        one = driver(VALUED)
        outputs = [output for arrival in arrivals for output in one.take(arrival.message)]
        outputs += one.advance(until)
        fold = load_fold(load_subject(one.states[b"anna"]).now)
        return in_force(outputs), fold.accounts, fold.worth, fold.profile

    assert held(shuffled(rng, messages)) == held(in_order(messages))


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (
            ("treatment", "step_within_seconds", "listen", "bronze"),
            99_999.0,
            "nobody waits longer than 86400 s for this step",
        ),
        (("fairness", "amount_at_least"), 12.0, "is less than anybody is offered (12"),
        (("actions", "call_back", "when"), 'customer.tier == "gold"', "help is the same for all"),
        (("actions", "escalate", "priority"), {"gold": 99, "other": 95}, "who is helped first"),
        (("actions", "escalate", "when"), "customer.value != null && customer.value > 5.0", "help is the same for all"),
    ],
)
def test_a_pack_below_the_floor_is_refused(path: tuple[str, ...], value: object, told: str) -> None:
    data = _data()
    assert _compiled(json.dumps(data))
    part = data
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    with pytest.raises(PackErrors) as error:
        _compiled(json.dumps(data))
    assert told in str(error.value)


def _data() -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(VALUED.file)
    return data


def _compiled(text: str) -> CompiledPack:
    return compile_pack(text, "retail.yaml")


def test_help_may_differ_where_the_pack_says_so() -> None:
    data = _data()
    data["actions"]["call_back"]["when"] = 'customer.tier == "gold"'
    data["fairness"]["same_help"] = False
    assert _compiled(json.dumps(data))


@pytest.mark.parametrize(
    ("section", "field", "value", "told"),
    [
        ("delivered_value", "effort_each", {"returns": 1.0}, "no touchpoint 'returns'"),
        ("delivered_value", "effort_each", {"hotline": -1.0}, "cannot be negative"),
        ("delivered_value", "time_per_hour", -1.0, "cannot be negative"),
        ("relation_value", "revenue_at", ["paymnt"], "did you mean 'payment'?"),
        ("relation_value", "referral_at", "refer", "no touchpoint 'refer'"),
        ("relation_value", "cost_each", {"hotlin": 1.0}, "did you mean 'hotline'?"),
        ("relation_value", "margin", 1.5, "outside 0 to 1"),
        ("relation_value", "life_years", 1000.0, "outside 0 to 100"),
        ("relation_value", "hysteresis", 2.0, "outside 0 to 1"),
        ("relation_value", "tiers", {"a": 5.0, "b": 5.0}, "which one is better?"),
        ("relation_value", "tiers", {"other": 5.0}, "in none of the tiers"),
        ("fairness", "step_within_seconds", {"listen": 0.0}, "must be positive"),
        ("fairness", "amount_at_least", -1.0, "cannot be negative"),
    ],
)
def test_what_is_wrong_is_told(section: str, field: str, value: object, told: str) -> None:
    data = _data()
    data[section][field] = value
    with pytest.raises(PackErrors) as error:
        _compiled(json.dumps(data))
    assert told in str(error.value)


def test_a_customer_record_before_any_value_changes_nothing_else() -> None:
    one = driver(VALUED)
    one.take(message("customer", "c", 0, 0, tier="gold", value="7"))
    profile = load_fold(load_subject(one.states[b"anna"]).now).profile
    assert (profile.tier, profile.value) == ("gold", 7.0)


def test_the_report_says_what_the_decisions_say() -> None:
    messages = inputs(random.Random(3), 30, "anna")
    one = driver(VALUED)
    for arrival in in_order(messages):
        one.take(arrival.message)
    events = [driver().job.decode(each).value.record for each in messages]
    events = [each for each in events if isinstance(each, Touchpoint | Customer)]
    random.Random(4).shuffle(events)
    fold = load_fold(load_subject(one.states[b"anna"]).now)
    given = matters([*events, *events[:3]], VALUED)
    assert {each.matter for each in given} == {"order-1", "order-2"}
    for each in given:
        kept = account_of(fold.accounts, each.matter)
        assert kept is not None
        assert (kept.value, kept.worry) == (each.value, each.worry)
    [worth_of] = customers(events, VALUED)
    assert (worth_of.value, worth_of.tier) == (fold.profile.value, fold.profile.tier)


def test_the_command_tells_values() -> None:
    asked = ["value", "streams/packs/automotive.scenario.jsonl"]
    told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).output)
    values = [each["value"] for each in told["matters"]]
    assert values == sorted(values)
    assert any(each["value"] > 0 for each in told["customers"])
    shown = CliRunner().invoke(app, [*asked, "--most", "3"]).output
    assert "with a delivered value below zero, in EUR" in shown
    wrong = CliRunner().invoke(app, [*asked, "--pack", "airline"])
    assert isinstance(wrong.exception, UserError)
