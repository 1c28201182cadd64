"""What a subject tells for insights: causes again, for those who count weeks, and contacts of units and staff with how they ended.

Names that no signal has, because of the stroke: `insights/recurring/CAUSE`, `insights/units/GROUP`, `insights/staff/GROUP`; GROUP is
the unit above. What is told never changes, it is only taken back: so job 2 can count without remembering who told it.
"""

from typing import Final

from schemas.events import Feedback, Touchpoint
from streams.experience.causes import contribution
from streams.experience.compiled import CompiledPack
from streams.experience.folding import Folding, Source
from streams.experience.state import Sign
from streams.experience.touches import recent_touches

RECURRING, UNITS, STAFF = (f"insights/{kind}/" for kind in ("recurring", "units", "staff"))
BADLY: Final = ("failure", "abandoned")
DAY: Final = 86_400_000_000


def tell_cause(folding: Folding, pack: CompiledPack, sign: Sign) -> None:
    """A signal of dissatisfaction."""
    _tell(folding, pack, RECURRING + sign.cause, sign.touchpoint, sign.event_id, sign.at, sign.unit, said=sign.said)


def tell_fix(folding: Folding, pack: CompiledPack, source: Source, touchpoint: str, cause: str) -> None:
    """Somebody says that a cause is put right at a touchpoint, for everybody."""
    told = pack.file.insights
    if told is not None and told.recurring is not None:
        _tell(folding, pack, RECURRING + cause, touchpoint, source.event_id, source.at, None, fixed=True)


def tell_contact(folding: Folding, pack: CompiledPack, event: Touchpoint, touchpoint: str, source: Source) -> None:
    """A contact of a unit, and of a member of its staff; that it went wrong, if its outcome says so."""
    bad = event.outcome in BADLY
    _contact(folding, pack, event.unit, event.staff, touchpoint, source, contacts=1.0, bad=bad)


def tell_unhappy(
    folding: Folding,
    pack: CompiledPack,
    event: Touchpoint | Feedback,
    touchpoint: str,
    source: Source,
    unit: str | None,
) -> None:
    """A contact ended badly although its outcome did not say so: by a signal, or by what the customer said of it."""
    if isinstance(event, Touchpoint):
        known = event.outcome in BADLY
    else:
        known = any(
            touch.touchpoint == touchpoint and touch.outcome in BADLY and source.at - DAY <= touch.at <= source.at
            for touch in recent_touches(folding.fold)
        )
    if not known:
        _contact(folding, pack, unit, event.staff, touchpoint, source, contacts=0.0, bad=True)


def _contact(
    folding: Folding,
    pack: CompiledPack,
    unit: str | None,
    staff: str | None,
    touchpoint: str,
    source: Source,
    *,
    contacts: float,
    bad: bool,
) -> None:
    rule = pack.file.insights
    if rule is None or not unit:
        return
    at = source.at
    above = folding.controls.unit(unit, at)
    group = above.parents[0] if above is not None and above.parents else ""
    for prefix, wanted, who in ((UNITS, rule.drivers, None), (STAFF, rule.coaching, staff)):
        if wanted is not None and (who or prefix == UNITS):
            event_id = source.event_id if contacts else f"{source.event_id}/bad"
            weight = 1.0 if bad else 0.0
            _tell(
                folding, pack, prefix + group, touchpoint, event_id, at, unit, staff=who, weight=weight, value=contacts
            )


def _tell(
    folding: Folding,
    pack: CompiledPack,
    cause: str,
    touchpoint: str,
    event_id: str,
    at: int,
    unit: str | None,
    *,
    said: bool = False,
    staff: str | None = None,
    weight: float = 1.0,
    value: float | None = None,
    fixed: bool = False,
) -> None:
    fact = contribution(
        folding,
        pack,
        event_id,
        at,
        touchpoint,
        cause,
        weight=weight,
        said=said,
        journey=pack.touchpoint(touchpoint).journey,
        unit=unit,
        value=value,
        staff=staff,
        fixed=fixed,
    )
    folding.facts.append(fact)
