"""What is usual is learnt over many customers, by hour of the week, in any order; peaks stay out; far longer waits are a signal."""

import random
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.controls import Control, UsualWaiting
from schemas.decisions import Action, Cause, Experience
from schemas.events import Touchpoint
from schemas.json_form import from_json, instant
from schemas.refusals import InvalidEvent
from schemas.validate import check_control
from streams.app import jobs
from streams.engine.job import Message, Output
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf, first_pack
from streams.experience.festivals import prepare
from streams.experience.habits import Habits, told_as
from streams.experience.ids import cause_key
from streams.experience.incidents import Incidents
from streams.experience.pack import UsualWaiting as Rule
from streams.experience.pack_compile import PackErrors
from streams.experience.seasons import NAMES, is_peak, lunar_new_year
from streams.experience.surroundings import Limits
from streams.experience.waits import class_of, seconds_of, usual
from streams.experience.week_hours import WeekHour, begins_at, week_hour
from streams.replay.decide import Decider
from streams.replay.driver import Driver
from streams.settings import Settings
from tests.builders import CODEC, SECOND, child_pack

HOUR, WEEK = 3600, 7 * 86_400
MONDAY = instant("2026-03-02T09:00:00Z")  # ten o'clock in Berlin
BERLIN = ZoneInfo("Europe/Berlin")
LIMITS = Limits(HOUR * SECOND, 500)


@pytest.fixture(scope="module")
def learning() -> CompiledPack:
    return child_pack("usual_waiting: {least: 5, weeks: 3, sample: 1.0, peaks: [double_11, 2026-03-09/2026-03-15]}")


def visit(subject: str, at: int, waited: float, **fields: Any) -> Touchpoint:
    document = {
        "record": "touchpoint",
        "event_id": f"{subject}/{at}",
        "subject_type": "customer",
        "subject_id": subject,
        "occurred_at": MONDAY + at * SECOND,
        "touchpoint": "delivery",  # where nothing is promised
        "waiting_seconds": waited,
        **fields,
    }
    record = from_json(document)
    assert isinstance(record, Touchpoint)
    return record


def visits(since: int, waits: list[float], **fields: Any) -> list[Touchpoint]:
    return [visit(f"c{since}-{number}", since + 60 * number, wait, **fields) for number, wait in enumerate(waits)]


def decider(pack: CompiledPack, events: list[Touchpoint], limits: Limits = LIMITS) -> Decider:
    one = Decider(pack, limits, CODEC)
    one.control(first_pack(pack))
    for event in events:
        one.take(event)
    assert not one.rejected
    return one


def signals(one: Decider) -> set[tuple[str, str]]:
    """(customer, signal) of the evidence that customers' decisions rest on."""
    return {
        (record.subject_id, row.signal)
        for record in one.decided
        if not isinstance(record, Experience)
        for row in record.evidence
    }


FAILED = {"outcome": "failure"}  # brings an episode about together with a second signal
USUAL = [60.0, 70.0, 65.0, 75.0, 80.0, 60.0]


def test_far_beyond_what_was_usual_in_the_same_hour_a_week_ago(learning: CompiledPack) -> None:
    again = [visit("anna", WEEK + 5, 400.0, **FAILED), visit("bo", WEEK + 6, 100.0, **FAILED)]
    more = [visit("anna", WEEK + 9, 1.0, **FAILED), visit("bo", WEEK + 10, 1.0, **FAILED)]
    one = decider(learning, [*visits(0, USUAL), visit("zoe", 3 * HOUR, 1.0), *again, *more])
    assert ("anna", "waited_beyond_usual") in signals(one)
    assert ("bo", "waited_beyond_usual") not in signals(one)
    details = {
        row.detail
        for r in one.decided
        if isinstance(r, Action)
        for row in r.evidence
        if row.signal == "waited_beyond_usual"
    }
    assert len(details) == 1
    assert "waited 400 s, usual at this hour of the week: " in (details.pop() or "")


@pytest.mark.parametrize("at", [WEEK + HOUR, 6 * 86_400], ids=["the next hour", "another day"])
def test_another_hour_of_the_week_has_its_own_usual(learning: CompiledPack, at: int) -> None:
    late = [visit("anna", at, 400.0, **FAILED), visit("anna", at + 5, 1.0, **FAILED)]
    assert ("anna", "waited_beyond_usual") not in signals(decider(learning, [*visits(0, USUAL), *late]))


def test_nothing_is_usual_where_too_few_have_waited_or_at_another_touchpoint(learning: CompiledPack) -> None:
    late = [visit("anna", WEEK + 5, 400.0, **FAILED), visit("anna", WEEK + 9, 1.0, **FAILED)]
    assert ("anna", "waited_beyond_usual") not in signals(decider(learning, [*visits(0, USUAL[:4]), *late]))
    elsewhere = visits(0, USUAL, touchpoint="refund")
    assert ("anna", "waited_beyond_usual") not in signals(decider(learning, [*elsewhere, *late]))


class Learner:
    """Job 2 in memory, fed with waits; the last word on each hour it begins to hold."""

    def __init__(self, pack: CompiledPack) -> None:
        self.pack = pack
        self.driver = Driver(Incidents(CODEC, Shelf((pack,)), LIMITS))
        self.words: dict[int, Control] = {}
        self.count = 0

    def take(self, at: int, wait: float, **fields: Any) -> None:
        cause = Cause(
            cause_id=fields.pop("cause_id", f"w{at}"),
            revision=fields.pop("revision", 1),
            touchpoint="delivery",
            cause=f"usual_waiting/{week_hour(MONDAY + at * SECOND, BERLIN)[0].hour}",
            subject_type="customer",
            subject_id="anna",
            event_id=f"e{at}",
            occurred_at=MONDAY + at * SECOND,
            origin="inferred",
            weight=0.0,
            value=wait,
            pack=self.pack.name,
            pack_version=self.pack.version,
            **fields,
        )
        self.count += 1
        self.note(self.driver.take(Message("cx-causes", 0, self.count, 0, cause_key(cause), CODEC.encode(cause))))

    def advance(self, at: int) -> None:
        self.note(self.driver.advance(MONDAY + at * SECOND))

    def note(self, outputs: list[Output]) -> None:
        for output in outputs:
            assert output.topic == "cx-controls"
            assert output.partition == -1
            control = CODEC.decode(output.value, Control)
            check_control(control, output.key)
            assert control.usual_waiting is not None
            earlier = self.words.get(control.in_force_at)
            assert earlier is None or earlier.usual_waiting is not None
            if earlier is None or earlier.usual_waiting.revision < control.usual_waiting.revision:
                self.words[control.in_force_at] = control

    def said(self) -> dict[int, tuple[float, int]]:
        """Seconds after the first Monday → median and count that hold from then on."""
        return {
            (at - MONDAY) // SECOND: (word.usual_waiting.median_seconds, word.usual_waiting.waits)
            for at, word in self.words.items()
            if word.usual_waiting is not None
        }


def test_a_word_comes_when_the_hour_can_not_change_any_more_and_holds_a_week_later(learning: CompiledPack) -> None:
    one = Learner(learning)
    for number, wait in enumerate(USUAL):
        one.take(number, wait)
    one.advance(2 * HOUR - 1)
    assert one.said() == {}
    one.advance(2 * HOUR)  # the hour is over, and so is the lateness
    assert list(one.said()) == [WEEK]
    assert one.said()[WEEK][0] == pytest.approx(65.0, rel=0.05)


def test_weeks_add_up_and_the_oldest_is_forgotten(learning: CompiledPack) -> None:
    one = Learner(learning)
    for week, wait in enumerate((10.0, 100.0, 100.0, 100.0)):
        for number in range(5 + week):
            one.take(week * WEEK + number, wait)
    one.advance(5 * WEEK)
    assert [count for _, count in one.said().values()] == [5, 11, 18, 21]
    assert one.said()[WEEK][0] == pytest.approx(10.0, rel=0.06)
    assert list(one.said()) == [WEEK, 2 * WEEK, 3 * WEEK, 4 * WEEK - HOUR]  # ten o'clock in Berlin, also in summer time
    assert one.said()[4 * WEEK - HOUR][0] == pytest.approx(100.0, rel=0.06)


def test_words_do_not_depend_on_the_order_in_which_waits_come(learning: CompiledPack) -> None:
    rng = random.Random(3)
    waits = [(week * WEEK + number * 50, rng.uniform(5, 500)) for week in range(3) for number in range(20)]
    straight = Learner(learning)
    for at, wait in waits:
        straight.take(at, wait)
    straight.advance(4 * WEEK)
    for seed in range(5):
        other = Learner(learning)
        shuffled = list(waits)
        random.Random(seed).shuffle(shuffled)
        for at, wait in shuffled:
            other.take(at, wait)
        other.advance(4 * WEEK)
        assert other.said() == straight.said()


def test_a_wait_counts_once_and_not_when_it_is_taken_back(learning: CompiledPack) -> None:
    one = Learner(learning)
    for number in range(7):
        one.take(number, 60.0)
    one.take(0, 60.0, revision=2)  # told again
    one.take(1, 60.0, revision=2, retracted=True)
    one.take(2, 60.0, revision=2, retracted=True)
    one.take(2, 60.0, revision=3)
    one.take(900, 60.0, revision=2)  # of what was let go long ago
    one.advance(WEEK)
    assert [count for _, count in one.said().values()] == [6]


def test_too_few_take_back_what_was_usual(learning: CompiledPack) -> None:
    one = Learner(learning)
    for number in range(5):
        one.take(number, 60.0)
    one.advance(2 * HOUR)
    one.take(3, 60.0, revision=2, retracted=True)
    assert one.said() == {WEEK: (0.0, 0)}


def test_peaks_and_what_is_not_drawn_are_not_learnt_from() -> None:
    rule = Rule(peaks=["double_11", "2026-03-09/2026-03-15"])
    assert told_as(visit("a", 0, 1.0), MONDAY, BERLIN, rule) == "usual_waiting/10"
    assert told_as(visit("a", 0, 1.0), MONDAY + WEEK * SECOND, BERLIN, rule) is None
    drawn = sum(told_as(visit(f"a{n}", 0, 1.0), MONDAY, BERLIN, Rule(sample=0.25)) is not None for n in range(2000))
    assert 400 < drawn < 600


def test_seasons() -> None:
    assert lunar_new_year(2026) == date(2026, 2, 17)
    assert lunar_new_year(2031) == date(2031, 1, 23)
    assert lunar_new_year(2200) is None
    spring = ["spring_festival"]
    days = [date(2026, 2, 1), date(2026, 2, 2), date(2026, 3, 14), date(2026, 3, 15), date(2200, 2, 2)]
    assert [is_peak(day, spring) for day in days] == [False, True, True, False, False]
    assert [is_peak(date(2026, 11, day), ["double_11"]) for day in (11, 12, 13)] == [True, True, False]
    assert is_peak(date(2026, 6, 18), ["618"])
    assert not is_peak(date(2026, 7, 1), NAMES)


@pytest.mark.parametrize("name", ["Europe/Berlin", "Asia/Shanghai", "America/New_York", "UTC"])
def test_an_hour_of_the_week_begins_where_its_instants_lie(name: str) -> None:
    zone = ZoneInfo(name)
    for number in range(0, 60 * 24, 7):
        at = MONDAY + number * HOUR * SECOND
        when, day = week_hour(at, zone)
        begin = begins_at(when, zone)
        assert 0 <= when.hour < 168
        assert day.weekday() == when.hour // 24
        assert begin <= at < begin + 2 * HOUR * SECOND  # two: where the clock is put back
        assert week_hour(begin, zone)[0] == when
    assert begins_at(WeekHour(0, 0), ZoneInfo("UTC")) == instant("1970-01-05T00:00:00Z")


def test_classes_are_a_tenth_wide_and_median_and_deviation_robust() -> None:
    for seconds in (0.0, 0.7, 1.0, 1.01, 3.0, 59.0, 86_400.0):
        assert seconds_of(class_of(seconds)) == pytest.approx(seconds, rel=0.05, abs=0.7)
    assert class_of(1e300) == class_of(1e12)
    counts = {class_of(60.0): 90, class_of(66.0): 80, class_of(10_000.0): 20}  # a tenth waits for hours
    found = usual(counts, 20)
    assert found is not None
    assert found.median_seconds == pytest.approx(60, rel=0.1)
    assert found.unusual(70.0) < 4.0 < found.unusual(150.0)
    assert usual(counts, 191) is None
    assert usual({}, 1) is None


def test_the_word_in_force_at_an_instant_counts_with_its_highest_revision() -> None:
    habits = Habits()
    hour, _ = week_hour(MONDAY, BERLIN)

    def word(week: int, revision: int, median: float, waits: int = 9) -> Control:
        return Control(
            control_id="w",
            in_force_at=MONDAY + week * WEEK * SECOND,
            written_at=MONDAY,
            usual_waiting=UsualWaiting(
                touchpoint="t",
                hour_of_week=hour.hour,
                revision=revision,
                median_seconds=median,
                deviation_seconds=1.0,
                waits=waits,
            ),
        )

    assert [habits.apply(one) is None for one in (word(2, 1, 9.0), word(1, 2, 5.0), word(1, 1, 7.0))] == [
        False,
        False,
        True,
    ]
    assert habits.apply(word(3, 1, 0.0, 0)) is not None

    def median(week: int) -> float | None:
        found = habits.usual(None, "t", MONDAY + week * WEEK * SECOND, BERLIN)
        return None if found is None else found.median_seconds

    assert [median(week) for week in range(5)] == [None, 5.0, 9.0, None, None]
    assert habits.usual("brand", "t", MONDAY + WEEK * SECOND, BERLIN) is None


def test_a_control_of_what_is_usual_is_checked() -> None:
    for bad in ({"hour_of_week": 168}, {"median_seconds": -1.0}, {"deviation_seconds": 0.0}, {"waits": -1}):
        said = {
            "touchpoint": "t",
            "hour_of_week": 1,
            "revision": 1,
            "median_seconds": 1.0,
            "deviation_seconds": 1.0,
            "waits": 1,
        }
        control = Control(
            control_id="w", in_force_at=MONDAY, written_at=MONDAY, usual_waiting=UsualWaiting(**{**said, **bad})
        )  # type: ignore[arg-type]
        with pytest.raises(InvalidEvent):
            check_control(control, b"w")


def test_any_order_of_arrival_ends_in_the_same_signals(learning: CompiledPack) -> None:
    late = [
        visit(name, WEEK + number, wait, **FAILED)
        for number, (name, wait) in enumerate([("anna", 400.0), ("bo", 90.0)])
    ]
    events = [*visits(0, USUAL), *late, *(visit(name, WEEK + 60, 1.0, **FAILED) for name in ("anna", "bo"))]
    limits = Limits(2 * WEEK * SECOND, 500)

    def ends(arrivals: list[Touchpoint]) -> set[tuple[str, str]]:
        one = decider(learning, arrivals, limits)
        one.advance(MONDAY + 5 * WEEK * SECOND)
        last = {r.episode_id: r for r in one.decided if not isinstance(r, Action | Experience)}
        return {(r.subject_id, row.signal) for r in last.values() if not r.retracted for row in r.evidence}

    wanted = ends(events)
    for seed in range(4):
        shuffled = list(events)
        random.Random(seed).shuffle(shuffled)
        assert ends([*shuffled, shuffled[0]]) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{time_zone: Mars/Olympus}", "no time zone"),
        ("{least: 0}", "1 or more"),
        ("{weeks: 99}", "outside 1 to 26"),
        ("{sample: 0}", "no share above 0"),
        ("{peaks: [easter]}", "is no peak"),
        ("{peaks: [2026-03-09/2026-03-01]}", "ends before it begins"),
    ],
)
def test_what_a_pack_may_not_say(text: str, said: str) -> None:
    with pytest.raises(PackErrors, match=said):
        child_pack(f"usual_waiting: {text}")


def test_what_peaks_and_festivals_come_from_is_loaded_with_the_packs_and_not_by_an_event() -> None:
    lunar_new_year.cache_clear()
    prepare(["618", "05-20"])
    assert lunar_new_year.cache_info().currsize == 0  # nobody needs it
    jobs(Settings())
    assert lunar_new_year.cache_info().currsize == 1
