"""State of job 2: what subjects have contributed to one cause at one touchpoint, and the incidents that are out.

Of a contribution only what later decisions look at is kept, and of a long incident only its latest ones: the whole board goes
into the changelog each time.
"""

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from schemas.decisions import Cause
from streams.engine.job import Message
from streams.experience.bulk import BulkRule, SweepRule, is_bulk
from streams.experience.incident_sweep import HOUR, SECOND, USUAL_HOURS, Contribution, Found, Usual, in_order, sweep
from streams.experience.state import Row, dump
from streams.experience.state_format import StateFormat
from streams.experience.surroundings import Limits

FORMAT: Final = 2
MINUTE: Final = 60 * SECOND
CONTRIBUTIONS_MAX: Final = 5_000  # of one cause: beyond it the older half is settled early


class Emitted(Row):
    """What is out about an incident. `value`: the action as it went out last."""

    id: str
    started_at: int
    ended_at: int | None
    revision: int
    hash: bytes
    retracted: bool
    value: bytes


class Board(Row):
    """State of a cause at a touchpoint. `packs`: names and versions, which contributions point at."""

    format: int = FORMAT
    newest_at: int = 0
    ticked_to: int = 0
    let_go_at: int = 0  # contributions before this are gone
    brand: str | None = None
    touchpoint: str = ""
    cause: str = ""
    packs: list[tuple[str, str]] = msgspec.field(default_factory=list)
    contributions: list[Contribution] = msgspec.field(default_factory=list)  # one a cause_id
    carried: Found | None = None
    emitted: list[Emitted] = msgspec.field(default_factory=list)
    first_hour: int | None = None  # of any contribution
    hours: dict[int, int] = msgspec.field(default_factory=dict)  # by hour (UTC): contributions that are gone


load_board: Final = StateFormat(Board, FORMAT, "the changelog of the incidents holds state").load
_founds = msgspec.msgpack.Decoder(Found)


def take(board: Board, causes: Iterable[tuple[Cause, Message]]) -> list[Message]:
    """Notes causes; of each id the highest revision counts. Gives the messages of those that are too late."""
    known = {one.id: number for number, one in enumerate(board.contributions)}
    late = []
    for cause, message in causes:
        if cause.occurred_at < board.let_go_at:
            if not _absorbed(board, cause):
                late.append(message)
            continue
        board.newest_at = max(board.newest_at, cause.occurred_at)
        hour = cause.occurred_at // HOUR
        board.first_hour = hour if board.first_hour is None else min(board.first_hour, hour)
        board.brand, board.touchpoint, board.cause = cause.brand, cause.touchpoint, cause.cause
        one = _contribution(board, cause, message)
        number = known.get(one.id)
        if number is None:
            known[one.id] = len(board.contributions)
            board.contributions.append(one)
        elif one.revision > board.contributions[number].revision:
            board.contributions[number] = one
    return late


def _absorbed(board: Board, cause: Cause) -> bool:
    """Comes after its neighbours were let go: it still counts for the incident that was in progress then."""
    carried = board.carried
    if carried is None or cause.retracted or cause.occurred_at < carried.started_at:
        return False
    carried.add(cause.occurred_at, subject_mark(cause), cause.unit)
    return True


def subject_mark(cause: Cause) -> bytes:
    """Tells subjects of one cause apart, in eight bytes. Behind one anonymous name, a kiosk's say, may stand many: of their answers
    one a minute counts.
    """
    name = cause.subject_id
    if cause.subject_type != "customer" and is_bulk(cause.cause):
        name = f"{name}/{cause.occurred_at // MINUTE}"
    return blake2b(name.encode(), digest_size=8).digest()


def _contribution(board: Board, cause: Cause, message: Message) -> Contribution:
    pack = (cause.pack, cause.pack_version)
    if pack not in board.packs:
        board.packs.append(pack)
    return Contribution(
        cause.cause_id,
        cause.revision,
        cause.retracted,
        cause.occurred_at,
        subject_mark(cause),
        cause.event_id,
        cause.unit,
        board.packs.index(pack),
        message.partition,
        message.offset,
        cause.weight,
        cause.origin == "said",
        cause.journey,
    )


def sweep_board(board: Board, contributions: Iterable[Contribution], rule: SweepRule, until: int) -> list[Found]:
    """A sweep that leaves the carried incident as it is."""
    carried = _founds.decode(dump(board.carried)) if board.carried is not None else None
    holding = in_order(contributions)
    return sweep(holding, carried, rule, until, _usual(board, holding, rule))


def _usual(board: Board, holding: Iterable[Contribution], rule: SweepRule) -> Usual | None:
    if isinstance(rule, BulkRule) or rule.times_usual is None:
        return None
    counts = Counter(board.hours)
    counts.update(one.at // HOUR for one in holding)
    return Usual(counts, board.first_hour, rule.within_seconds)


def let_go(board: Board, rule: SweepRule, limits: Limits) -> None:
    """Contributions that can no longer be late, nor part of a window, make room; an incident in progress is carried on."""
    within = int(rule.within_seconds * SECOND)
    quiet = int(rule.ends_after_seconds * SECOND)
    count = len(board.contributions)
    if count < limits.window:
        return
    settled = board.newest_at - limits.lateness - quiet
    if count > CONTRIBUTIONS_MAX:
        settled = max(settled, sorted(one.at for one in board.contributions)[count // 2])
    elif settled - within <= board.let_go_at:
        return
    before = [one for one in board.contributions if one.at < settled]
    last = sweep_board(board, before, rule, settled - 1)  # what comes at `settled` itself may still carry it on
    board.carried = last[-1] if last and last[-1].ended_at is None else None
    if count > CONTRIBUTIONS_MAX and board.carried is not None:
        board.let_go_at = max(board.let_go_at, settled)  # what comes late counts for the incident that is carried on
    else:
        board.let_go_at = max(board.let_go_at, settled - within)
    kept = [one for one in board.contributions if one.at >= board.let_go_at]
    kept = kept if len(kept) <= CONTRIBUTIONS_MAX else _one_a_subject(kept)
    _count(board, kept)
    board.contributions = kept
    board.emitted = [one for one in board.emitted if one.ended_at is None or one.ended_at >= settled]


def _count(board: Board, kept: Iterable[Contribution]) -> None:
    """What goes is remembered by hour, as long as it says what is usual."""
    staying = {one.id for one in kept}
    hours = Counter(board.hours)
    hours.update(one.at // HOUR for one in board.contributions if one.id not in staying and not one.retracted)
    oldest = board.let_go_at // HOUR - USUAL_HOURS
    board.hours = {hour: count for hour, count in hours.items() if hour >= oldest}


def _one_a_subject(contributions: Iterable[Contribution]) -> list[Contribution]:
    """So many, and still too few subjects for an incident: the latest of each will do to count them."""
    return list({one.subject: one for one in in_order(contributions)}.values())
