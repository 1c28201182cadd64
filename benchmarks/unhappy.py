"""Alarms against the truth: who was really unhappy when, who was told of, and how long before the complaint or the parting.

Pure. Instants are µs. A *spell* is a stretch of real unhappiness (docs/simulator.md), an *alarm* what a detector says of a customer.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, Final, NamedTuple

from schemas.json_form import instant

HOUR: Final = 3_600_000_000
EARLY: Final = HOUR // 2  # an alarm so long before a spell begins has seen it coming
SAME: Final = 4 * HOUR  # alarms about one customer that follow within this time are one


class Spell(NamedTuple):
    """`until`: of one that outlasts the run, the end of the run. `complained_at`: the first complaint in it. `cause`: the strongest."""

    customer: str
    since: int
    until: int
    silent: bool
    complained_at: int | None
    churned_at: int | None
    cause: str = ""


class Alarm(NamedTuple):
    """`kind` says what it rests on: said, inferred, a signal, …"""

    customer: str
    at: int
    kind: str


class Found(NamedTuple):
    """How good alarms were. Shares are None where there is nothing to take a share of; leads in seconds, medians.

    `complaints`, `churns`: share of those that an alarm came before.
    """

    alarms: int
    hits: int
    spells: int
    found: int
    silent: int
    silent_found: int
    complaints: int
    complaints_before: int
    complaint_lead_seconds: float | None
    churns: int
    churns_before: int
    churn_lead_seconds: float | None

    @property
    def precision(self) -> float | None:
        return self.hits / self.alarms if self.alarms else None

    @property
    def recall(self) -> float | None:
        return self.found / self.spells if self.spells else None

    @property
    def f1(self) -> float:
        return 2 * self.hits_share / (self.precision + self.recall) if self.precision and self.recall else 0.0

    @property
    def hits_share(self) -> float:
        return (self.precision or 0.0) * (self.recall or 0.0)


def spells(truth: Iterable[Mapping[str, Any]], end: int) -> list[Spell]:
    """The spells of a run that ended at `end`."""
    found = []
    for line in truth:
        if line["truth"] != "unhappy":
            continue
        complaints = [instant(said["at"]) for said in line["said"] if said["kind"] == "complaint"]
        churned_at = line["churned_at"]
        found.append(
            Spell(
                line["customer"],
                instant(line["since"]),
                end if line["until"] is None else instant(line["until"]),
                line["silent"],
                min(complaints, default=None),
                None if churned_at is None else instant(churned_at),
                max(line["causes"], key=lambda cause: cause["strength"])["cause"],
            )
        )
    return found


def merged(alarms: Iterable[Alarm]) -> list[Alarm]:
    """One alarm for those of a customer that follow each other within `SAME`, dated as the first of them."""
    kept: list[Alarm] = []
    last: dict[str, int] = {}
    for alarm in sorted(alarms, key=lambda one: one.at):
        before = last.get(alarm.customer)
        if before is None or alarm.at - before > SAME:
            kept.append(alarm)
        last[alarm.customer] = alarm.at
    return kept


def judge(spells: Sequence[Spell], alarms: Iterable[Alarm]) -> Found:
    """How good the alarms were."""
    alarms = list(alarms)
    by_customer: dict[str, list[Spell]] = defaultdict(list)
    for spell in spells:
        by_customer[spell.customer].append(spell)
    hits = sum(any(_within(spell, one.at) for spell in by_customer[one.customer]) for one in merged(alarms))
    times = _times(alarms)
    first = [_first(times[spell.customer], spell) for spell in spells]
    complaint = _leads(first, [spell.complained_at for spell in spells])
    churn = _leads(first, [spell.churned_at for spell in spells])
    return Found(
        alarms=len(merged(alarms)),
        hits=hits,
        spells=len(spells),
        found=sum(at is not None for at in first),
        silent=sum(spell.silent for spell in spells),
        silent_found=sum(spell.silent and at is not None for spell, at in zip(spells, first, strict=True)),
        complaints=sum(spell.complained_at is not None for spell in spells),
        complaints_before=len(complaint),
        complaint_lead_seconds=median(complaint) if complaint else None,
        churns=sum(spell.churned_at is not None for spell in spells),
        churns_before=len(churn),
        churn_lead_seconds=median(churn) if churn else None,
    )


def by_cause(spells: Sequence[Spell], alarms: Iterable[Alarm]) -> dict[str, tuple[int, int]]:
    """Strongest cause of a spell → spells, and how many of them an alarm hit."""
    times = _times(alarms)
    told: dict[str, tuple[int, int]] = {}
    for spell in spells:
        count, found = told.get(spell.cause, (0, 0))
        told[spell.cause] = count + 1, found + (_first(times[spell.customer], spell) is not None)
    return told


def _times(alarms: Iterable[Alarm]) -> dict[str, list[int]]:
    times: dict[str, list[int]] = defaultdict(list)
    for alarm in sorted(alarms, key=lambda one: one.at):
        times[alarm.customer].append(alarm.at)
    return times


def _within(spell: Spell, at: int) -> bool:
    return spell.since - EARLY <= at <= spell.until


def _first(times: Sequence[int], spell: Spell) -> int | None:
    """The first alarm in a spell."""
    index = bisect_right(times, spell.since - EARLY - 1)
    return times[index] if index < len(times) and times[index] <= spell.until else None


def _leads(first: Sequence[int | None], then: Sequence[int | None]) -> list[float]:
    """Seconds from the alarm to what it came before; only where it came before."""
    pairs = zip(first, then, strict=True)
    return [(at - alarm) / 1e6 for alarm, at in pairs if alarm is not None and at is not None and alarm < at]


def unhappy_share(spells: Sequence[Spell], moments: Iterable[tuple[str, int]]) -> float:
    """Share of moments (customer, instant) that fall into a spell: what blind alarms at these moments would hit."""
    by_customer: dict[str, list[Spell]] = defaultdict(list)
    for spell in spells:
        by_customer[spell.customer].append(spell)
    inside = [any(_within(spell, at) for spell in by_customer[customer]) for customer, at in moments]
    return sum(inside) / len(inside) if inside else 0.0
