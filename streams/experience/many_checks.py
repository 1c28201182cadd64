"""What can be wrong with what a pack says about many customers at once: bulk answers, usual waiting, insights."""

from collections.abc import Iterator
from typing import Final

from schemas.validate import known_time_zone
from streams.experience.habits import WEEKS_MAX
from streams.experience.naming import Problem, missing
from streams.experience.pack import PackFile
from streams.experience.seasons import check_peak

OVER_MAX: Final = 53  # windows that may count together
LEAST: Final = {"customers": 2, "windows": 2, "contacts": 10, "siblings": 2, "peers": 3}


def check_many(pack: PackFile) -> Iterator[Problem]:
    """Every problem."""
    yield from _usual_waiting(pack)
    yield from _insights(pack)
    rule = pack.bulk_answers
    if rule is None:
        return
    path = "bulk_answers"
    yield from missing((path, "audience"), "audience", rule.audience, pack.audiences)
    yield from missing((path, "text"), "text", rule.text, pack.texts)
    if not 0 < rule.full_marks_from <= 10:
        yield (path, "full_marks_from"), f"full_marks_from {rule.full_marks_from} is no level above 0 up to 10"
    for field in ("share", "weight"):
        if not 0 <= getattr(rule, field) <= 1:
            yield (path, field), f"{field} {getattr(rule, field)} is outside 0 to 1"
    if rule.ends_after_seconds <= 0:
        yield (path, "ends_after_seconds"), "must be positive"
    groups = {name: getattr(rule, name) for name in ("device", "unit", "touchpoint")}
    if not any(groups.values()):
        yield (path,), "say of what: device, unit or touchpoint"
    for name, group in groups.items():
        if group is not None and (group.answers < 2 or group.within_seconds <= 0):
            yield (path, name), "answers must be 2 or more, within_seconds positive"


def _insights(pack: PackFile) -> Iterator[Problem]:
    rule = pack.insights
    if rule is None:
        return
    path = "insights"
    yield from missing((path, "audience"), "audience", rule.audience, pack.audiences)
    if rule.coaching is not None:
        yield from missing((path, "coaching", "audience"), "audience", rule.coaching.audience, pack.audiences)
    if not known_time_zone(rule.time_zone):
        yield (path, "time_zone"), f"no time zone {rule.time_zone!r}; write an IANA name, e.g. Asia/Shanghai"
    if not 1 <= rule.over <= OVER_MAX:
        yield (path, "over"), f"{rule.over} is outside 1 to {OVER_MAX}"
    for name in ("recurring", "drivers", "coaching"):
        part = getattr(rule, name)
        for field in () if part is None else part.__struct_fields__:
            value = getattr(part, field)
            if field.startswith("text") and value is not None:
                yield from missing((path, name, field), "text", value, pack.texts)
            elif isinstance(value, int) and value < LEAST.get(field, 1):
                yield (path, name, field), f"{value} shows nothing; at least {LEAST.get(field, 1)}"


def _usual_waiting(pack: PackFile) -> Iterator[Problem]:
    learnt = pack.usual_waiting
    if learnt is None:
        return
    path = "usual_waiting"
    if not known_time_zone(learnt.time_zone):
        yield (path, "time_zone"), f"no time zone {learnt.time_zone!r}; write an IANA name, e.g. Asia/Shanghai"
    if learnt.least < 1:
        yield (path, "least"), "must be 1 or more"
    if not 1 <= learnt.weeks <= WEEKS_MAX:
        yield (path, "weeks"), f"{learnt.weeks} is outside 1 to {WEEKS_MAX}"
    if not 0 < learnt.sample <= 1:
        yield (path, "sample"), f"sample {learnt.sample} is no share above 0 up to 1"
    for index, peak in enumerate(learnt.peaks):
        wrong = check_peak(peak)
        if wrong is not None:
            yield (path, "peaks", index), wrong
