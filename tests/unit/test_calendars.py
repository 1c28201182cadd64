"""Working time: split shifts, days off, weekend days on which China works, clock changes, years that nobody knows."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.controls import Opening, Unit
from schemas.json_form import instant
from streams.errors import Unavailable
from streams.experience.calendars import WorkingTime
from streams.experience.days_off import NotCovered, days_of
from streams.experience.pack import Calendar
from streams.experience.pack_compile import PackErrors
from tests.builders import SECOND, child_pack

HOUR = 3600
WEEK = {day: ["09:00-12:00", "13:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
SHOP = Calendar(hours=WEEK | {"sat": ["10:00-14:00"]}, time_zone="Asia/Shanghai", holidays="CN", years=[2025, 2026])


def at(text: str, zone: str = "+08:00") -> int:
    return instant(f"{text}:00{zone}")


def later(begin: str, hours: float, calendar: Calendar = SHOP, unit: Unit | None = None) -> int:
    return WorkingTime("shop", calendar).later(at(begin), hours * HOUR, unit)


@pytest.mark.parametrize(
    ("begin", "hours", "due"),
    [
        ("2026-03-02T09:00", 1, "2026-03-02T10:00"),
        ("2026-03-02T11:00", 2, "2026-03-02T14:00"),  # over lunch
        ("2026-03-02T12:30", 1, "2026-03-02T14:00"),  # begun at lunch
        ("2026-03-02T11:00", 1, "2026-03-02T12:00"),  # to the very end of a shift
        ("2026-03-02T17:00", 2, "2026-03-03T10:00"),  # over night
        ("2026-03-06T17:00", 2, "2026-03-07T11:00"),  # Saturday's own hours
        ("2026-03-07T13:00", 2, "2026-03-09T10:00"),  # over Sunday
        ("2026-02-13T17:00", 2, "2026-02-14T11:00"),  # 调休: a Saturday that is worked has its own hours, if it has any
        ("2026-02-27T17:00", 2, "2026-02-28T11:00"),
        ("2026-02-14T13:00", 2, "2026-02-24T10:00"),  # over Spring Festival, 15 to 23 February
        ("2026-09-20T08:00", 1, "2026-09-20T10:00"),  # 调休: a Sunday that is worked has Monday's hours
        ("2026-09-30T17:30", 1, "2026-10-08T09:30"),  # over the National Day week
        ("2025-12-31T17:00", 2, "2026-01-04T10:00"),  # New Year; 4 January is a Sunday that is worked
    ],
)
def test_working_time_goes_on_where_people_work(begin: str, hours: float, due: str) -> None:
    assert later(begin, hours) == at(due)


def test_hours_of_a_day_off_and_of_a_single_day() -> None:
    shop = Calendar(
        hours=WEEK,
        time_zone="Asia/Shanghai",
        holidays="CN",
        years=[2026],
        on_holidays=["10:00-11:00"],
        dates={"2026-10-02": [], "2026-10-04": ["00:00-24:00"]},
    )
    assert later("2026-10-01T00:00", 1, shop) == at("2026-10-01T11:00")
    assert later("2026-10-01T11:00", 1, shop) == at("2026-10-03T11:00")
    assert later("2026-10-03T11:00", 24, shop) == at("2026-10-05T00:00")


def test_a_unit_has_its_own_hours_and_zone() -> None:
    opens = [Opening(weekday=1, opens="22:00", closes="24:00"), Opening(weekday=2, opens="00:00", closes="02:00")]
    night = Unit(unit_id="u", opening_hours=opens, time_zone="Europe/Berlin")
    assert later("2026-03-02T12:00", 3, unit=night) == instant("2026-03-03T01:00:00+01:00")
    assert later("2026-03-02T11:00", 2, unit=Unit(unit_id="u")) == at("2026-03-02T14:00")  # says nothing
    over = [Opening(weekday=1, opens="09:00", closes="12:00"), Opening(weekday=1, opens="11:00", closes="13:00")]
    assert later("2026-03-02T09:00", 3.5, unit=Unit(unit_id="u", opening_hours=over, time_zone="Asia/Shanghai")) == at(
        "2026-03-02T12:30"
    )


def test_a_night_in_which_the_clock_changes() -> None:
    always = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    berlin = WorkingTime("b", Calendar(hours=always, time_zone="Europe/Berlin"))
    spring = instant("2026-03-28T12:00:00Z")
    assert berlin.later(spring, 24 * HOUR) == spring + 24 * HOUR * SECOND
    day_shift = WorkingTime(
        "d",
        Calendar(hours={"sat": ["08:00-10:00"], "sun": ["08:00-10:00"]}, time_zone="Europe/Berlin"),
    )
    assert day_shift.later(instant("2026-03-28T08:00:00Z"), 2 * HOUR) == instant("2026-03-29T07:00:00Z")


def test_a_year_that_the_calendar_does_not_cover_is_a_loud_error() -> None:
    with pytest.raises(Unavailable, match="calendar shop does not cover 2027: add the year"):
        later("2026-12-31T17:30", 2)
    assert later("2026-12-31T17:30", 0.5) == at("2026-12-31T18:00")
    with pytest.raises(NotCovered, match="chinesecalendar does not know 2099"):
        days_of("CN", [2099])
    with pytest.raises(NotCovered, match="no country 'XX'"):
        days_of("XX", [2026])


def test_days_listed_by_hand_extend_what_a_package_knows() -> None:
    by_hand = Calendar(hours=WEEK, time_zone="Asia/Shanghai", holidays="CN", years=[2026], dates={"2027-01-01": []})
    with pytest.raises(Unavailable, match="does not cover 2027"):
        later("2026-12-31T17:30", 1, by_hand)  # 2 January is not listed
    by_hand.dates["2027-01-02"] = ["10:00-12:00"]
    assert later("2026-12-31T17:30", 1, by_hand) == at("2027-01-02T10:30")


def test_nobody_ever_works() -> None:
    empty = Calendar(hours={"mon": []}, time_zone="UTC")
    with pytest.raises(Unavailable, match="nobody works for 1100 days"):
        WorkingTime("empty", empty).later(0, 1)


def test_what_is_a_day_off() -> None:
    china = days_of("CN", [2026])
    assert date(2026, 2, 17) in china.off
    assert date(2026, 2, 14) in china.worked
    assert date(2026, 3, 7) not in china.off
    assert date(2026, 6, 4) in days_of("DE-BY", [2026]).off  # Corpus Christi: in Bavaria, not in Berlin
    assert date(2026, 6, 4) not in days_of("DE", [2026]).off


def test_what_is_known_of_the_years_is_part_of_the_version() -> None:
    def version(years: str) -> str:
        return child_pack(
            f'calendars: {{c: {{holidays: CN, years: {years}, time_zone: UTC, hours: {{mon: ["09:00-10:00"]}}}}}}'
        ).version

    assert version("[2026]") != version("[2025]")
    assert days_of("CN", [2026]).digest() != days_of("CN", [2025]).digest()


MINUTES = st.integers(0, 60 * 24 * 300)


@settings(max_examples=150, deadline=None)
@given(begin=MINUTES, some=st.integers(1, 5000), more=st.integers(1, 5000))
def test_time_adds_up_and_between_undoes_later(begin: int, some: int, more: int) -> None:
    start = at("2026-01-05T00:00") + begin * 60 * SECOND
    shop = WorkingTime("shop", SHOP)
    middle = shop.later(start, some * 60)
    assert shop.between(start, middle) == some * 60
    assert shop.later(middle, more * 60) == shop.later(start, (some + more) * 60)
    assert middle > start


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('hours: {mon: ["9:00-10:00"]}', "write spans as"),
        ('hours: {mon: ["10:00-09:00"]}', "10:00-09:00 does not come after"),
        ('hours: {mon: ["09:00-12:00", "11:00-14:00"]}', "11:00-14:00 does not come after"),
        ("hours: {mon: []}", "nobody ever works"),
        ('hours: {mon: ["09:00-12:00"]}, dates: {"2026-02-30": []}', "'2026-02-30' is no day"),
        ('hours: {mon: ["09:00-12:00"]}, holidays: CN', "which years does it cover"),
        ('hours: {mon: ["09:00-12:00"]}, years: [2026]', "belongs to holidays"),
        ('hours: {mon: ["09:00-12:00"]}, holidays: CN, years: [2077]', "chinesecalendar does not know 2077"),
        ('hours: {mon: ["09:00-12:00"]}, holidays: ZZ, years: [2026]', "no country 'ZZ'"),
    ],
)
def test_what_cannot_be_is_refused(text: str, what: str) -> None:
    with pytest.raises(PackErrors, match=what):
        child_pack(f"calendars: {{c: {{time_zone: UTC, {text}}}}}")


def test_names_and_zones_that_are_none() -> None:
    with pytest.raises(PackErrors, match="no time zone 'Mars'"):
        child_pack('calendars: {c: {time_zone: Mars, hours: {mon: ["09:00-10:00"]}}}')
    with pytest.raises(PackErrors, match="no calendar 'shop'"):
        child_pack("treatment: {calendar: shop}")
