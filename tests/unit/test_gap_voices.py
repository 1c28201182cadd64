"""Who says what in the gap table, what is measured, what is inherited, and importance derived from data."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from schemas.decisions import Experience
from schemas.events import Customer, Touchpoint
from schemas.json_form import from_json
from streams.cli import app
from streams.engine.job import Output
from streams.errors import UserError
from streams.experience.gap import table
from streams.experience.gap_answers import Answer, How, measured, rows
from streams.experience.importance import derived
from streams.experience.measures import level_of, promised_levels, readings
from streams.experience.pack_compile import PackErrors, compile_pack
from streams.replay.gap_events import answers, how, segments
from tests.builders import CODEC, pack, whole_pack
from tests.lives import HOUR, event_at, in_order, life, played, shuffled

START = 1_772_445_600_000_000
SECOND = 1_000_000


def answer(voice: str = "customer", touchpoint: str = "delivery", customer: str = "anna", **cells: object) -> Answer:
    known = {"at": START, "unit": None, "journey": "j", "dimension": "service", "experience": 5.0}
    return Answer(voice=voice, touchpoint=touchpoint, customer=customer, **{**known, **cells})  # type: ignore[arg-type]


def event(number: int, at: int, touchpoint: str, **fields: object) -> Touchpoint:
    who = {"subject_type": "customer", "subject_id": "anna", "event_id": f"e{number}"}
    record = {"record": "touchpoint", **who, "occurred_at": START + at * SECOND, "touchpoint": touchpoint, **fields}
    found = from_json(record)
    assert isinstance(found, Touchpoint)
    return found


def test_voices_are_weighed_by_those_who_say_something() -> None:
    told = [
        answer(experience=4.0),
        answer(experience=6.0),
        answer("staff", experience=9.0),
        answer("management", touchpoint="chat", dimension="price", experience=8.0),
    ]
    found = rows(told, ["dimension"], How({"customer": 3.0, "staff": 1.0, "management": 4.0}))
    assert {one.name: one.experience for one in found.levels} == {"service": (3 * 5 + 9) / 4, "price": 8.0}
    assert found.counts == {"service": 3, "price": 1}
    assert found.voices["service"] == {"customer": 5.0, "staff": 9.0}
    assert [one.name for one in rows(told, ["dimension"], How({"customer": 1.0})).levels] == ["service"]


def test_an_answer_given_in_bulk_weighs_less() -> None:
    told = [answer(experience=4.0), *(answer(experience=10.0, trust=0.2) for _ in range(5))]
    [row] = rows(told, ["dimension"], How({"customer": 1.0})).levels
    assert row.experience == 7.0
    assert rows([answer(trust=0.0)], ["dimension"], How({"customer": 1.0})).levels == []


def test_several_keys_make_one_row_each() -> None:
    told = [answer(unit="a"), answer(unit="b"), answer(unit="a", dimension=None)]
    assert rows(told, ["unit", "dimension"], How({"customer": 1.0})).counts == {
        "a/service": 1,
        "b/service": 1,
        "a/–": 1,
    }


def test_what_is_expected_is_inherited_in_this_order_and_none_stays_none() -> None:
    how = How({"customer": 1.0}, promises={"delivery": 9.0})
    staff = answer("staff", expectation=6.0)
    gold = [answer(customer="bo", segment="gold", expectation=8.0)]
    for told, above, wanted in (
        ([answer(expectation=7.0), staff], gold, (7.0, {})),
        ([answer(), staff], gold, (8.0, {"expectation": "segment"})),
        ([answer(), staff, answer("management", expectation=1.0)], [], (6.0, {"expectation": "staff"})),
        ([answer()], [], (9.0, {"expectation": "promise"})),
        ([answer(touchpoint="chat")], [], (None, {})),
        ([answer(expects="none"), staff], gold, (None, {"expectation": "none"})),
    ):
        [found] = rows(told, ["dimension"], how, above).levels
        assert (found.expectation, found.sources) == wanted
        assert table([found]).rows[0].satisfaction == (None if wanted[0] is None else 5.0 - wanted[0])


RETAIL = whole_pack().replace(
    "measures:\n",
    "measures:\n  chat_length: {of: duration_seconds, touchpoint: chat, dimension: convenience, levels: [[0, 10], [100, 0]]}\n",
)


def test_each_measure_reads_what_happened() -> None:
    judge = compile_pack(RETAIL, "retail")
    promised = START + 1000 * SECOND
    happened = [
        event(1, 0, "payment", outcome="failure", matter="o", waiting_seconds=15),
        event(2, 10, "payment", outcome="failure", matter="o"),
        event(3, 20, "payment", outcome="success", matter="o", waiting_seconds=60),
        event(4, 30, "payment", outcome="success", matter="o"),
        event(5, 1600, "delivery", outcome="success", matter="o", promised_at=promised),
        event(6, 2000, "return_request", outcome="success", matter="o"),
        event(7, 2100, "return_request", outcome="success", matter="o"),
        event(8, 3000, "refund", outcome="success", matter="o"),
        event(9, 3100, "refund", outcome="success", matter="o"),
        event(10, 4000, "checkout", outcome="abandoned"),
        event(11, 4001, "checkout", outcome="success"),
        event(12, 4002, "checkout"),
        event(13, 5000, "chat", duration_seconds=40),
    ]
    found = readings([*reversed(happened), happened[0]], judge)
    values: dict[str, list[float]] = {}
    for one in found:
        values.setdefault(one.measure, []).append(one.value)
    assert values == {
        "payment_wait": [15.0, 60.0],
        "payment_failures": [1.0, 1.0, 0.0, 0.0],
        "payment_attempts": [3.0, 1.0],
        "delivery_lateness": [600.0],
        "refund_time": [1000.0],
        "checkout_completion": [0.0, 1.0],
        "chat_length": [40.0],
    }
    wait = [one for one in found if one.measure == "payment_wait"]
    assert level_of(wait, judge.file.measures) == (8 + 4) / 2
    failures = [one for one in found if one.measure == "payment_failures"]
    assert level_of(failures, judge.file.measures) == 0.0, "a share has a level only together: half of them failed"
    assert level_of([*wait, *wait, *failures], judge.file.measures) == 3.0, "each measure counts once"
    assert [one.dimension for one in found if one.measure == "chat_length"] == ["convenience"]


def test_measurements_stand_in_only_where_nobody_says_anything() -> None:
    judge = pack()
    happened = [event(n, n, "hotline", waiting_seconds=60) for n in range(3)]
    heard = measured(readings(happened, judge), judge, lambda _who, _at: None)
    [silent] = rows(heard, ["touchpoint"], How({"customer": 1.0}, judge.file.measures)).levels
    assert (silent.experience, silent.expectation, silent.importance) == (8.0, 7.0, 8.0)
    assert silent.sources == {"experience": "measured"}
    told = [*heard, answer(touchpoint="hotline", experience=2.0)]
    [spoken] = rows(told, ["touchpoint"], How({"customer": 1.0}, judge.file.measures)).levels
    assert (spoken.experience, spoken.sources) == (2.0, {})
    [both] = rows(told, ["touchpoint"], How({"customer": 1.0, "measured": 1.0}, judge.file.measures)).levels
    assert (both.experience, both.satisfaction) == (5.0, 1.0)


def test_what_is_promised_as_a_level() -> None:
    levels = promised_levels(pack())
    assert (levels["payment"], levels["delivery"], levels["hotline"]) == (8.0, 9.0, 8.0)
    stated = whole_pack().replace("  hotline:\n", "  hotline:\n    promise: 10\n")
    assert promised_levels(compile_pack(stated, "retail"))["hotline"] == 10.0


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        ("{of: mood, touchpoint: chat, levels: [[0, 1], [1, 2]]}", "'mood' is none of waiting_seconds"),
        ("{of: steps, touchpoint: chatt, levels: [[0, 1], [1, 2]]}", "did you mean 'chat'?"),
        ("{of: steps, touchpoint: chat, dimension: mood, levels: [[0, 1], [1, 2]]}", "no dimension 'mood'"),
        ("{of: steps, touchpoint: chat, levels: [[0, 10]]}", "two points at least"),
        ("{of: steps, touchpoint: chat, levels: [[0, 11], [1, 2]]}", "level 11 is outside 0 to 10"),
        ("{of: steps, touchpoint: chat, levels: [[1, 10], [1, 2]]}", "does not ascend"),
        ("{of: failures, touchpoint: chat, levels: [[0, 10], [5, 2]]}", "5 is no share"),
        ("{of: response_seconds, touchpoint: chat, levels: [[0, 10], [5, 2]]}", "needs since: TOUCHPOINT"),
        ("{of: response_seconds, touchpoint: chat, since: chat, levels: [[0, 10], [5, 2]]}", "begins and ends at one"),
        ("{of: steps, touchpoint: chat, since: hotline, levels: [[0, 10], [5, 2]]}", "belongs to of: response_seconds"),
    ],
)
def test_a_wrong_measure_is_told_with_its_line(measure: str, told: str) -> None:
    text = whole_pack().replace("measures:\n", f"measures:\n  wrong: {measure}\n")
    with pytest.raises(PackErrors, match=told.replace("[", r"\[").replace("?", r"\?")) as error:
        compile_pack(text, "retail.yaml")
    line = text[: text.index("  wrong:")].count("\n") + 1
    assert error.value.errors[0].startswith(f"retail.yaml:{line}:")


def _surveyed(customers: int, seed: int = 1) -> list[Answer]:
    """Overall answers follow service, not price."""
    rng = random.Random(seed)
    told = []
    for number in range(customers):
        service, price = rng.uniform(0, 10), rng.uniform(0, 10)
        overall = min(10.0, max(0.0, service + rng.gauss(0, 1)))
        for kind, dimension, level in (
            ("dimension", "service", service),
            ("dimension", "price", price),
            ("nps", None, overall),
        ):
            told.append(answer(customer=f"c{number}", kind=kind, dimension=dimension, experience=level))
    return told


def test_importance_is_derived_with_its_sample_and_interval() -> None:
    found = derived(_surveyed(200), ["dimension"])
    service, price = found["service"], found["price"]
    assert service.customers == price.customers == 200
    assert service.importance is not None
    assert price.importance is not None
    assert service.importance > 8.5
    assert price.importance < 2.0
    assert service.low is not None
    assert service.high is not None
    assert service.low < service.importance < service.high
    assert derived(_surveyed(29), ["dimension"])["service"].importance is None, "too few"
    same = [answer(customer=f"c{n}", kind=kind, experience=5.0) for n in range(40) for kind in ("nps", "dimension")]
    assert derived(same, ["dimension"])["service"].importance is None, "all alike"
    opposite = [
        answer(customer=f"c{n}", kind=kind, experience=level)
        for n in range(40)
        for kind, level in (("nps", n / 4), ("dimension", 10 - n / 4))
    ]
    assert derived(opposite, ["dimension"])["service"].importance == 0.0


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_neither_importance_nor_a_cell_depends_on_the_order(rng: random.Random) -> None:
    told = _surveyed(40)
    mixed = list(told)
    rng.shuffle(mixed)
    assert derived(mixed, ["dimension"]) == derived(told, ["dimension"])
    assert rows(mixed, ["dimension"], How({"customer": 1.0})) == rows(told, ["dimension"], How({"customer": 1.0}))


def test_the_table_is_the_same_in_any_order_of_arrival() -> None:
    for seed in range(6):
        messages = life(seed, 20)
        until = max(event_at(one) for one in messages) + 20 * HOUR
        events = [CODEC.decode(one.value, Touchpoint) for one in messages if one.topic == "cx-touchpoints"]
        tables = []
        for number in range(3):
            arrivals = shuffled(random.Random(number), messages) if number else in_order(messages)
            outputs, _ = played(arrivals, until)
            random.Random(number).shuffle(events)
            told = answers(_experiences(outputs), events, pack(), lambda _who, _at: None)
            tables.append(table(rows(told, ["touchpoint", "dimension"], how(pack(), {"customer": 1.0})).levels))
        assert tables[0].rows
        assert tables[0] == tables[1] == tables[2]


def _experiences(outputs: list[Output]) -> list[Experience]:
    return [CODEC.decode(one.value, Experience) for one in outputs if one.topic == "cx-experiences"]


def test_a_segment_is_what_the_customer_was_in_then() -> None:
    who = {"record": "customer", "subject_type": "customer", "subject_id": "anna"}
    told = [
        from_json({**who, "event_id": "2", "occurred_at": START + 10, "attributes": {"city": "Wuhan"}}),
        from_json({**who, "event_id": "1", "occurred_at": START, "tier": "gold"}),
        from_json({**who, "event_id": "3", "occurred_at": START + 20, "tier": "silver", "attributes": {"city": ""}}),
    ]
    customers = [one for one in told if isinstance(one, Customer)]
    tier, city = segments(customers, "tier"), segments(customers, "city")
    assert [tier("anna", START + n) for n in (-1, 0, 15, 20)] == [None, "gold", "gold", "silver"]
    assert [city("anna", START + n) for n in (0, 10, 20)] == [None, "Wuhan", None]
    assert tier("bo", START) is None


def test_the_command_makes_a_table_for_each_and_says_from_where() -> None:
    asked = ("gap", "examples/retail-morning.jsonl", "--by", "touchpoint,dimension", "--each", "unit")
    told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).output)
    assert told["each"] == "unit"
    assert [one["of"] for one in told["tables"]] == sorted(one["of"] for one in told["tables"])
    names = {row["name"]: row for one in told["tables"] for row in one["table"]["rows"]}
    assert names["payment/convenience"]["sources"] == {"experience": "measured"}
    assert names["payment/convenience"]["importance"] == 9
    shown = CliRunner().invoke(app, [*asked]).output
    assert "unit store-altona" in shown
    assert "experience from measured: checkout/convenience, payment/convenience" in shown


def test_a_customers_table_inherits_from_the_segment(tmp_path: Path) -> None:
    def row(record: str, who: str, number: int, **fields: object) -> str:
        known = {"subject_type": "customer", "subject_id": who, "occurred_at": START + number * SECOND}
        return json.dumps({"record": record, "event_id": f"{record}{number}", **known, **fields}) + "\n"

    rating = {"kind": "dimension", "scale_min": 0, "scale_max": 10, "dimension": "brand"}
    path = tmp_path / "events.jsonl"
    path.write_text(
        row("customer", "anna", 1, attributes={"city": "Wuhan"})
        + row("customer", "bo", 2, attributes={"city": "Wuhan"})
        + row("customer", "cy", 3, attributes={"city": "Lyon"})
        + row("feedback", "anna", 4, score=5, **rating)
        + row("feedback", "bo", 5, score=8, expectation=9, **rating)
        + row("feedback", "cy", 6, score=5, **rating)
    )
    asked = ["gap", str(path), "--each", "customer", "--segment", "city", "--json"]
    told = json.loads(CliRunner().invoke(app, asked).output)
    cells = {one["of"]: one["table"]["rows"][0] for one in told["tables"]}
    assert [(cells[who]["expectation"], cells[who]["satisfaction"]) for who in ("anna", "bo", "cy")] == [
        (9, -4),
        (9, -1),
        (None, None),
    ]
    assert cells["anna"]["sources"] == {"expectation": "segment"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--weigh", "customer=1,boss=2"], "--weigh boss"),
        (["--weigh", "customer=much"], "not voice=weight"),
        (["--weigh", "customer=0"], "cannot be negative, nor all of them 0"),
        (["--by", "dimension,mood"], "--by mood"),
        (["--each", "mood"], "--each mood"),
        (["--importance", "guessed"], "--importance guessed"),
        (["--since", "yesterday"], "--since"),
    ],
)
def test_options_that_cannot_be_are_refused(options: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["gap", "examples/retail-morning.jsonl", *options])
    assert isinstance(done.exception, UserError)
    assert said in done.exception.what
