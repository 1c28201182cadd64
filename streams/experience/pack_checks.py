"""What a well-formed pack can still have wrong: missing references, values out of range, texts with unknown parameters."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import msgspec

from schemas.validate import known_time_zone
from streams.experience.limit_checks import check_limits
from streams.experience.many_checks import check_many
from streams.experience.naming import Problem, missing, tiers
from streams.experience.pack import ActionRule, PackFile, Signal, Watch
from streams.experience.pack_holdout import holdout_problems
from streams.experience.pack_value_checks import check_values
from streams.experience.treatment_checks import check_treatment

PARAMETERS: Final = frozenset(
    {
        "name",
        "touchpoint",
        "journey",
        "matter",
        "cause",
        "score",
        "subject",
        "tier",
        "unit",
        "amount",
        "amount_reason",
        "clock",
        "solution",
        "deadline",
        "currency",
        "missed",
        "recurrences",
        "subjects",
        "windows",
        "contacts",
        "bad",
        "usual",
        "share",
        "peers",
        "staff",
        "dimension",
    }
)
DETAILS: Final = frozenset(
    {
        "waiting_seconds",
        "promised_seconds",
        "late_seconds",
        "failures",
        "contacts",
        "channels",
        "score",
        "level",
        "touchpoint",
        "sentiment",
        "aspect",
        "moved_seconds",
        "usual_seconds",
        "staff",
        "asked_again",
        "price_rise",
        "delivered_value",
        "slope",
        "worst",
        "peak_end",
        "answers",
    }
)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_PARAMETER = re.compile(r"\{([^{}]*)\}")


SECONDS_MAX: Final = 100 * 365 * 86_400.0
NUMBER_MAX: Final = 1e12


def check(pack: PackFile) -> Iterator[Problem]:
    """Every problem."""
    yield from _numbers(pack, ())
    yield from _names(pack)
    yield from _touchpoints(pack)
    for name, signal in pack.signals.items():
        yield from _signal(name, signal, pack)
    yield from _watches(pack)
    yield from _treatment(pack)
    for name, rule in pack.actions.items():
        yield from _action(name, rule, pack)
    yield from _texts(pack)
    yield from _rest(pack)
    yield from _calibration(pack)
    yield from check_limits(pack)
    yield from check_many(pack)
    yield from check_treatment(pack)
    yield from check_values(pack)
    yield from holdout_problems(pack)


def _numbers(part: Any, path: tuple[str | int, ...]) -> Iterator[Problem]:
    """Numbers that no clock, amount or state can hold: .inf, .nan, a time beyond a hundred years."""
    if isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _numbers(getattr(part, name), (*path, name))
    elif isinstance(part, dict):
        for name, value in part.items():
            yield from _numbers(value, (*path, name))
    elif isinstance(part, float | int) and not isinstance(part, bool):
        most = SECONDS_MAX if any(str(step).endswith("_seconds") for step in path) else NUMBER_MAX
        if not -most <= part <= most:  # NaN fails here, too
            yield path, f"{part} is no number that can be used; at most {most:g}"


def _names(pack: PackFile) -> Iterator[Problem]:
    for section in (
        "journeys",
        "touchpoints",
        "signals",
        "promises",
        "silences",
        "measures",
        "audiences",
        "actions",
        "texts",
        "caps",
        "limits",
        "outcomes",
        "calendars",
        "statutes",
        "solutions",
        "festivals",
    ):
        for name in getattr(pack, section):
            if not _NAME.fullmatch(name):
                yield (section, name), f"{name!r} is no name; write lower-case letters, digits and _ (at most 64)"
    if not _NAME.fullmatch(pack.pack):
        yield ("pack",), f"{pack.pack!r} is no name; write lower-case letters, digits and _"
    for name in set(pack.promises) & set(pack.silences):
        yield ("silences", name), f"{name!r} is also a promise; names of watches are shared"


def _touchpoints(pack: PackFile) -> Iterator[Problem]:
    for name, entry in pack.touchpoints.items():
        path = ("touchpoints", name)
        yield from missing((*path, "journey"), "journey", entry.journey, pack.journeys)
        if entry.dimension is not None:
            yield from missing((*path, "dimension"), "dimension", entry.dimension, pack.dimensions)
        if entry.owner is not None:
            yield from missing((*path, "owner"), "audience", entry.owner, pack.audiences)
        for field in ("expectation", "importance", "ideal"):
            value = getattr(entry, field)
            if isinstance(value, float | int) and not 0 <= value <= 10:
                yield (*path, field), f"{field} {value} is outside 0 to 10"
        if entry.waiting_promised_seconds is not None and entry.waiting_promised_seconds < 0:
            yield (*path, "waiting_promised_seconds"), "cannot be negative"


def _signal(name: str, signal: Signal, pack: PackFile) -> Iterator[Problem]:
    path = ("signals", name)
    if isinstance(signal.weight, float | int) and not 0 <= signal.weight <= 1:
        yield (*path, "weight"), f"weight {signal.weight} is outside 0 to 1"
    if not 0 <= signal.relief <= 1:
        yield (*path, "relief"), f"relief {signal.relief} is outside 0 to 1"
    if signal.half_life_seconds <= 0:
        yield (*path, "half_life_seconds"), "must be positive"
    if signal.mood != "happy" and (signal.relief or signal.verifies):
        yield path, "relief and verifies belong to happy signals; set mood: happy"
    if signal.mood == "unhappy" and signal.weight == 0.0:
        yield path, "an unhappy signal needs a weight above 0"
    if signal.mood == "happy" and signal.weight:
        yield (*path, "weight"), "a happy signal has no weight; it has relief"
    if signal.mood == "notice" and signal.weight:
        yield (*path, "weight"), "a notice is no evidence and has no weight"
    if signal.on == "watch" and not any(
        name in (watch.signal, watch.at_risk_signal) for watch in (*pack.promises.values(), *pack.silences.values())
    ):
        yield path, "on: watch, but no promise or silence gives it"
    yield from _parameters((*path, "detail"), signal.detail, DETAILS)


def _watches(pack: PackFile) -> Iterator[Problem]:
    for section in ("promises", "silences"):
        for name, watch in getattr(pack, section).items():
            path = (section, name)
            yield from missing((*path, "signal"), "signal", watch.signal, pack.signals)
            if watch.signal in pack.signals and pack.signals[watch.signal].on != "watch":
                yield (
                    (*path, "signal"),
                    f"signal {watch.signal!r} is on: {pack.signals[watch.signal].on}; a watch gives signals on: watch",
                )
            yield from _at_risk(section, name, watch, pack)
            if (watch.within_seconds is None) == (watch.by is None):
                yield path, "say either within_seconds or by: promised_at"
            if watch.within_seconds is not None and watch.within_seconds <= 0:
                yield (*path, "within_seconds"), "must be positive"
            if watch.grace_seconds < 0:
                yield (*path, "grace_seconds"), "cannot be negative"
            if watch.grace_seconds and watch.by is None:
                yield (*path, "grace_seconds"), "belongs to by: promised_at; with within_seconds, say a longer time"
            if watch.touchpoint is not None:
                yield from missing((*path, "touchpoint"), "touchpoint", watch.touchpoint, pack.touchpoints)
            if watch.touchpoint is not None and watch.same == "touchpoint":
                yield (
                    (*path, "same"),
                    "same: touchpoint means where it was opened; leave touchpoint out, or share the matter",
                )


def _at_risk(section: str, name: str, watch: Watch, pack: PackFile) -> Iterator[Problem]:
    path = (section, name, "at_risk_seconds")
    if (watch.at_risk_seconds is None) != (watch.at_risk_signal is None):
        yield (section, name), "at_risk_seconds and at_risk_signal belong together"
    if watch.at_risk_signal is not None:
        yield from missing((section, name, "at_risk_signal"), "signal", watch.at_risk_signal, pack.signals)
        if watch.at_risk_signal in pack.signals and pack.signals[watch.at_risk_signal].on != "watch":
            yield (section, name, "at_risk_signal"), f"signal {watch.at_risk_signal!r} must be on: watch"
    if watch.at_risk_seconds is not None:
        if section == "silences":
            yield path, "only promises are at risk; a silence has nothing to keep"
        if watch.at_risk_seconds <= 0:
            yield path, "must be positive"
        if watch.within_seconds is not None and watch.at_risk_seconds >= watch.within_seconds:
            yield path, "must be shorter than within_seconds, or the promise is at risk from the start"


def _treatment(pack: PackFile) -> Iterator[Problem]:
    treatment = pack.treatment
    if not 0 < treatment.opens_at <= 1:
        yield ("treatment", "opens_at"), f"opens_at {treatment.opens_at} is outside 0 to 1"
    if not 0 <= treatment.closes_below < treatment.opens_at:
        yield ("treatment", "closes_below"), "closes_below must be below opens_at"
    if treatment.worsens_by <= 0:
        yield ("treatment", "worsens_by"), "must be positive"
    for step in ("listen", "respond", "compensate", "improve"):
        times = treatment.step_within_seconds.get(step)
        if times is None:
            yield ("treatment", "step_within_seconds"), f"no time for the step {step}"
        else:
            yield from tiers(("treatment", "step_within_seconds", step), times)
    for field in ("verified_within_seconds", "reopens_within_seconds", "fades_after_seconds"):
        if getattr(treatment, field) <= 0:
            yield ("treatment", field), "must be positive"


def _action(name: str, rule: ActionRule, pack: PackFile) -> Iterator[Problem]:
    path = ("actions", name)
    yield from missing((*path, "audience"), "audience", rule.audience, pack.audiences)
    yield from missing((*path, "text"), "text", rule.text, pack.texts)
    if rule.text_in_incident is not None:
        yield from missing((*path, "text_in_incident"), "text", rule.text_in_incident, pack.texts)
    if rule.on == "signal":
        if rule.signal is None:
            yield path, "on: signal needs signal: NAME"
        else:
            yield from missing((*path, "signal"), "signal", rule.signal, pack.signals)
    elif rule.signal is not None:
        yield (*path, "signal"), f"signal belongs to on: signal, this rule is on: {rule.on}"
    for field in ("amount", "due_in_seconds", "priority"):
        value = getattr(rule, field)
        if isinstance(value, dict):
            yield from tiers((*path, field), value)
        elif field != "priority" and isinstance(value, float | int) and value < 0:
            yield (*path, field), "cannot be negative"
    if rule.settling_seconds < 0:
        yield (*path, "settling_seconds"), "cannot be negative"
    if rule.cap is not None and (rule.cap.most < 1 or rule.cap.per_seconds <= 0):
        yield (*path, "cap"), "most and per_seconds must be positive"
    reaches_customer = rule.audience in pack.audiences and pack.audiences[rule.audience].reaches == "customer"
    if reaches_customer and rule.emit == "now":
        yield (
            (*path, "emit"),
            f"audience {rule.audience!r} reaches the customer, and a message cannot be called back; write emit: settled",
        )


def _texts(pack: PackFile) -> Iterator[Problem]:
    for name, texts in pack.texts.items():
        if pack.default_locale not in texts:
            yield ("texts", name), f"no text in the default locale {pack.default_locale!r}"
        for locale, text in texts.items():
            yield from _parameters(("texts", name, locale), text, PARAMETERS)


def _rest(pack: PackFile) -> Iterator[Problem]:
    if not re.fullmatch(r"[A-Z]{3}", pack.currency):
        yield ("currency",), f"{pack.currency!r} is no ISO 4217 code"
    if pack.quiet_hours is not None:
        for field in ("begin", "end"):
            if not _TIME.fullmatch(getattr(pack.quiet_hours, field)):
                yield ("quiet_hours", field), "write HH:MM in quotes"
        if not known_time_zone(pack.quiet_hours.time_zone):
            yield (
                ("quiet_hours", "time_zone"),
                f"no time zone {pack.quiet_hours.time_zone!r}; write an IANA name, e.g. Europe/Berlin",
            )
    if pack.incidents is not None:
        yield from missing(("incidents", "audience"), "audience", pack.incidents.audience, pack.audiences)
        yield from missing(("incidents", "text"), "text", pack.incidents.text, pack.texts)
        if pack.incidents.ends_after_seconds < pack.incidents.within_seconds:
            yield ("incidents", "ends_after_seconds"), "must not be shorter than within_seconds"
        if pack.incidents.times_usual is not None and pack.incidents.times_usual <= 1:
            yield ("incidents", "times_usual"), "must be more than 1: what is usual is no incident"
        if pack.incidents.subjects < 2 or pack.incidents.within_seconds <= 0 or pack.incidents.ends_after_seconds <= 0:
            yield ("incidents",), "subjects must be 2 or more, within_seconds and ends_after_seconds positive"


def _calibration(pack: PackFile) -> Iterator[Problem]:
    if pack.calibration is not None:
        yield from _curve(("calibration", "inferred"), pack.calibration.inferred)
        if pack.calibration.earlier is not None:
            yield from _curve(("calibration", "earlier"), pack.calibration.earlier)


def _curve(path: tuple[str, str], points: list[tuple[float, float]]) -> Iterator[Problem]:
    if len(points) < 2:
        yield path, "a curve has two points at least: [[0.1, 0.05], [0.9, 0.8]]"
    for index, point in enumerate(points):
        if not all(0 <= value <= 1 for value in point):
            yield (*path, index), f"{list(point)} is outside 0 to 1"
    for index, (one, other) in enumerate(pairwise(points), 1):
        if not (one[0] < other[0] and one[1] <= other[1]):
            yield (*path, index), f"{list(other)} does not ascend from {list(one)}"


def _parameters(path: tuple[str | int, ...], text: str, known: frozenset[str]) -> Iterator[Problem]:
    for name in _PARAMETER.findall(text):
        yield from missing(path, "parameter", name, known)
