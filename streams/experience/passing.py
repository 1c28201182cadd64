"""Most events give rise to nothing: they are remembered among the touches, and the fold need not be loaded for them."""

from schemas.events import Touchpoint
from streams.experience.fold import touch_of
from streams.experience.folding import Input
from streams.experience.folds import forget
from streams.experience.state import Subject
from streams.experience.surroundings import Surroundings
from streams.experience.touches import added


def passes(subject: Subject, around: Surroundings, item: Input) -> bool:
    """Takes an input that comes in order and changes nothing but touches, as folding it would. False: it has to be folded.

    Raises Unavailable.
    """
    event, source = item.record, item.source
    if (
        subject.calm is None
        or not isinstance(event, Touchpoint)
        or event.subject_type != subject.subject_type
        or event.action_id is not None
        or event.invitation_id is not None
        or subject.due_at <= max(source.at, subject.ticked_to)
    ):
        return False
    pack = around.controls.pack(event.brand, source.at)
    if pack.counts_successes or pack.values or (pack.zone is not None and event.waiting_seconds is not None):
        return False
    if pack.tells_contacts and event.unit:
        return False
    view = pack.touchpoint(event.touchpoint)
    contact = pack.contact(view, event)
    if contact.opening or contact.signals or (subject.calm and (contact.keeping or subject.calm != pack.version)):
        return False
    touch = touch_of(event, pack, view, source)
    subject.recent, subject.recent_count, forgotten = added(subject.recent, subject.recent_count, touch)
    forget(subject, forgotten)
    subject.at = max(subject.at, source.at)
    return True
