"""Conditions that are refused, with place and remedy; and none is a way to Python."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from schemas.events import Touchpoint
from streams.experience.conditions import (
    DOUBLE,
    INT,
    STRING,
    SYMBOL,
    ConditionError,
    Environment,
    Signature,
    compile_condition,
    compile_value,
    struct_type,
)
from streams.experience.conditions.syntax import MAX_CHARACTERS, MAX_DEPTH
from streams.experience.yaml_places import load
from tests.conditions import ENVIRONMENT, PLACE, frame, holds

REFUSED = {
    # syntax
    "": (12, "the expression is empty"),
    "event.outcome = 'failure'": (26, "compare with =="),
    "event.vip and true": (22, "write &&"),
    "event.vip or true": (22, "write ||"),
    "not event.vip": (16, "unexpected 'event'"),
    "event.vip &&": (24, "ends too early"),
    "(event.vip": (22, "close every bracket"),
    'event.unit == "a': (26, "close the quote"),
    "event.vip é": (22, "unexpected 'é'"),
    "event.outcome == 'a\nb'": (29, "close the quote"),
    # names
    "evnt.vip": (12, "did you mean `event`?"),
    "True": (12, "did you mean `true`?"),
    "event.vipp": (18, "did you mean `vip`?"),
    "event.promised_at > 3": (18, "no field `promised_at`"),
    "event.__class__ == null": (18, "no field `__class__`"),
    "event.touchpoint.x": (29, "has no fields; remove .x"),
    "failurs(60.0) > 1": (12, "did you mean `failures`?"),
    "failures": (12, "call it: failures(double) → int"),
    "score() > 1": (12, "write it without ( )"),
    "event.touchpoint.startWith('c')": (29, "did you mean `startsWith`?"),
    "event.touchpoint.failures(1.0)": (29, "no method `failures`"),
    # types
    "event.touchpoint": (18, "the expression gives a string, wanted is a bool"),
    "visits": (12, "the expression gives an int, wanted is a bool; compare"),
    "event": (12, "the expression gives a touchpoint"),
    "event.touchpoint == 3": (32, "== of string and int"),
    "visits == 'x'": (22, "or put the number in quotes"),
    "visits > score": (21, "turn the int into a double: double(…)"),
    "visits * 1.5 > 3.0": (21, "* of int and double"),
    "score > 9007199254740993": (20, "not exact as a double"),
    "event.vip && score": (25, "&& of `score`, a double; it takes conditions"),
    "!visits": (13, "it takes conditions"),
    "score ? true : false": (12, "? : of `score`"),
    "event.vip ? 1 : 'x'": (28, "the two results of ? : of int and string"),
    "(event.vip ? null : null) == null": (25, "? : between values of type null"),
    "-event.touchpoint == 'x'": (19, "it takes int or double"),
    "event.touchpoint - 'x' == 'x'": (18, "it takes int or double"),
    "score % 2 == 0": (12, "% of doubles; it takes int"),
    "event.vip + event.vip": (18, "+ of bools"),
    "event.vip < true": (18, "< of bools"),
    "event.attributes == event.attributes": (18, "== of a map of string"),
    "event.tags != event.tags": (18, "size()"),
    "event == event": (12, "compare a field"),
    "event.outcome == 'fail'": (29, "did you mean `failure`?"),
    "'zzz' == event.outcome": (12, "unknown, success, failure, abandoned; take one of them"),
    "event.outcome in ['failure', 'bad']": (41, '`event.outcome` is never "bad"'),
    "failures() > 1": (12, "failures() with 0 arguments; it is failures(double) → int"),
    "failures(1, 2) > 1": (12, "with 2 arguments"),
    "failures('x') > 1": (21, "with a string, wanted is a double"),
    "failures(visits) > 1": (21, "with an int, wanted is a double"),
    "failures(null) > 1": (21, "null in failures()"),
    "fades('contakt', null)": (18, "did you mean `contact`?"),
    "size(visits) > 1": (17, "it takes a string, a list or a map"),
    "size() > 1": (12, "size() with 0 arguments"),
    "double(event.vip) > 1.0": (25, "double() of a bool"),
    "event.touchpoint.contains(3)": (38, "contains() with an int"),
    "visits.contains('x')": (12, "contains() with an int"),
    "event.touchpoint.contains()": (29, "contains() with 0 arguments; it takes one string"),
    "event.attributes[3] == 'x'": (29, "keys are strings"),
    "event.tags['x'] == 'x'": (23, "only maps have entries by key"),
    "3 in event.attributes": (12, "keys are strings"),
    "'x' in event.touchpoint": (25, "text.contains(part)"),
    "3 in event.tags": (12, "look for a string"),
    "event.touchpoint in ['a', 3]": (38, "`in` a list of string and int"),
    "event.touchpoint in [null]": (33, "null in a list"),
    "event.touchpoint in []": (12, "never holds"),
    "event.tags in [event.tags]": (33, "in a list"),
    "['a'] == ['a']": (12, "a list stands only to the right of `in`"),
    # nulls
    "event.waiting_seconds > 60": (18, "put `event.waiting_seconds != null && ` before it"),
    "event.waiting_seconds > 60 && event.waiting_seconds != null": (18, "may be null"),
    "event.waiting_seconds != null || event.waiting_seconds > 60": (51, "may be null"),
    "event.waiting_seconds == null && event.waiting_seconds > 60": (51, "may be null"),
    "event.waiting_seconds != null && event.duration_seconds > 60": (51, "`event.duration_seconds` may be null"),
    "has(event.waiting_seconds) ? true : event.waiting_seconds > 1": (54, "may be null"),
    "60 < event.waiting_seconds": (23, "may be null"),
    "!(event.waiting_seconds != null) && event.waiting_seconds > 60": (54, "may be null"),
    "!has(event.waiting_seconds) && event.waiting_seconds > 60": (49, "may be null"),
    "event.waiting_seconds + 1 > 2.0": (18, "may be null"),
    "-event.waiting_seconds < 2.0": (19, "may be null"),
    "size(event.unit) > 1": (23, "may be null"),
    "event.unit.startsWith('x')": (18, "may be null"),
    "event.touchpoint.startsWith(event.unit)": (46, "may be null"),
    "failures(event.waiting_seconds) > 1": (27, "may be null"),
    "event.attributes[event.unit] == 'x'": (35, "may be null"),
    "event.touchpoint in [event.unit]": (39, "may be null"),
    "customer.tier == 'gold'": (12, "`customer` may be null"),
    "customer != null && customer.identifiers.email == 'x'": (41, "`customer.identifiers` may be null"),
    "last() < 3": (12, "`last()` may be null"),
    "event.vip && null": (25, "null in &&"),
    "null < 3": (12, "null in <"),
    "event.unit == event.staff && event.unit > 'a'": (47, "may be null"),
    # true and false, to which the grammar gives no place: that of what they stand in
    "event.unit == true": (12, "== of string and bool"),
    "failures(false) > 1": (12, "failures() with a bool"),
    "-true": (12, "- of a bool"),
    "'a' in true": (12, "in"),
    # has
    "has(event)": (12, "has() takes one field"),
    "has(event.attributes['x'])": (12, "'key' in a map"),
    "has(event.nothing)": (22, "no field `nothing`"),
    "has(event.attributes)": (22, "write size(event.attributes) > 0"),
    # literals
    "visits > 9223372036854775808": (21, "does not fit 64 bits"),
    "visits > 9223372036854775807 + 1": (21, "does not fit 64 bits"),
    "score > 1e999": (20, "too large"),
    "visits > 1u": (21, "write it without u"),
    "b'x' == b'x'": (12, "bytes are not supported"),
    "'''x''' == ''": (12, "three quotes"),
    r"'\q' == ''": (12, "begins no escape"),
    r"'\ud800' == ''": (12, "is no character"),
    r"'\U00110000' == ''": (12, "is no character"),
    r"r'\'x' == ''": (12, "within a raw string"),
    # not in the subset
    "event.tags.exists(t, t == 'x')": (23, "the macro exists() is not supported"),
    "event.tags.all(t, t == 'x')": (23, "the macro all() is not supported"),
    "event.tags.map(t, t) == null": (23, "not supported"),
    "timestamp('x') == null": (12, "timestamp() is not supported here"),
    "duration('48h') == null": (12, "not supported here"),
    "{'a': 1}.a == 1": (12, "a map literal is not supported"),
    "event{} == null": (12, "a message literal is not supported"),
    "event{x: 1} == null": (12, "a message literal is not supported"),
    ".event.vip": (12, "begins with a dot"),
    ".failures(1)": (12, "begins with a dot"),
    "event.tags[0] == 'x'": (23, "only maps have entries by key"),
    "event.touchpoint.matches('(')": (37, "not a pattern: missing )"),
    "event.touchpoint.matches('(?=x)')": (37, "not a pattern"),
    "event.touchpoint.matches('((a{1,999}){1,999}){1,999}')": (37, "not a pattern"),
    "event.touchpoint.matches(event.subject_id)": (43, "write the pattern itself"),
    # size
    "true || " * 600 + "true": (12, f"{MAX_CHARACTERS} are allowed"),
    "(" * 1000 + "true" + ")" * 1000: None,
    "!" * 1000 + "true": (12 + MAX_DEPTH + 1, "nested deeper"),
    "visits + " * 100 + "1 > 0": (12, "nested deeper"),
}


@pytest.mark.parametrize("text", [text for text, expected in REFUSED.items() if expected])
def test_refused_with_place_and_remedy(text: str) -> None:
    expected = REFUSED[text]
    assert expected is not None
    column, says = expected
    with pytest.raises(ConditionError) as caught:
        compile_condition(text, ENVIRONMENT, PLACE)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"retail.yaml:41:{column}: ")
    assert caught.value.fix


def test_parentheses_alone_are_no_depth() -> None:
    assert holds("(" * 1000 + "true" + ")" * 1000)


@pytest.mark.parametrize(
    "text",
    [
        "visits" + " + 1" * (MAX_DEPTH - 3) + " > 0",
        "!(false || " * (MAX_DEPTH // 2 - 1) + "false" + ")" * (MAX_DEPTH // 2 - 1),
        "(true ? " * (MAX_DEPTH - 1) + "true" + " : false)" * (MAX_DEPTH - 1),
        "failures(double(" * (MAX_DEPTH // 2 - 1) + "1" + "))" * (MAX_DEPTH // 2 - 1) + " >= 0",
        "1 - (" * (MAX_DEPTH // 2) + "visits" + ")" * (MAX_DEPTH // 2) + " < 9",
        "true && " * 500 + "visits > 3",
        "visits / 0 == 1 || " * 200 + "visits > 3",
    ],
)
def test_what_is_just_deep_or_long_enough_runs(text: str) -> None:
    assert compile_condition(text, ENVIRONMENT, PLACE)(frame()) in (True, False)


def test_the_place_within_a_folded_yaml_text() -> None:
    text = "rules:\n  - when: >-\n      event.vip\n      && event.vipp\n"
    data, places = load(text, "retail.yaml")
    assert isinstance(data, dict)
    with pytest.raises(ConditionError, match=r"^retail\.yaml:4:16: `event` has no field `vipp`"):
        compile_condition("event.vip && event.vipp", ENVIRONMENT, places["rules", 0, "when"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 / 2", "write numbers with a point (1.0 / 2.0)"),
        ("visits", "or double(…)"),
        ("event.amount", "may be null"),
        ("null", "gives a null, wanted is a double"),
        ("event.unit", "gives a string or null, wanted is a double"),
    ],
)
def test_values_refused(text: str, says: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_value(text, ENVIRONMENT, PLACE, returns=DOUBLE)
    assert says in str(caught.value)


def test_a_symbol_result_is_in_its_set() -> None:
    with pytest.raises(ConditionError, match='the result is never "c"; it is one of a, b'):
        compile_value("'c'", ENVIRONMENT, PLACE, returns=SYMBOL("a", "b"))


@pytest.mark.parametrize(
    "text", ['"' + "\\a" * 2000, "'" + "\\a" * 1000 + "\n'", 'r"' + "\\n" * 1500 + "'", "x == '" + "\\'" * 1500]
)
def test_backslashes_without_a_closing_quote_are_refused_at_once(text: str) -> None:
    with pytest.raises(ConditionError, match="close the quote"):
        compile_condition(text, ENVIRONMENT, PLACE)


def test_quotes_in_a_remark_are_no_quotes() -> None:
    assert holds('true // it\'s\n && true // isn\'t """ it')


def test_long_text_against_a_hostile_pattern_takes_no_time() -> None:
    assert not holds(
        "event.touchpoint.matches('^(a+)+$')",
        event=Touchpoint(
            event_id="1", subject_type="customer", subject_id="s", occurred_at=1, touchpoint="a" * 50_000 + "b"
        ),
    )


@pytest.mark.parametrize(
    "build",
    [
        lambda: Environment({"has": INT}),
        lambda: Environment({"in": INT}),
        lambda: Environment({"_x": INT}),
        lambda: Environment({"x y": INT}),
        lambda: Environment({"é": INT}),
        lambda: Environment({}, {"size": Signature((), INT)}),
        lambda: Environment({"x": INT}, {"x": Signature((), INT)}),
        lambda: struct_type(Touchpoint, {"__dict__": STRING}),
        lambda: struct_type(Touchpoint, {"a-b": STRING}),
        lambda: struct_type(Touchpoint, {"class": STRING}),
    ],
)
def test_an_environment_refuses_names_that_no_condition_can_write(build: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"cannot be|the same name"):
        build()


HOSTILE = [
    "'); import os; os.system('x",
    "\"\"\"\n'''",
    "\\' + __import__('os').name + \\'",
    "{x}%s{{}}",
    "\u2028\x00\x1b张\U0001f600",
    "frame.__class__",
    "\\",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_literal_stays_a_literal(value: str) -> None:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\x00": "\\x00", "\u2028": "\\u2028"}
    literal = '"' + "".join(escapes.get(character, character) for character in value) + '"'
    assert compile_value(literal, ENVIRONMENT, PLACE, returns=STRING)(frame()) == value
    assert holds(f"{literal} in event.attributes == false")
    assert holds(f"event.attributes[{literal}] == {literal}", event=SimpleNamespace(attributes={value: value}))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "event.__init__.__globals__ == null",
        "().__class__ == null",
        "lambda: 1",
        "frame.event.vip",
        "v_event.vip",
        "_invoke(1)",
        "event.attributes.__class__.__name__ == ''",
        "event;import os",
        "event.vip\n  and __builtins__",
        "eνent.vip",
        "event.vip\u00a0",
    ],
)
def test_no_way_to_python(text: str) -> None:
    with pytest.raises(ConditionError):
        compile_condition(text, ENVIRONMENT, PLACE)


def test_a_map_key_that_looks_like_python_is_only_a_key() -> None:
    assert holds("event.attributes.__class__ == 'x'", event=SimpleNamespace(attributes={"__class__": "x"}))
