"""Receipts: somebody tells what became of an action, and its episode moves on.

accepted → respond, contacted → compensate, compensated → improve, resolved → treated. Declined asks for a decision, handed
over names the next owner, waiting for the customer stops the clock.
"""

from decimal import Decimal
from typing import Final

from schemas.codec import money
from schemas.events import ActionUpdate
from streams.experience import clocks, deadlines
from streams.experience.actions import propose
from streams.experience.compiled import CompiledPack
from streams.experience.contacts import tell_fix
from streams.experience.folding import SECOND, Folding, Source
from streams.experience.ids import action_id
from streams.experience.period_limits import give_back
from streams.experience.recurrence import fixed
from streams.experience.spent import dump_spent, load_spent
from streams.experience.state import Episode
from streams.experience.treated import episode_of, pack_of, touch

_AFTER: Final = {"accepted": "respond", "contacted": "compensate", "compensated": "improve", "resolved": "improve"}
_ORDER: Final = ("listen", "respond", "compensate", "improve")


def receipt(folding: Folding, update: ActionUpdate, source: Source) -> None:
    """One receipt."""
    if update.subject_type == "touchpoint":
        _fixed_for_all(folding, update, source)
    episode = episode_of(folding, update.action_id)
    _given(folding, episode, update, source.at)
    if episode is None or episode.state == "closed":
        return
    at, pack = source.at, pack_of(folding, episode)
    episode.worked = True
    if "clock" in update.attributes:
        clocks.answered(episode, update.attributes["clock"])
    if update.status == "waiting_for_customer":
        deadlines.stop(folding, pack, episode, at)
    elif episode.resumes_at is not None:
        deadlines.resume(folding, pack, episode, at)
    if update.status == "declined":
        episode.declined += 1
        touch(folding, episode, at)
        propose(folding, pack, "declined", episode=episode)
    elif update.status == "handed_over":
        episode.owner, episode.handed = update.to, episode.handed + 1
        touch(folding, episode, at)
        propose(folding, pack, "handed_over", episode=episode)
    elif update.status == "resolved":
        deadlines.end(episode)
        clocks.answered(episode, None)
        episode.state, episode.stage = "treated", "improve"
        episode.verify_by = at + int(pack.file.treatment.verified_within_seconds * SECOND)
        fixed(folding.fold, episode, at)
        if pack.tells_causes and _is_root_cause(pack, episode, update.action_id, folding.key):
            folding.turn_to((episode.brand, episode.matter))
            tell_fix(folding, pack, source, episode.touchpoint, episode.cause)
        touch(folding, episode, at)
        propose(folding, pack, "episode_treated", episode=episode)
    elif update.status in _AFTER:
        stage = _AFTER[update.status]
        if _ORDER.index(stage) > _ORDER.index(episode.stage):
            episode.stage = stage  # type: ignore[assignment]
            episode.missed_in_step = 0
            deadlines.begin(folding, pack, episode, at)
    touch(folding, episode, at)


def _fixed_for_all(folding: Folding, update: ActionUpdate, source: Source) -> None:
    """The owner of a touchpoint says that a cause is put right: a receipt to an incident or an insight, which names the cause."""
    cause = update.attributes.get("cause")
    if cause and update.status == "resolved":
        brand = update.attributes.get("brand")
        pack = folding.controls.pack(brand, source.at)
        folding.turn_to((brand, None))
        tell_fix(folding, pack, source, update.subject_id, cause)


def _is_root_cause(pack: CompiledPack, episode: Episode, wanted: str, key: str) -> bool:
    """Was it a task for colleagues to put the cause right, and not only this customer's trouble?"""
    for rule, step in episode.done:
        if any(action_id(rule, key, event, step) == wanted for event in episode.members):
            spec = pack.file.actions.get(rule)
            return spec is not None and spec.step == "improve" and pack.file.audiences[spec.audience].reaches == "staff"
    return False


def _given(folding: Folding, episode: Episode | None, update: ActionUpdate, at: int) -> None:
    """What was really given counts, not what was suggested; also after the episode, or where there was none."""
    if update.status != "declined" and update.cost is None:
        return
    rows = load_spent(folding.fold.spent)
    for row in [one for one in rows if one.costs and one.action_id == update.action_id]:
        pack = folding.controls.pack(row.brand, at) if episode is None else pack_of(folding, episode)
        left = Decimal(0) if update.status == "declined" or update.cost is None else update.cost
        if pack.limits and (back := money(round(row.amount, 4)) - left):
            give_back(folding, pack, row, back, at)
        if update.status == "declined":
            rows.remove(row)
        elif update.cost is not None:
            row.amount = float(update.cost)
    folding.fold.spent = dump_spent(rows)


def heard(folding: Folding, journey: str, at: int) -> None:
    """The customer does or says something in a journey, or about the matter: whoever waited for it goes on."""
    matter = folding.about[1]
    for episode in folding.fold.episodes:
        if episode.resumes_at is None:
            continue
        if episode.journey == journey or (matter is not None and episode.matter == matter):
            deadlines.resume(folding, pack_of(folding, episode), episode, at)
            touch(folding, episode, at)
