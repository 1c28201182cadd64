"""Conditions of packs: every construct gives CEL's answer, and an error while running says where and why."""

from types import SimpleNamespace

import pytest

from schemas.events import Customer, Touchpoint
from streams.experience.conditions import (
    DECIMAL,
    DOUBLE,
    INT,
    MAP,
    NULLABLE,
    STRING,
    SYMBOL,
    EvaluationError,
    compile_condition,
    compile_value,
    struct_type,
)
from tests.conditions import ENVIRONMENT, PLACE, frame, holds

TRUE = [
    "true",
    "!false",
    'event.outcome == "failure"',
    '"failure" == event.outcome',
    "event.outcome != 'success'",
    'event.touchpoint > "checkin" && event.touchpoint < "d" && event.touchpoint >= "c" && event.touchpoint <= "checkout"',
    'event.attributes.gate == "A3"',
    'event.attributes["gate"] == "A3"',
    'event.attributes["two words"] == "x"',
    'event.attributes["张"] == "三"',
    'event.attributes[event.touchpoint + ""] == "x" || true',
    '"gate" in event.attributes && !("seat" in event.attributes)',
    "has(event.attributes.gate) && !has(event.attributes.seat)",
    "has(event.waiting_seconds) && !has(event.duration_seconds) && has(event.touchpoint)",
    "event.waiting_seconds != null && event.waiting_seconds > 60",
    "event.waiting_seconds == 90",
    "event.duration_seconds == null || event.duration_seconds > 0",
    "event.duration_seconds != 3.0",
    "null == event.duration_seconds",
    "!(event.duration_seconds != null && event.duration_seconds > 0)",
    "!(event.waiting_seconds == null || event.duration_seconds != null) && event.waiting_seconds > 60",
    "event.duration_seconds == null ? true : event.duration_seconds > 1",
    '!has(event.staff) || event.staff.startsWith("O\'")',
    "event.waiting_seconds == 90.0 && event.waiting_seconds < 91",
    'event.staff in ["O\'Hara", "x"] && size(event.staff) == 6',
    "has(event.amount) && event.amount == 19.9 && event.amount / 2 < 10",
    "event.amount == 19.90",
    'event.touchpoint in ["a", "checkout"]',
    'event.unit in ["a"] == false',
    'event.touchpoint in [event.subject_id, "checkout"]',
    "visits in [1, 7] && score in [1, 2.5] && score in [visits > 3 ? 2.5 : 1]",
    '"late" in event.tags && !(event.unit in event.tags)',
    "1 in event.marks",
    "size(event.tags) == 2 && size(event.attributes) == 5 && event.tags.size() == 2",
    'size("张三") == 2',
    'event.touchpoint.startsWith("che") && event.touchpoint.endsWith("out") && event.touchpoint.contains("eck")',
    'event.touchpoint.matches("^ch.+t$") && !event.touchpoint.matches("x")',
    '(event.touchpoint + "-" + event.subject_id) == "checkout-s-1"',
    "failures(600) >= 2 && failures(10.0 * 60) == 2 && failures(1.0) == 0",
    'fades("contact", null) && !fades("failure", 3)',
    "last() == null || last() < 3",
    "7 / 2 == 3 && -7 / 2 == -3 && -7 % 3 == -1 && 7 % -3 == 1 && visits / 2 == 3 && -visits / 2 == -3 && -visits % 3 == -1",
    "score / 2 == 1.25 && score * 2 == 5 && score - 3 == -0.5 && score + 0.5 == 3 && -score < 0 && 2 - 3 < 0",
    "score / 0 > 1e308 && -score / 0.0 < 0 && !((score - score) / 0 == 1)",
    "visits-1 == 6 && visits -1 == 6 && - visits == -7 && 0x10 == 16 && 1e2 == 100.0 && .5 < 1.",
    "double(event.attributes.delay) > 30 && int(event.attributes.delay) == 35 && double(visits) == 7 && int(score) == 2",
    "int(-2.9) == -2 && int(visits) == 7 && double(score) == 2.5",
    'event.vip == false && !event.vip && (event.outcome == "failure") == true',
    'limits.a == 3 && limits["a"] < 4',
    r'"\x41\u5f20\101\n\"" == "A张A' + '\\n\\""',
    r"r'\d' == '\\d' && '35'.matches(r'^\d+$')",
    "true // a remark",
    "true || refuses() && event.attributes.none == ''",
    "visits / 0 == 1 || true",
    "true || visits / 0 == 1",
    "!(visits / 0 == 1 && false)",
    "!(false && visits / 0 == 1)",
    "!(refuses() && false)",
    "(event.attributes.none == '' && event.unit == 'x') == false",
]


@pytest.mark.parametrize("text", TRUE)
def test_holds(text: str) -> None:
    assert holds(text) is True


ERRORS = {
    'event.attributes.seat == "1"': "there is no key 'seat'",
    'event.attributes["seat"] == "1" && true': "there is no key 'seat'",
    "visits / 0 == 1": "division by zero",
    "visits % 0 == 1": "division by zero",
    "visits + 9223372036854775807 > 0": "beyond 64 bits",
    "-9223372036854775807 - visits > 0": "beyond 64 bits",
    "visits * 9223372036854775807 > 0": "beyond 64 bits",
    "-9223372036854775808 / (visits - 8) > 0": "beyond 64 bits",
    "-(visits - 9223372036854775807 - 8) > 0": "beyond 64 bits",
    "int(score * 1e300) > 0": "beyond 64 bits",
    "int(score / 0) > 0": "beyond 64 bits",
    "double(event.attributes.gate) > 0": "no number",
    "int(event.attributes.gate) > 0": "no whole number",
    "int(event.attributes.delay + '999999999999999999') > 0": "no whole number",
    "refuses()": "no history yet",
    "refuses() || visits > 100": "no history yet",
    "visits / 0 == 1 || event.attributes.seat == ''": "division by zero",
    "visits / 0 == 1 ? true : true": "division by zero",
    "event.staff in [event.attributes.seat]": "there is no key 'seat'",
}


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_while_running_says_place_and_cause(text: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        holds(text)
    assert str(caught.value).startswith("retail.yaml:41:12: ")
    assert ERRORS[text] in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('event.outcome == "failure" && failures(600.0) > 1', {"event.outcome", "failures"}),
        ("event.attributes.gate == 'A3' || 'x' in event.attributes", {"event.attributes"}),
        ("customer != null && customer.tier == 'gold'", {"customer", "customer.tier"}),
        ("has(event.amount) && score > 1 && fades('contact', last())", {"event.amount", "score", "fades", "last"}),
        ("true", set()),
    ],
)
def test_reads(text: str, expected: set[str]) -> None:
    assert compile_condition(text, ENVIRONMENT, PLACE).reads == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('event.touchpoint == "checkout" && score > 1', (("event.touchpoint", "==", "checkout"),)),
        (
            '("a" == event.unit && event.outcome in ["failure", "abandoned"]) && visits == 3 && event.vip == true',
            (
                ("event.unit", "==", "a"),
                ("event.outcome", "in", ("failure", "abandoned")),
                ("visits", "==", 3),
                ("event.vip", "==", True),
            ),
        ),
        (
            'event.outcome == "failure" || event.outcome in ["abandoned"]',
            (("event.outcome", "in", ("failure", "abandoned")),),
        ),
        ('event.outcome == "failure" || event.unit == "a"', ()),
        ('event.outcome == "failure" || event.outcome == "abandoned" && score > 1', ()),
        ('event.outcome != "failure" && event.touchpoint > "a" && !(event.unit == "x")', ()),
        ('event.attributes.gate == "A3" && event.touchpoint == event.subject_id && event.unit == null', ()),
        ('customer != null && customer.tier == "gold"', (("customer", "!=", None),)),
        ("null != event.unit && event.amount != null", (("event.unit", "!=", None), ("event.amount", "!=", None))),
        ("event.unit != null || event.amount != null", ()),
        ('event.unit == "a" || event.unit != null', ()),
        ("event.amount == 0.1 && score == 2.0", ()),
        ('event.touchpoint in [event.subject_id, "a"]', ()),
    ],
)
def test_conjuncts(text: str, expected: tuple[object, ...]) -> None:
    assert compile_condition(text, ENVIRONMENT, PLACE).conjuncts == expected


@pytest.mark.parametrize("text", ["broken()", "broken() || true", "visits / 0 == 1 || broken()", "!broken()"])
def test_a_defect_of_a_function_is_no_error_of_the_condition(text: str) -> None:
    with pytest.raises(KeyError, match="a defect of ours"):
        holds(text)


def test_a_frame_without_the_variable_is_a_defect() -> None:
    condition = compile_condition("visits > 1 || true", ENVIRONMENT, PLACE)
    with pytest.raises(AttributeError, match="visits"):
        condition(SimpleNamespace())


def test_run_is_the_call() -> None:
    condition = compile_condition("visits > 3", ENVIRONMENT, PLACE)
    assert condition.run(frame()) is condition(frame()) is True
    assert condition.text == "visits > 3"
    assert repr(condition) == "<Condition retail.yaml:41:12: visits > 3>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('event.outcome == "failure" ? 2 : 1', 2.0),
        ("3", 3.0),
        ("score * 2", 5.0),
        ("event.amount != null ? event.amount : 0", 19.9),
        ("10 * 60 - 1", 599.0),
    ],
)
def test_values(text: str, expected: float) -> None:
    value = compile_value(text, ENVIRONMENT, PLACE, returns=DOUBLE)(frame())
    assert value == expected
    assert isinstance(value, float)


def test_values_of_other_types() -> None:
    assert compile_value("event.unit", ENVIRONMENT, PLACE, returns=NULLABLE(STRING))(frame()) is None
    assert compile_value("null", ENVIRONMENT, PLACE, returns=NULLABLE(STRING))(frame()) is None
    assert compile_value("event.amount", ENVIRONMENT, PLACE, returns=NULLABLE(DOUBLE))(frame()) == 19.9
    assert compile_value("'x' + event.touchpoint", ENVIRONMENT, PLACE, returns=STRING)(frame()) == "xcheckout"
    assert compile_value("'a'", ENVIRONMENT, PLACE, returns=SYMBOL("a", "b"))(frame()) == "a"


def test_struct_types_follow_the_annotations() -> None:
    fields = struct_type(Touchpoint, {"unit": STRING, "extra": INT, "place": None}).fields
    assert fields["subject_type"] == SYMBOL("unknown", "customer", "anonymous", "unit", "touchpoint")
    assert fields["waiting_seconds"] == NULLABLE(DOUBLE)
    assert fields["amount"] == NULLABLE(DECIMAL)
    assert fields["attributes"] == MAP(STRING)
    assert fields["unit"] == STRING
    assert fields["extra"] == INT
    assert "place" not in fields
    consents = struct_type(Customer).fields["consents"]
    assert str(consents) == "list of consent or null"


def test_a_field_without_a_type_in_conditions_is_named() -> None:
    class Odd(Touchpoint, kw_only=True):
        raw: bytes = b""

    with pytest.raises(TypeError, match=r"Odd\.raw: .*give one by `overrides`"):
        struct_type(Odd)
    assert "raw" not in struct_type(Odd, {"raw": None}).fields
