"""The course of a customer's mood: level, slope, worst point, peak and end; and what answers say together."""

import pytest

from streams.experience.course import COURSE_MAX, COURSE_SECONDS, Course, Felt, course_of, load_felt, together, told
from streams.experience.pack_checks import DETAILS
from streams.experience.signals import _DETAILS
from streams.experience.state import load_fold, load_subject
from tests.builders import driver, message

DAY = 86_400 * 1_000_000


def felt(*levels: float, journey: str = "stay", expectation: float | None = None, scored: bool = True) -> list[Felt]:
    return [
        Felt(number * DAY, f"e{number}", journey, level, expectation and level - expectation, scored)
        for number, level in enumerate(levels)
    ]


def test_a_course_without_answers_is_empty() -> None:
    assert course_of([], "stay", 0) == Course()
    assert course_of(felt(3, journey="shop"), "stay", 0) == Course()


def test_one_answer_has_no_slope() -> None:
    assert course_of(felt(7), "stay", 0) == Course(1, 7.0, None, 7.0, 7.0)


@pytest.mark.parametrize(
    ("levels", "level", "slope", "worst", "peak_end"),
    [
        ((9, 7, 5), 7.0, -2.0, 5.0, 7.0),  # 9 lies farther from the middle than 5
        ((5, 7, 9), 7.0, 2.0, 5.0, 9.0),
        ((8, 0, 8, 8), 6.0, 0.0, 0.0, 4.0),  # one odd answer does not make a trend, and is remembered
        ((9, 1), 5.0, -8.0, 1.0, 1.0),  # of equally intense ones the worse
    ],
)
def test_course(levels: tuple[float, ...], level: float, slope: float, worst: float, peak_end: float) -> None:
    course = course_of(felt(*levels), "stay", len(levels) * DAY)
    assert (course.level, course.slope, course.worst, course.peak_end) == (level, slope, worst, peak_end)


def test_answers_of_long_ago_and_of_later_do_not_count() -> None:
    answers = felt(1, 9, 8)
    assert course_of(answers, "stay", COURSE_SECONDS * 1_000_000 + 1).worst == 8.0
    assert course_of(answers, "stay", 0).points == 1


def test_together_only_scores_count_and_expectations_where_three_have_one() -> None:
    found = together([*felt(9, 5), *felt(0, scored=False)], 9 * DAY)
    assert (found.answers, found.lowest, found.spread, found.mean_satisfaction) == (2, 5.0, 4.0, None)
    assert together(felt(6, 6, 7, expectation=8.0), 9 * DAY).mean_satisfaction == pytest.approx(-5 / 3)


def test_evidence_names_the_answers() -> None:
    assert told(felt(9, 6.5), 9 * DAY) == "9 (e0), 6.5 (e1)"


def test_a_fold_remembers_the_latest_answers_of_the_customer_alone() -> None:
    one = driver()
    for number in range(COURSE_MAX + 5):
        one.take(message("feedback", f"e{number}", number, number, kind="nps", score=float(number % 11)))
    one.take(message("feedback", "staff", 100, 100, kind="nps", score=0.0, respondent="staff"))
    one.take(message("feedback", "said", 101, 101, kind="comment", text="太差了"))
    one.take(message("feedback", "bare", 102, 102, kind="comment"))
    felt_last = load_felt(load_fold(load_subject(one.states[b"anna"]).now).felt)
    assert [answer.event_id for answer in felt_last] == [f"e{number}" for number in range(6, COURSE_MAX + 5)] + ["said"]
    assert not felt_last[-1].scored
    assert felt_last[-1].level < 5.0


def test_every_parameter_of_a_detail_that_a_pack_may_name_has_a_value() -> None:
    assert set(_DETAILS) == DETAILS
