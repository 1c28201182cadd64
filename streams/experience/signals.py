"""Which signals an input gives, and what they do: unhappy ones become evidence, happy ones take evidence away."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from schemas.events import Feedback, Touchpoint
from streams.experience import episodes, statutory
from streams.experience.actions import propose
from streams.experience.causes import contribution
from streams.experience.compiled import AT_RISK, CompiledPack, CompiledSignal
from streams.experience.contacts import tell_cause, tell_unhappy
from streams.experience.course import load_felt, told
from streams.experience.folding import SECOND, Fact, Folding, Source
from streams.experience.frame import Frame, SignalView, TouchpointView
from streams.experience.join import Join
from streams.experience.pack import Watch
from streams.experience.recurrence import recurred
from streams.experience.score import FADED, faded
from streams.experience.state import SIGNS_MAX, OpenWatch, Sign
from streams.experience.text import Tone
from streams.experience.words import fill, named

RELIEFS_MAX = 8
Given = tuple[CompiledSignal, Sign]


def on_touchpoint(
    folding: Folding,
    pack: CompiledPack,
    signals: Iterable[CompiledSignal],
    frame: Frame,
    event: Touchpoint,
    source: Source,
) -> None:
    """Those of the signals that a touchpoint event gives: inferred."""
    given: list[Given] = []
    for signal in signals:
        if folding.holds(pack, signal.name, signal.when, frame) and _matters(folding, pack, signal):
            journey = pack.journey(event.journey, frame.touchpoint)
            sign = _sign(folding, pack, signal, frame, source, said=False, unit=event.unit, journey=journey)
            if sign is not None:
                given.append((signal, sign))
    if given:
        take_effect(folding, pack, given, frame.touchpoint)
        if pack.tells_contacts and _unhappy(given):
            tell_unhappy(folding, pack, event, frame.touchpoint.name, source, event.unit)


def _unhappy(given: Iterable[Given]) -> bool:
    return any(signal.spec.mood == "unhappy" for signal, _ in given)


def _matters(folding: Folding, pack: CompiledPack, signal: CompiledSignal) -> bool:
    """Good news for whom nothing was bad changes nothing, unless a rule follows it."""
    return bool(
        signal.spec.mood == "unhappy"
        or folding.fold.signs
        or folding.fold.episodes
        or pack.rules("signal", signal.name)
    )


def on_feedback(folding: Folding, pack: CompiledPack, join: Join, feedback: Feedback, source: Source) -> None:
    """The signals of a feedback: said."""
    given: list[Given] = []
    for signal in pack.signals_on_feedback:
        if folding.holds(pack, signal.name, signal.when, join.frame):
            sign = _sign(folding, pack, signal, join.frame, source, said=True, unit=join.unit, journey=join.journey)
            if sign is not None:
                _quote(signal, sign, join.tone)
                if join.doubt is not None and signal.spec.mood == "happy":
                    doubt = f"weighs {join.joined.trust:g}: {join.doubt}"
                    sign.detail = f"{sign.detail}; {doubt}" if sign.detail else doubt
                given.append((signal, sign))
    if given:
        take_effect(folding, pack, given, join.frame.touchpoint, trust=join.joined.trust)
        if pack.tells_contacts and _unhappy(given):
            tell_unhappy(folding, pack, feedback, join.frame.touchpoint.name, source, join.unit)


def _quote(signal: CompiledSignal, sign: Sign, tone: Tone) -> None:
    """The words that speak for a signal; for one that goes by the text's tone, the tone and whose it is."""
    span = tone.span(-1.0 if signal.spec.mood == "unhappy" else 1.0)
    if span is not None:
        sign.text_start, sign.text_end = span.start, span.end
    if signal.by_text:
        sign.by_text = True
        told = (
            f"tone {tone.sure:+.2f} by {tone.version}"
            if tone.sure is not None
            else f"read by {tone.version or 'nobody'}"
        )
        sign.detail = f"{sign.detail}; {told}" if sign.detail else told


def on_watch(folding: Folding, pack: CompiledPack, watch: OpenWatch, due: int) -> None:
    """A promise was broken, or a customer has fallen silent: inferred, dated when it was due."""
    spec = next(one for one in pack.watches if one.name == watch.name).spec
    signal = pack.signals[spec.signal]
    frame = Frame(folding.fold, due, pack.touchpoint(watch.touchpoint), curve=pack.curve)
    source = Source(watch.event_id, watch.rank, watch.partition, watch.offset, due)
    if folding.holds(pack, signal.name, signal.when, frame):
        sign = _sign(folding, pack, signal, frame, source, said=False, unit=watch.unit, journey=watch.journey)
        if sign is None:
            return
        sign.detail = sign.detail or _when(watch, spec, due)
        take_effect(folding, pack, [(signal, sign)], frame.touchpoint)


def _when(watch: OpenWatch, spec: Watch, due: int) -> str:
    after = f"{(due - watch.opened_at) / SECOND:.0f} s after {watch.event_id}"
    if watch.name.endswith(AT_RISK):
        return f"not kept yet {after}, due {spec.at_risk_seconds:g} s later"
    return f"due {after}"


def _sign(
    folding: Folding,
    pack: CompiledPack,
    signal: CompiledSignal,
    frame: Frame,
    source: Source,
    *,
    said: bool,
    unit: str | None,
    journey: str,
) -> Sign | None:
    """The evidence; None where its weight cannot be computed, or is none."""
    weight = folding.value(pack, signal.name, signal.weight, frame)
    if weight is None or (signal.spec.mood == "unhappy" and not weight > 0.0):
        return None
    return Sign(
        signal.name,
        journey,
        frame.touchpoint.name,
        signal.spec.cause or signal.name,
        source.event_id,
        source.rank,
        source.partition,
        source.offset,
        source.at,
        min(1.0, max(0.0, weight)),
        signal.spec.half_life_seconds,
        said,
        unit or folding.fold.profile.unit,
        None,
        None,
        fill(signal.spec.detail, _details(signal.spec.detail, frame))
        if "{" in signal.spec.detail
        else signal.spec.detail,
    )


def take_effect(
    folding: Folding, pack: CompiledPack, given: list[Given], touchpoint: TouchpointView, *, trust: float = 1.0
) -> None:
    """All signals of one input take effect together: on the evidence, on the episode of its journey, on the rules that follow.

    Good news takes away from earlier evidence, never from what the same input brings; it verifies nothing while that input
    also brings bad news. An episode opens or worsens once, for the heaviest signal. What is not fully trusted takes less away and
    verifies nothing.
    """
    fold = folding.fold
    statute = next((signal.spec.statute for signal, _ in given if signal.spec.statute is not None), None)
    if statute is not None or any(episode.clocks for episode in fold.episodes):
        statutory.merge(folding, [sign for _, sign in given], lodged=statute is not None)
    unhappy = [sign for signal, sign in given if signal.spec.mood == "unhappy"]
    happy = [(signal, sign) for signal, sign in given if signal.spec.mood == "happy"]
    for signal, sign in happy:
        for earlier in fold.signs:
            if signal.spec.relief and earlier.journey == sign.journey and len(earlier.relieved) < RELIEFS_MAX:
                earlier.relieved.append((sign.at, signal.spec.relief * trust))
    if unhappy:
        at = unhappy[0].at
        # What has faded is let go, but not the grounds of an episode that is still open: its timers act on them.
        open_in = {episode.journey for episode in fold.episodes if episode.state != "closed"}
        kept = (one for one in fold.signs if one.journey in open_in or faded(one, at) >= FADED)
        fold.signs = [*kept, *unhappy][-SIGNS_MAX:]
        if pack.folds_members:
            folding.controls.sufferers.note(folding.key, at)
        for sign in _one_each(unhappy, lambda sign: pack.incident_of(sign.signal)):
            folding.facts.append(_contribution(folding, pack, sign))
        if pack.tells_causes:
            for sign in _one_each(unhappy, lambda sign: sign.cause):
                tell_cause(folding, pack, sign)
        protected = any(signal.spec.never_hold_out for signal, _ in given)
        heaviest = max(unhappy, key=lambda sign: (sign.weight, sign.signal))
        came_back = recurred(fold, unhappy, pack.file.treatment.recurs_within_seconds) if fold.fixes else None
        episodes.worsened(folding, pack, heaviest, statute, came_back, protected=protected)
    else:
        for signal, sign in happy:
            episodes.relieved(folding, sign, verifies=signal.spec.verifies and trust == 1.0)
    for _, sign in given:
        closes = any(episode.closed_by == sign.event_id for episode in fold.episodes)
        view = SignalView(sign.signal, sign.journey, sign.touchpoint, sign.weight, sign.said, trust, closes)
        propose(folding, pack, "signal", sign=sign, signal=view, touchpoint=touchpoint)


def _one_each(signs: Iterable[Sign], cause: Callable[[Sign], str]) -> Iterable[Sign]:
    """Of the signals of one input that count as one cause the heaviest."""
    found: dict[str, Sign] = {}
    for sign in signs:
        other = found.setdefault(cause(sign), sign)
        if (sign.weight, sign.signal) > (other.weight, other.signal):
            found[cause(sign)] = sign
    return found.values()


def _contribution(folding: Folding, pack: CompiledPack, sign: Sign) -> Fact:
    """One customer's contribution to a cause, for the second job."""
    return contribution(
        folding,
        pack,
        sign.event_id,
        sign.at,
        sign.touchpoint,
        pack.incident_of(sign.signal),
        weight=sign.weight,
        said=sign.said,
        journey=sign.journey,
        unit=sign.unit,
    )


def _details(text: str, frame: Frame) -> dict[str, str]:
    """Values for the parameters that a signal's `detail` names."""
    return {name: _DETAILS[name](frame) for name in _named(text) if name in _DETAILS}


@lru_cache(maxsize=1024)
def _named(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(named(text)))


def _waiting(frame: Frame) -> float | None:
    event, joined = frame.event, frame.joined
    return event.waiting_seconds if isinstance(event, Touchpoint) else joined.waiting_seconds if joined else None


def _joined(name: str) -> Callable[[Frame], str]:
    return lambda frame: _number(getattr(frame.joined, name) if frame.joined else None)


_DAY: Final = 86_400.0
_DETAILS: Final[dict[str, Callable[[Frame], str]]] = {
    "waiting_seconds": lambda frame: _number(_waiting(frame)),
    "promised_seconds": lambda frame: _number(frame.touchpoint.waiting_promised_seconds),
    "usual_seconds": lambda frame: _number(frame.usual_waiting_seconds() or None),
    "late_seconds": lambda frame: _number(frame.late_seconds()),
    "moved_seconds": lambda frame: _number(frame.promise_moved_seconds()),
    "failures": lambda frame: str(frame.failures(_DAY)),
    "contacts": lambda frame: str(frame.contacts(_DAY)),
    "channels": lambda frame: str(frame.channels(_DAY)),
    "staff": lambda frame: str(frame.staff(7 * _DAY)),
    "asked_again": lambda frame: str(frame.asked_again()),
    "delivered_value": lambda frame: account.told() if (account := frame.account()) is not None else "–",
    "price_rise": lambda frame: f"{frame.price_rise():.0%}",
    "score": lambda frame: _number(frame.event.score if isinstance(frame.event, Feedback) else None),
    "level": _joined("experience"),
    "sentiment": _joined("sentiment"),
    "slope": _joined("emotion_slope"),
    "worst": _joined("emotion_worst"),
    "peak_end": _joined("peak_end"),
    "answers": lambda frame: told(load_felt(frame.fold.felt), frame.at),
    "touchpoint": lambda frame: frame.touchpoint.name,
    "aspect": lambda frame: (frame.joined.worst_aspect if frame.joined else None) or "–",
}


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
