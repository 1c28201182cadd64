"""The as-of join: a feedback against what had happened at the moment it is about, not at the moment it arrives.

`satisfaction = experience − expectation`, `weighted = importance × satisfaction`, `gap = experience − ideal`, on levels 0–10.
"""

from schemas.decisions import AspectTone, Context, Evidence, ExpectationSource, Experience
from schemas.events import Feedback
from schemas.validate import LEVEL_MAX, scale
from streams.experience.bulk import groups, is_full
from streams.experience.causes import contribution
from streams.experience.compiled import CompiledPack
from streams.experience.course import MIDDLE, Felt, course_of, dump_felt, load_felt, together
from streams.experience.evidence import evidence_of
from streams.experience.folding import SECOND, Fact, Folding, Source
from streams.experience.frame import Frame, Joined, TouchpointView
from streams.experience.score import dissatisfaction
from streams.experience.state import Episode, Fold, Touch
from streams.experience.text import SILENT, Tone
from streams.experience.touches import recent_touches

CONTEXT_SECONDS = 86_400  # how far back "recent contacts" reach


class Join:
    """A feedback with its context, while it is being folded; `finish` makes the fact."""

    def __init__(
        self,
        feedback: Feedback,
        source: Source,
        about_at: int,
        touches: list[Touch],
        frame: Frame,
        joined: Joined,
        tone: Tone,
        context: Context,
        expectation_source: ExpectationSource,
        unit: str | None,
        journey: str,
        told: list[str],
        doubt: str | None,
    ) -> None:
        self.feedback = feedback
        self.source = source
        self.about_at = about_at
        self.touches = touches
        self.frame = frame
        self.joined = joined
        self.tone = tone
        self.context = context
        self.expectation_source = expectation_source
        self.unit = unit
        self.journey = journey
        self.told = told  # groups of answers to which this one is added
        self.doubt = doubt  # the group for which it weighs less

    def finish(self, folding: Folding, pack: CompiledPack) -> None:
        """The experience as a fact, with the dissatisfaction that now includes it; the subject's baseline moves on."""
        feedback, joined, view = self.feedback, self.joined, self.frame.touchpoint
        span = self.tone.span()
        if self.told:
            folding.facts += [self._contribution(folding, pack, cause) for cause in self.told]
        importance = feedback.importance if feedback.importance is not None else view.importance
        ideal = feedback.ideal if feedback.ideal is not None else view.ideal
        record = Experience(
            event_id=feedback.event_id,
            revision=1,
            subject_type=feedback.subject_type,
            subject_id=feedback.subject_id,
            occurred_at=feedback.occurred_at,
            about_at=self.about_at,
            brand=feedback.brand,
            channel=feedback.channel,
            journey=self.journey,
            touchpoint=view.name,
            matter=feedback.matter,
            unit=self.unit,
            kind=feedback.kind,
            respondent=feedback.respondent,
            dimension=feedback.dimension or view.dimension,
            reason=feedback.reason,
            experience=joined.experience,
            expectation=joined.expectation,
            expectation_source=self.expectation_source,
            importance=importance,
            ideal=ideal,
            satisfaction=joined.satisfaction,
            weighted=_times(importance, joined.satisfaction),
            gap=_minus(joined.experience, ideal),
            sentiment=self.tone.sure,
            text_start=span.start if span is not None else None,
            text_end=span.end if span is not None else None,
            context=self.context,
            score=dissatisfaction(folding.fold.signs, self.journey, self.source.at, pack.curve),
            pack=pack.name,
            pack_version=pack.version,
            evidence=self._evidence(folding),
            text_unsure=self.tone.unsure,
            text_aspects=[
                AspectTone(aspect=one.aspect, tone=one.tone, text_start=one.start, text_end=one.end)
                for one in self.tone.aspects
            ],
            analyser=self.tone.version or None,
            trust=joined.trust,
            doubt=self.doubt,
        )
        folding.experience = record
        folding.facts.append(Fact("experience", feedback.event_id, self.source.at, record))
        if joined.experience is not None and feedback.respondent == "customer" and joined.trust == 1.0:
            fold = folding.fold
            fold.level_count += 1
            fold.level_mean += (joined.experience - fold.level_mean) / min(fold.level_count, 20)

    def _contribution(self, folding: Folding, pack: CompiledPack, cause: str) -> Fact:
        """What the second job must know of this answer to see whether many like it come at once."""
        return contribution(
            folding,
            pack,
            self.source.event_id,
            self.source.at,
            self.frame.touchpoint.name,
            cause,
            weight=(self.joined.experience or 0.0) / LEVEL_MAX,
            said=True,
            journey=self.journey,
            unit=self.unit,
        )

    def _evidence(self, folding: Folding) -> list[Evidence]:
        return evidence_of(folding.fold.signs, self.journey, self.source.at)


def join(folding: Folding, pack: CompiledPack, feedback: Feedback, source: Source) -> Join:
    """Finds the moment that a feedback is about, and what had happened by then."""
    fold = folding.fold
    touches = recent_touches(fold)
    asked = _asked(fold, feedback)
    about = _about_event(feedback, touches)
    about_at = min(source.at, feedback.about_at or (about.at if about is not None else source.at))
    before = [touch for touch in touches if about_at - CONTEXT_SECONDS * SECOND <= touch.at <= about_at]
    if about is None:
        about = _latest(before, feedback)
    place = feedback.touchpoint or (asked.touchpoint if asked is not None else None)
    view = pack.touchpoint(place or (about.touchpoint if about is not None else None))
    level = level_of(feedback)
    expectation, expectation_source = _expectation(feedback, view)
    tone = folding.analyser.analyse(feedback.text) if feedback.text else SILENT
    of = asked or about
    journey = pack.journey(feedback.journey or (of.journey if of is not None else None), view)
    curve = pack.curve
    if pack.earlier is not None and not _at_this_contact(fold, pack, journey, about, view, about_at):
        curve = pack.earlier
    score = dissatisfaction(fold.signs, journey, about_at, curve)
    waits = [touch.waiting_seconds for touch in before if touch.waiting_seconds is not None]
    context = Context(
        event_id=about.event_id if about is not None else None,
        touchpoint=about.touchpoint if about is not None else None,
        outcome=about.outcome if about is not None else "unknown",
        waiting_seconds=max(waits, default=None),
        contacts=len(before),
        failures=sum(touch.outcome == "failure" for touch in before),
        channels=len({touch.channel for touch in before if touch.channel}),
        score=score,
    )
    joined = Joined(
        experience=level,
        expectation=expectation,
        satisfaction=_minus(level, expectation),
        sentiment=tone.sure,
        worst_aspect=tone.worst_aspect,
        baseline=fold.level_mean if fold.level_count >= 3 else None,
        complaints=sum(sign.said for sign in fold.signs if sign.journey == journey),
        failures=context.failures,
        contacts=context.contacts,
        channels=context.channels,
        waiting_seconds=context.waiting_seconds,
        score=score,
    )
    unit = feedback.unit or (about.unit if about is not None else None)
    told, doubt = _together(folding, pack, feedback, unit, level, view, source)
    if doubt is not None and pack.file.bulk_answers is not None:
        joined.trust = pack.file.bulk_answers.weight
    elif feedback.respondent == "customer":
        _feel(fold, joined, tone, source, journey)
    frame = Frame(fold, source.at, view, feedback, curve=pack.curve)
    frame.joined = joined
    return Join(
        feedback, source, about_at, before, frame, joined, tone, context, expectation_source, unit, journey, told, doubt
    )


def _together(
    folding: Folding,
    pack: CompiledPack,
    feedback: Feedback,
    unit: str | None,
    level: float | None,
    view: TouchpointView,
    source: Source,
) -> tuple[list[str], str | None]:
    """The groups of answers to which a customer's score belongs, and the one in which it looks coached or given in bulk."""
    rule = pack.file.bulk_answers
    if rule is None or level is None or feedback.respondent != "customer":
        return [], None
    told, words = list(groups(feedback, unit, rule)), folding.controls.words
    doubt = None
    if words and is_full(level, rule):
        doubt = next((cause for cause in told if words.cover(feedback.brand, view.name, cause, source.at)), None)
    return told, doubt


def _feel(fold: Fold, joined: Joined, tone: Tone, source: Source, journey: str) -> None:
    """The answer takes its place in the course of answers; what they say together is joined with it."""
    scored = joined.experience is not None
    level = joined.experience if joined.experience is not None else _toned(tone.sure)
    if level is None:
        return
    felt = Felt(source.at, source.event_id, journey, level, joined.satisfaction, scored)
    answers = [*load_felt(fold.felt), felt]
    fold.felt = dump_felt(answers)
    course, all_answers = course_of(answers, journey, source.at), together(answers, source.at)
    joined.emotion, joined.emotion_points, joined.emotion_level = level, course.points, course.level
    joined.emotion_slope, joined.emotion_worst, joined.peak_end = course.slope, course.worst, course.peak_end
    joined.answers, joined.lowest, joined.spread = all_answers.answers, all_answers.lowest, all_answers.spread
    joined.mean_satisfaction = all_answers.mean_satisfaction


def _toned(tone: float | None) -> float | None:
    return None if tone is None else MIDDLE * (1.0 + tone)


def level_of(feedback: Feedback) -> float | None:
    """The score as a level, 0 (worst) to 10 (best), whatever its scale and direction; None without a score."""
    if feedback.score is None:
        return None
    worst, best = scale(feedback)
    return LEVEL_MAX * (feedback.score - worst) / (best - worst) + 0.0  # no level is −0


def _asked(fold: Fold, feedback: Feedback) -> Episode | None:
    """The episode about which the customer was asked: this is the answer. A message that is out keeps its id."""
    ids = {feedback.action_id, feedback.invitation_id} - {None}
    return next((one for one in fold.episodes if not ids.isdisjoint(one.actions)), None) if ids else None


def _about_event(feedback: Feedback, touches: list[Touch]) -> Touch | None:
    if feedback.about_event_id is not None:
        return next((touch for touch in touches if touch.event_id == feedback.about_event_id), None)
    if feedback.about_at is None and feedback.matter is not None:
        touches = [touch for touch in touches if touch.matter == feedback.matter]
        about = [touch for touch in touches if feedback.touchpoint in (None, touch.touchpoint)]
        return about[-1] if about else None
    return None


def _latest(touches: list[Touch], feedback: Feedback) -> Touch | None:
    """The latest contact at the touchpoint that the feedback names, else the latest at all."""
    if feedback.touchpoint is not None:
        touches = [touch for touch in touches if touch.touchpoint == feedback.touchpoint]
    return touches[-1] if touches else None


def _at_this_contact(
    fold: Fold, pack: CompiledPack, journey: str, about: Touch | None, view: TouchpointView, at: int
) -> bool:
    """Was there bad evidence from the very contact that an answer is about, or from a promise about its touchpoint?"""
    return any(
        not sign.said
        and sign.at <= at
        and sign.journey == journey
        and (
            (about is not None and sign.event_id == about.event_id)
            or (sign.touchpoint == view.name and sign.signal in pack.watch_signals)
        )
        for sign in fold.signs
    )


def _expectation(feedback: Feedback, view: TouchpointView) -> tuple[float | None, ExpectationSource]:
    """An expectation is stated, inherited from the pack, none by the pack's own word, or unknown."""
    if feedback.expectation is not None:
        return feedback.expectation, "stated"
    if view.expects_nothing:
        return None, "none"
    if view.expectation is not None:
        return view.expectation, "inherited"
    return None, "unknown"


def _minus(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left - right


def _times(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left * right
