"""Folding one input into a subject's memory, and firing what is due. The order here is the order of the decisions:

profile → touch → values → promises kept and opened → join → signals → episodes → candidates → arbiter → facts.
"""

from typing import Final, TypeVar

from schemas.events import Customer, Feedback, Touchpoint
from schemas.validate import ATTRIBUTES_MAX
from streams.experience import arbiter, deadlines, episodes, receipts, signals, watches
from streams.experience.causes import contribution
from streams.experience.channels import answer
from streams.experience.compiled import CompiledPack
from streams.experience.contacts import tell_contact
from streams.experience.folding import Folding, Input, Source
from streams.experience.frame import Frame, TouchpointView
from streams.experience.habits import told_as
from streams.experience.join import join
from streams.experience.matters import particulars
from streams.experience.spent import dump_spent, load_spent
from streams.experience.state import NEVER, Fold, Profile, Touch
from streams.experience.touches import remember
from streams.experience.valuing import value_told, value_touchpoint

MERGED_INTO: Final = "merged_into"  # attribute of a customer's update: the id that goes on


def fold_input(folding: Folding, item: Input) -> None:
    """Folds one input; facts collect in the folding. Everything due at or before it fires first. Raises Unavailable."""
    at = item.source.at
    fold, record = folding.fold, item.record
    if fold.watches or fold.episodes:
        fire_until(folding, at)
    fold.subject_type = record.subject_type
    if isinstance(record, Touchpoint):
        folding.turn_to((record.brand, record.matter))
        if fold.spent and (record.action_id is not None or record.invitation_id is not None):
            _answered(fold, record, at)
        _touchpoint(folding, item, record)
    elif isinstance(record, Feedback):
        folding.turn_to((record.brand, record.matter))
        if fold.spent and (record.action_id is not None or record.invitation_id is not None):
            _answered(fold, record, at)
        _feedback(folding, item, record)
    elif isinstance(record, Customer):
        fold.profile = updated(fold.profile, record)
        if fold.worth:
            value_told(fold, record)
        if record.attributes.get(MERGED_INTO):
            _merged(folding, record, at)
    else:
        folding.turn_to((None, None))
        receipts.receipt(folding, record, item.source)
    if at > fold.at:
        fold.at = at
    _conclude(folding, at)


def _touchpoint(folding: Folding, item: Input, event: Touchpoint) -> None:
    source, fold = item.source, folding.fold
    pack = folding.controls.pack(event.brand, source.at)
    view = pack.touchpoint(event.touchpoint)
    touch = touch_of(event, pack, view, source)
    remember(fold, touch)
    if pack.counts_successes and event.outcome == "success" and view.name in pack.file.touchpoints:
        fold.successes[view.name] = fold.successes.get(view.name, 0) + 1
    if fold.episodes:
        receipts.heard(folding, touch.journey, source.at)
    frame = Frame(fold, source.at, view, event, curve=pack.curve)
    if pack.marks_days:
        frame.festivals, frame.house_zone = pack.file.festivals, pack.house_zone
    if pack.values:
        frame.valued = value_touchpoint(fold, pack, event)
    if pack.zone is not None and event.waiting_seconds is not None:
        frame.habits, frame.zone = folding.controls.habits, pack.zone
        _tell_wait(folding, pack, event, view.name, touch.journey, source)
    if pack.tells_contacts:
        tell_contact(folding, pack, event, view.name, source)
    contact = pack.contact(view, event)
    if fold.watches:
        watches.keep(folding, pack, event, source.at)
    if contact.opening:
        watches.open_new(folding, pack, contact.opening, frame, event, source)
    if contact.signals:
        signals.on_touchpoint(folding, pack, contact.signals, frame, event, source)


def touch_of(event: Touchpoint, pack: CompiledPack, view: TouchpointView, source: Source) -> Touch:
    """What is remembered of an event."""
    return Touch(
        source.at,
        event.event_id,
        pack.journey(event.journey, view),
        view.name,
        event.channel,
        event.outcome,
        event.matter,
        event.waiting_seconds,
        view.asks_for_help,
        event.unit,
        particulars(event, self_service=view.self_service, names_price=view.names_price)
        if event.matter is not None and pack.follows_matters
        else None,
    )


def _answered(fold: Fold, record: Touchpoint | Feedback, at: int) -> None:
    """The customer answers to a message: in which channel is remembered."""
    rows = load_spent(fold.spent)
    if answer(rows, {record.action_id or "", record.invitation_id or ""} - {""}, at):
        fold.spent = dump_spent(rows)


def _tell_wait(
    folding: Folding, pack: CompiledPack, event: Touchpoint, touchpoint: str, journey: str, source: Source
) -> None:
    """What the second job learns from: how long somebody has waited."""
    rule = pack.file.usual_waiting
    cause = None if rule is None or pack.zone is None else told_as(event, source.at, pack.zone, rule)
    if cause is not None:
        fact = contribution(
            folding,
            pack,
            source.event_id,
            source.at,
            touchpoint,
            cause,
            weight=0.0,
            said=False,
            journey=journey,
            unit=event.unit,
            value=event.waiting_seconds,
        )
        folding.facts.append(fact)


def _feedback(folding: Folding, item: Input, feedback: Feedback) -> None:
    source = item.source
    pack = folding.controls.pack(feedback.brand, source.at)
    joined = join(folding, pack, feedback, source)
    if folding.fold.episodes:
        receipts.heard(folding, joined.journey, source.at)
    signals.on_feedback(folding, pack, joined, feedback, source)
    joined.finish(folding, pack)


def _merged(folding: Folding, update: Customer, at: int) -> None:
    """The id is used no more, the customer goes on under another: nobody waits for anything under this one."""
    folding.fold.watches = []
    episodes.give_up(folding, at, update.event_id)


_T = TypeVar("_T")


def _either(new: _T | None, old: _T | None) -> _T | None:
    """A null leaves what was known, an empty text clears it."""
    return old if new is None else new or None


def updated(profile: Profile, update: Customer) -> Profile:
    """The profile after an update; a null leaves what was known, an empty text clears it."""
    return Profile(
        name=_either(update.name, profile.name),
        tier=_either(update.tier, profile.tier),
        value=profile.value if update.value is None else float(update.value),
        language=_either(update.language, profile.language),
        preferred_channel=_either(update.preferred_channel, profile.preferred_channel),
        time_zone=_either(update.time_zone, profile.time_zone),
        owner=_either(update.owner, profile.owner),
        unit=_either(update.unit, profile.unit),
        consents=profile.consents
        if update.consents is None
        else [(one.purpose, one.channel, one.granted) for one in update.consents],
        attributes=_attributes(profile.attributes, update.attributes),
    )


def _attributes(old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    """An empty text removes an attribute. Beyond the limit the ones that were not told again for longest go."""
    if not new:
        return old
    kept = {name: value for name, value in old.items() if name not in new}
    merged = [(name, value) for name, value in (kept | new).items() if value]
    return dict(merged[-ATTRIBUTES_MAX:])


def next_due(fold: Fold) -> int:
    """When something is due by itself (µs); NEVER for nothing."""
    due = watches.next_due(fold) if fold.watches else NEVER
    return min(due, deadlines.next_due(fold)) if fold.episodes else due


def fire_until(folding: Folding, at: int) -> None:
    """Fires everything due at or before an instant, one by one, in due order. What it derives is dated when it was due."""
    fold = folding.fold
    while (fold.watches or fold.episodes) and (due := next_due(fold)) <= at:
        fold.at = max(fold.at, due)
        if watches.next_due(fold) == due:
            broken, pack = watches.pop_due(folding, due)
            folding.turn_to((broken.brand, broken.matter))
            signals.on_watch(folding, pack, broken, due)
        else:
            folding.turn_to((None, None))
            episodes.fire(folding, due)
        _conclude(folding, due)


def _conclude(folding: Folding, at: int) -> None:
    """The arbiter decides among what this input has brought up; changed episodes become facts."""
    if folding.candidates:
        arbiter.arbitrate(folding, at)
    if folding.changed:
        episodes.report(folding, at)
