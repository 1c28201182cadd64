"""What can be wrong in the parts of a pack that say how experience and value are measured."""

from collections.abc import Iterator
from itertools import pairwise

from streams.experience.naming import Problem, missing
from streams.experience.pack import PackFile
from streams.experience.pack_values import DeliveredValue, Fairness, Measure, RelationValue


def check_values(pack: PackFile) -> Iterator[Problem]:
    """Every problem."""
    for name, measure in pack.measures.items():
        yield from _measure(("measures", name), measure, pack)
    if pack.delivered_value is not None:
        yield from _delivered(pack.delivered_value, pack)
    if pack.relation_value is not None:
        yield from _relation(pack.relation_value, pack)
    if pack.fairness is not None:
        yield from _fairness(pack.fairness)
    for name, entry in pack.touchpoints.items():
        if entry.promise is not None and not 0 <= entry.promise <= 10:
            yield ("touchpoints", name, "promise"), f"promise {entry.promise} is outside 0 to 10"


def _measure(path: tuple[str | int, ...], measure: Measure, pack: PackFile) -> Iterator[Problem]:
    yield from missing((*path, "touchpoint"), "touchpoint", measure.touchpoint, pack.touchpoints)
    if measure.dimension is not None:
        yield from missing((*path, "dimension"), "dimension", measure.dimension, pack.dimensions)
    if measure.of == "response_seconds" and measure.since is None:
        yield path, "response_seconds needs since: TOUCHPOINT, where the time begins"
    elif measure.since is not None and measure.of != "response_seconds":
        yield (*path, "since"), f"since belongs to of: response_seconds, this measure is of: {measure.of}"
    elif measure.since is not None:
        yield from missing((*path, "since"), "touchpoint", measure.since, pack.touchpoints)
        if measure.since == measure.touchpoint:
            yield (*path, "since"), "the time begins and ends at one touchpoint; name the one where it begins"
    if len(measure.levels) < 2:
        yield (*path, "levels"), "two points at least: [[0, 10], [600, 0]]"
    for index, (value, level) in enumerate(measure.levels):
        if not 0 <= level <= 10:
            yield (*path, "levels", index), f"level {level:g} is outside 0 to 10"
        if measure.of in ("failures", "completion") and not 0 <= value <= 1:
            yield (*path, "levels", index), f"{value:g} is no share of contacts, 0 to 1"
    for index, (one, other) in enumerate(pairwise(measure.levels), 1):
        if one[0] >= other[0]:
            yield (*path, "levels", index), f"{list(other)} does not ascend from {list(one)}"


def _each(path: tuple[str | int, ...], values: dict[str, float], pack: PackFile) -> Iterator[Problem]:
    """Money by touchpoint."""
    for name, value in values.items():
        yield from missing((*path, name), "touchpoint", name, pack.touchpoints)
        if value < 0:
            yield (*path, name), "cannot be negative"


def _delivered(spec: DeliveredValue, pack: PackFile) -> Iterator[Problem]:
    for field in ("service_each", "personnel_each", "effort_each"):
        yield from _each(("delivered_value", field), getattr(spec, field), pack)
    for field in ("worth_per_paid", "image", "time_per_hour", "worry_per_failure", "worry_per_late_hour"):
        if getattr(spec, field) < 0:
            yield ("delivered_value", field), "cannot be negative"


def _relation(spec: RelationValue, pack: PackFile) -> Iterator[Problem]:
    path = ("relation_value",)
    for index, name in enumerate(spec.revenue_at):
        yield from missing((*path, "revenue_at", index), "touchpoint", name, pack.touchpoints)
    if spec.referral_at is not None:
        yield from missing((*path, "referral_at"), "touchpoint", spec.referral_at, pack.touchpoints)
    yield from _each((*path, "cost_each"), spec.cost_each, pack)
    for field, least, most in (
        ("margin", 0.0, 1.0),
        ("life_years", 0.0, 100.0),
        ("discount_per_year", 0.0, 1.0),
        ("referral_each", 0.0, 1e12),
        ("potential_in_years", 0.0, 100.0),
        ("hysteresis", 0.0, 1.0),
    ):
        if not least <= getattr(spec, field) <= most:
            yield (*path, field), f"{getattr(spec, field):g} is outside {least:g} to {most:g}"
    if len(set(spec.tiers.values())) < len(spec.tiers):
        yield (*path, "tiers"), "two tiers begin at the same value: which one is better?"
    if "other" in spec.tiers:
        yield (*path, "tiers", "other"), "`other` is who is in none of the tiers"


def _fairness(spec: Fairness) -> Iterator[Problem]:
    for step, seconds in spec.step_within_seconds.items():
        if seconds <= 0:
            yield ("fairness", "step_within_seconds", step), "must be positive"
    if spec.amount_at_least < 0:
        yield ("fairness", "amount_at_least"), "cannot be negative"
