"""Job 2 counts what is claimed of a limit, and publishes when it is used up.

In: claims, granted or not, as causes `limit/NAME`, by group. Out: controls, a word a period. Claims are gone through in their order
(event time, place): each is granted that fits into what is left. From one that does not fit on, a word says how much still does, until
less does, the limit is raised or something is given back. So the words follow from the claims alone, in whatever order they arrive.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from schemas.codec import Codec
from schemas.controls import Control, LimitUsed, UsedSpan
from schemas.decisions import Cause, Claim
from streams.engine.job import Output, Step
from streams.experience.claims import Claimed, Sum, UsedFrom, in_units, sweep, units
from streams.experience.ids import digest
from streams.experience.period_limits import is_claim
from streams.experience.state import Row, dump
from streams.experience.state_format import StateFormat
from streams.experience.surroundings import Limits

FORMAT: Final = 1
CLAIMS_MAX: Final = 2_000  # of one period: beyond it the older half is settled early
PERIODS_MAX: Final = 32  # of one limit and group, the latest ones
_HOUR: Final = 3_600_000_000
_DAY: Final = 24 * _HOUR
# Not longer than any of its kind: of two neighbours the begins lie in different ones, also when clocks go forward.
_CLASSES: Final = (*(days * _DAY - _HOUR for days in (365, 90, 28, 7, 1)), _HOUR)
_WORDS_OF: Final = 40 * _DAY  # words of so long, and at least 16, have ids of their own; later ones take their places


class Account(Row):
    """One period. `settled`: what nothing can come before any more; `published`: what is out about it."""

    ends_at: int
    settled: Sum = msgspec.field(default_factory=Sum)
    claims: list[Claimed] = msgspec.field(default_factory=list)
    revision: int = 0
    published: list[UsedFrom] = msgspec.field(default_factory=list)


class LimitBoard(Row):
    """State of a limit in one group. `accounts`: by begin of the period."""

    format: int = FORMAT
    brand: str | None = None
    limit: str = ""
    group: str = ""
    newest_at: int = 0
    accounts: dict[int, Account] = msgspec.field(default_factory=dict)


_format: Final = StateFormat(LimitBoard, FORMAT, "the changelog of the incidents holds what is claimed")


def concerns(key: bytes) -> bool:
    """Is this the key of claims, and not of an incident?"""
    return is_claim(key.rpartition(b"|")[2].decode(errors="replace"))


def count(state: bytes | None, causes: Iterable[Cause], codec: Codec, limits: Limits) -> Step:
    """One step: claims in, what is used up out."""
    board = _format.load(state)
    known: dict[int, dict[str, int]] = {}  # of the periods that are touched: where each claim stands
    for cause in causes:
        claim = cause.claim
        if claim is not None:
            account = board.accounts.setdefault(claim.begins_at, Account(claim.ends_at))
            if claim.begins_at not in known:
                known[claim.begins_at] = {one.id: number for number, one in enumerate(account.claims)}
            board.brand, board.limit, board.group = cause.brand, claim.limit, claim.group
            board.newest_at = max(board.newest_at, cause.occurred_at)
            _take(account, cause, claim, known[claim.begins_at])
    outputs = []
    for begins_at in sorted(known):
        account = board.accounts[begins_at]
        found = sweep(account.settled, account.claims)
        if found.spans != account.published:
            account.revision += 1
            account.published = found.spans
            outputs.append(_word(board, begins_at, account, found, codec))
        _settle(account, board.newest_at - limits.lateness)
    for begins_at in sorted(board.accounts)[:-PERIODS_MAX]:
        del board.accounts[begins_at]
    return Step(dump(board), outputs, None)


def _take(account: Account, cause: Cause, claim: Claim, known: dict[str, int]) -> None:
    """Notes a claim: of each id the highest revision counts."""
    one = Claimed(
        cause.cause_id,
        cause.revision,
        cause.retracted,
        cause.occurred_at,
        claim.place,
        units(claim.amount),
        units(claim.most),
        claim.bound,
    )
    number = known.get(one.id)
    if one.order < account.settled.until:
        if one.revision == 1 and not one.retracted:  # told again later than it could be changed, it counts as it did
            account.settled.add_late(one)
    elif number is None:
        known[one.id] = len(account.claims)
        account.claims.append(one)
    elif one.revision > account.claims[number].revision:
        account.claims[number] = one


def _settle(account: Account, horizon: int) -> None:
    """What lies behind the horizon, or is too much, is added up."""
    if len(account.claims) > CLAIMS_MAX:
        horizon = max(horizon, sorted(one.at for one in account.claims)[len(account.claims) // 2])
    until = (horizon, "")
    if any(one.order < until for one in account.claims):
        account.settled = sweep(account.settled, (one for one in account.claims if one.order < until))
        account.settled.until = until
        account.claims = [one for one in account.claims if not one.order < until]


def _word(board: LimitBoard, begins_at: int, account: Account, found: Sum, codec: Codec) -> Output:
    spans = []
    for one in found.spans:
        span = UsedSpan(from_at=one.begin[0], from_place=one.begin[1], room=in_units(one.room) if one.room else None)
        if one.end is not None:
            span.until_at, span.until_place = one.end
        spans.append(span)
    record = Control(
        control_id=_control_id(board, begins_at, account.ends_at),
        in_force_at=begins_at,
        written_at=board.newest_at,
        brand=board.brand,
        used=LimitUsed(
            limit=board.limit,
            group=board.group,
            begins_at=begins_at,
            ends_at=account.ends_at,
            revision=account.revision,
            spans=spans,
            granted=in_units(found.granted),
        ),
    )
    return Output("cx-controls", record.control_id.encode(), codec.encode(record), partition=-1, urgent=True)


def _control_id(board: LimitBoard, begins_at: int, ends_at: int) -> str:
    """Compacted: of each limit and group the latest periods stay."""
    length = ends_at - begins_at
    each = next((one for one in _CLASSES if one <= length), length)
    number = (begins_at // each) % max(16, _WORDS_OF // each)
    return f"limit-{digest('limit', board.brand or '', board.limit, board.group)}-{number}"
