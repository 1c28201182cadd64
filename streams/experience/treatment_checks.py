"""What can be wrong with how a pack limits and treats: caps across rules, channels, calendars."""

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Final

from schemas.validate import known_time_zone
from streams.experience.fairness import stated_amounts
from streams.experience.festivals import check_festival
from streams.experience.naming import Problem, missing, tiers
from streams.experience.pack import Calendar, ContactCap, PackFile, Statute
from streams.experience.spent import SPENT_MAX

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK: Final = r"(?:[01]\d|2[0-3]):[0-5]\d"
_SPAN: Final = re.compile(rf"{_CLOCK}-(?:{_CLOCK}|24:00)")


def check_treatment(pack: PackFile) -> Iterator[Problem]:
    """Every problem."""
    for name, cap in pack.caps.items():
        yield from _cap(("caps", name), cap, pack)
    if pack.treatment.calendar is not None:
        yield from missing(("treatment", "calendar"), "calendar", pack.treatment.calendar, pack.calendars)
    for field in ("remind_before_seconds", "waits_at_most_seconds", "recurs_within_seconds"):
        value = getattr(pack.treatment, field)
        if value is not None and value <= 0:
            yield ("treatment", field), "must be positive"
    if pack.compensation is not None:
        given = pack.compensation
        yield from tiers(("compensation", "ceiling"), given.ceiling)
        if given.per_seconds <= 0:
            yield ("compensation", "per_seconds"), "must be positive"
        if not 0 <= given.least <= min(given.ceiling.values(), default=0):
            yield (
                ("compensation", "least"),
                "must lie between 0 and the lowest ceiling: everybody can be given something",
            )
        for name, rule in pack.actions.items():
            for tier, amount in stated_amounts(rule.amount):
                if 0 < amount < given.least:
                    yield (
                        ("actions", name, "amount", *([tier] if tier else [])),
                        f"{amount:g} is never offered: less than the least that is ({given.least:g}, compensation)",
                    )
    for name, watch in (*pack.promises.items(), *pack.silences.items()):
        section = "promises" if name in pack.promises else "silences"
        if isinstance(watch.owes, dict):
            yield from tiers((section, name, "owes"), watch.owes)
        elif watch.owes is not None and watch.owes < 0:
            yield (section, name, "owes"), "cannot be negative"
        if watch.owes is not None and section == "silences":
            yield (section, name, "owes"), "a silence is the customer's: nobody owes anything for it"
    causes = {signal.cause or name for name, signal in pack.signals.items()}
    incidents = {signal.incident for signal in pack.signals.values() if signal.incident is not None}
    for name in pack.causes:
        yield from missing(("causes", name), "cause", name, incidents | causes)
    for name, solution in pack.solutions.items():
        if pack.default_locale not in solution.text:
            yield ("solutions", name, "text"), f"no text in the default locale {pack.default_locale!r}"
        yield from _all(("solutions", name, "causes"), "cause", solution.causes, causes)
        yield from _all(("solutions", name, "touchpoints"), "touchpoint", solution.touchpoints, pack.touchpoints)
    for name, statute in pack.statutes.items():
        yield from _statute(("statutes", name), statute, pack)
    for name, signal in pack.signals.items():
        if signal.statute is not None:
            path = ("signals", name, "statute")
            yield from missing(path, "statute", signal.statute, pack.statutes)
            if signal.mood != "unhappy" or signal.on != "feedback":
                yield path, "a complaint is unhappy, and said: on: feedback"
            if not signal.never_hold_out:
                yield path, "who has complained to a regulator is never held out; write never_hold_out: true"
    for name, calendar in pack.calendars.items():
        yield from _calendar(("calendars", name), calendar)
    for name, audience in pack.audiences.items():
        if audience.climbs and audience.role is None:
            yield ("audiences", name, "climbs"), "goes from holder to holder of a role; say which: role: manager"
    for name, day in pack.festivals.items():
        if (wrong := check_festival(day)) is not None:
            yield ("festivals", name), wrong
    for name, rule in pack.actions.items():
        if rule.peak is not None and not rule.never_with_open_episode:
            yield ("actions", name, "peak"), "nobody is surprised while unhappy; write never_with_open_episode: true"
        path = ("actions", name, "channels")
        if rule.channels and rule.channel is not None:
            yield path, "say either channel or channels"
        if len(set(rule.channels)) < len(rule.channels):
            yield path, "the same channel twice"


def _cap(path: tuple[str, ...], cap: ContactCap, pack: PackFile) -> Iterator[Problem]:
    if not 1 <= cap.most <= SPENT_MAX:
        yield (
            (*path, "most"),
            f"{cap.most} is outside 1 to {SPENT_MAX}, as many as are remembered of a customer",
        )
    if cap.per_seconds <= 0:
        yield (*path, "per_seconds"), "must be positive"
    kinds = {rule.kind for rule in pack.actions.values()}
    yield from _all((*path, "kinds"), "kind of action", cap.kinds, kinds)
    yield from _all((*path, "audiences"), "audience", cap.audiences, pack.audiences)
    for name, values in cap.customers.items():
        if not values:
            yield (*path, "customers", name), "no value: the cap would hold for nobody"


def _calendar(path: tuple[str, ...], calendar: Calendar) -> Iterator[Problem]:
    for weekday, spans in calendar.hours.items():
        yield from _spans((*path, "hours", weekday), spans)
    if not any(calendar.hours.values()):
        yield (*path, "hours"), "nobody ever works; leave the calendar out, or say when"
    yield from _spans((*path, "on_holidays"), calendar.on_holidays)
    for day, spans in calendar.dates.items():
        if not _DATE.fullmatch(day) or not _is_date(day):
            yield (*path, "dates", day), f'{day!r} is no day; write "2026-05-01" in quotes'
        yield from _spans((*path, "dates", day), spans)
    if not known_time_zone(calendar.time_zone):
        yield (*path, "time_zone"), f"no time zone {calendar.time_zone!r}; write an IANA name, e.g. Asia/Shanghai"
    if calendar.holidays is not None and not calendar.years:
        yield (*path, "years"), "which years does it cover? write years: [2026]"
    if calendar.years and calendar.holidays is None:
        yield (*path, "years"), "belongs to holidays: COUNTRY"
    for index, year in enumerate(calendar.years):
        if not 1970 <= year <= 2100:
            yield (*path, "years", index), f"{year} is no year"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _spans(path: tuple[str | int, ...], spans: list[str]) -> Iterator[Problem]:
    if not all(_SPAN.fullmatch(span) for span in spans):
        yield path, 'write spans as ["09:00-12:30", "14:00-18:00"], 24:00 is the end of the day'
        return
    last = ""
    for span in sorted(spans):
        begin, end = span.split("-")
        if not last <= begin < end:
            yield path, f"{span} does not come after what is before it"
        last = end


def _statute(path: tuple[str, ...], statute: Statute, pack: PackFile) -> Iterator[Problem]:
    if not statute.clocks:
        yield (*path, "clocks"), "no clock: nothing would begin"
    for name, clock in statute.clocks.items():
        at = (*path, "clocks", name)
        if clock.within_seconds <= 0:
            yield (*at, "within_seconds"), "must be positive"
        if clock.remind_before_seconds is not None and not 0 < clock.remind_before_seconds < clock.within_seconds:
            yield (*at, "remind_before_seconds"), "must be positive and shorter than within_seconds"
        if clock.calendar is not None:
            yield from missing((*at, "calendar"), "calendar", clock.calendar, pack.calendars)


def _all(path: tuple[str, ...], what: str, names: Iterable[str], known: Collection[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        yield from missing((*path, index), what, name, known)
