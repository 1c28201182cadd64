"""Job 2 tells insights: causes that come again, the driver of what is worse in a unit, for whom it may be good to talk.

In: what subjects tell (`contacts.py`), as causes named `insights/…`. Out: actions with the step `improve`, which name no customer. One that
goes on is revised window by window, under one id.
"""

import logging
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.codec import Codec
from schemas.decisions import Action, Cause, Notification
from schemas.events import SubjectType
from schemas.topics import notify_topic
from streams import metrics
from streams.engine.job import Output, Step
from streams.experience.compared import Standing, coaching, drivers
from streams.experience.compiled import CompiledPack
from streams.experience.contacts import RECURRING, STAFF, UNITS
from streams.experience.controls import Shelf
from streams.experience.ids import action_id, content_hash
from streams.experience.insight_board import (
    CELLS_MAX,
    OF,
    TOLD_MAX,
    InsightBoard,
    LeftOut,
    Told,
    Window,
    customers,
    load_insights,
    note,
    together,
)
from streams.experience.pack_insights import Insights
from streams.experience.periods import Period
from streams.experience.state import dump
from streams.experience.surroundings import Limits
from streams.experience.words import fill

RULE_NAME: Final = "insight"
_NOTIFICATION_FIELDS: Final = Notification.__struct_fields__
log = logging.getLogger(__name__)


class Insight(NamedTuple):
    """What a closed window shows. `name`: which of those that the key can have; `since` (µs): end of the window that showed it first,
    where that is known.
    """

    name: str
    kind: str
    audience: str
    text: str
    subject: tuple[SubjectType, str]
    unit: str | None
    touchpoint: str
    score: float
    parameters: dict[str, str]
    since: int | None = None


def concerns(key: bytes) -> bool:
    """Is this the key of insights, and not of an incident?"""
    return b"|insights/" in key


def audiences(pack: CompiledPack) -> set[str]:
    """Who is told."""
    rule = pack.file.insights
    if rule is None:
        return set()
    return {rule.audience} | ({rule.coaching.audience} if rule.coaching is not None else set())


def learn(
    key: bytes,
    state: bytes | None,
    causes: Iterable[Cause],
    ticked_to: int,
    shelf: Shelf,
    codec: Codec,
    limits: Limits,
) -> Step:
    """One step. Raises Unavailable when a pack is missing."""
    board = load_insights(state)
    for cause in causes:
        told = shelf.get(cause.pack, cause.pack_version).file.insights
        if told is not None and (why := note(board, cause, told.per, told.time_zone)) is not None:
            metrics.insights_left_out_total.labels(why).inc()
            _say(why, cause.pack)
    board.ticked_to = max(board.ticked_to, ticked_to)
    pack = shelf.get(*board.pack) if board.pack[0] else None
    rule = pack.file.insights if pack is not None else None
    if pack is None or rule is None:
        return Step(dump(board), [], None)
    outputs: list[Output] = []
    waiting = sorted((begin, one.ends_at) for begin, one in board.windows.items() if one.ends_at > board.closed_to)
    for period in waiting:
        if period[1] + limits.lateness > board.ticked_to:
            return Step(dump(board), outputs, period[1] + limits.lateness)
        board.closed_to = period[1]
        found = list(_found(board, pack, rule, period))
        outputs += (each for one in found for each in _tell(key, board, pack, one, period, codec))
        del board.told[:-TOLD_MAX]
    return Step(dump(board), outputs, None)


@lru_cache(maxsize=1024)
def _say(why: LeftOut, pack: str) -> None:
    """Says once a process and pack that something is left out; from then on the metric counts."""
    told = {
        "too_late": "causes or contacts came after their window was told and do not count",
        "too_many": f"more than {CELLS_MAX} units, staff and touchpoints of one group in one window: contacts of the others do not count",
    }
    log.warning("insights of pack %s: %s; touchstone_core_insights_left_out_total counts them", pack, told[why])


def _found(board: InsightBoard, pack: CompiledPack, rule: Insights, period: Period) -> Iterator[Insight]:
    """What a window that closes shows."""
    if board.cause.startswith(RECURRING):
        window = board.windows.pop(period[0])
        yield from _recurring(board, pack, rule, period, window)
        return
    counted = together(board, period, rule.over, rule.per, rule.time_zone)
    if board.cause.startswith(UNITS) and rule.drivers is not None:
        for one in drivers(counted, rule.drivers.contacts, rule.drivers.siblings):
            spec = rule.drivers
            name = f"{one.who}/{one.where}"
            told = _of(pack, one) | {"unit": one.who, "peers": str(one.others)}
            yield Insight(
                name, spec.kind, rule.audience, spec.text, ("unit", one.who), one.who, one.where, one.rate, told
            )
    elif board.cause.startswith(STAFF) and rule.coaching is not None:
        of = rule.coaching
        for one in coaching(counted, of.contacts, of.peers):
            unit, _, staff = one.who.partition(OF)
            told = _of(pack, one) | {"staff": staff, "unit": unit, "peers": str(one.others)}
            name = f"{staff}/{unit}/{one.where}"
            yield Insight(name, of.kind, of.audience, of.text, ("unit", unit), unit, one.where, one.rate, told)


def _recurring(
    board: InsightBoard, pack: CompiledPack, rule: Insights, period: Period, window: Window
) -> Iterator[Insight]:
    """Again and again, or again after it was put right."""
    spec = rule.recurring
    if spec is None:
        return
    cause, count = board.cause.removeprefix(RECURRING), customers(window)
    told = {"touchpoint": _title(pack, board.touchpoint), "cause": cause}
    subject: tuple[SubjectType, str] = ("touchpoint", board.touchpoint)
    goes_on = board.run_ends_at == period[0] and board.run > 0
    board.run = 0 if count < spec.customers else board.run + 1 if goes_on else 1
    board.run_ends_at = period[1]
    board.run_since = board.run_since if board.run > 1 else period[1]
    if board.run >= spec.windows:
        more = {"subjects": str(count), "windows": str(board.run)}
        yield Insight(
            "again",
            spec.kind,
            rule.audience,
            spec.text,
            subject,
            None,
            board.touchpoint,
            1.0,
            told | more,
            board.run_since,
        )
    fixed_at = max((at for at in board.fixes if at < period[1]), default=0)
    if fixed_at > board.fixed_at:
        board.fixed_at, board.after_fix = fixed_at, 0
    if not board.fixed_at or spec.text_after_fix is None:
        return
    new = customers(window, board.fixed_at)
    board.after_fix += new
    if new and board.after_fix >= spec.after_fix:
        more = {"recurrences": str(board.after_fix)}
        yield Insight(
            "after_fix",
            spec.kind,
            rule.audience,
            spec.text_after_fix,
            subject,
            None,
            board.touchpoint,
            1.0,
            told | more,
            board.fixed_at,
        )


def _of(pack: CompiledPack, one: Standing) -> dict[str, str]:
    return {
        "touchpoint": _title(pack, one.where),
        "dimension": pack.touchpoint(one.where).dimension or "–",
        "contacts": str(one.contacts),
        "bad": str(one.bad),
        "usual": f"{one.usual:.0%}",
        "share": f"{one.share:.0%}",
    }


def _in_words(pack: CompiledPack, parameters: dict[str, str], locale: str) -> dict[str, str]:
    """The parameters as people read them: a cause by its title."""
    cause = parameters.get("cause")
    return parameters if cause is None else parameters | {"cause": pack.cause(cause, locale)}


def _title(pack: CompiledPack, touchpoint: str) -> str:
    entry = pack.file.touchpoints.get(touchpoint)
    return entry.title.get(pack.file.default_locale, touchpoint) if entry is not None else touchpoint


def _tell(
    key: bytes, board: InsightBoard, pack: CompiledPack, one: Insight, period: Period, codec: Codec
) -> Iterator[Output]:
    """The insight as an action: a new one, or the next revision of the one that goes on."""
    known = next((each for each in reversed(board.told) if _is(each, one, period)), None)
    if known is None:
        known = Told(one.name, one.since or period[1], period[1], period[1])
        board.told.append(known)
    known.until = period[1]
    action = _action(key, board, pack, one, known, period)
    hashed = content_hash(codec.encode(action))
    if known.hash == hashed:
        return
    known.hash, known.revision = hashed, known.revision + 1
    action.revision = known.revision
    subject = action.subject_id.encode()
    notification = Notification(**{name: getattr(action, name) for name in _NOTIFICATION_FIELDS})
    yield Output("cx-actions", subject, codec.encode(action))
    yield Output(notify_topic(action.audience), subject, codec.encode(notification))


def _is(told: Told, one: Insight, period: Period) -> bool:
    """Does an insight that is out go on: shown since the same instant, or by the window before."""
    return told.name == one.name and (told.until == period[0] if one.since is None else told.since == one.since)


def _action(key: bytes, board: InsightBoard, pack: CompiledPack, one: Insight, told: Told, period: Period) -> Action:
    locale, text = pack.text(one.text, None)
    occasion = f"{one.name}/{told.since}"
    return Action(
        action_id=action_id(RULE_NAME, key.decode(), occasion, one.kind),
        revision=1,
        subject_type=one.subject[0],
        subject_id=one.subject[1],
        decided_at=told.decided_at,
        kind=one.kind,
        audience=one.audience,
        brand=board.brand,
        unit=one.unit,
        template=one.text,
        parameters=one.parameters,
        locale=locale,
        text=fill(text, _in_words(pack, one.parameters, locale)),
        journey=pack.touchpoint(one.touchpoint).journey,
        touchpoint=one.touchpoint,
        cause=one.parameters.get("cause"),
        step="improve",
        expires_at=2 * period[1] - period[0],  # when the next window ends
        origin="both",
        score=round(one.score, 6),
        emit="now",
        occasion=occasion,
        rule=RULE_NAME,
        rule_version=pack.version,
        pack=pack.name,
        pack_version=pack.version,
        evidence=[],
    )
