"""What customers say: answers to surveys (few), complaints (of the outspoken), praise. Most say nothing.

An answer is about the moment of the contact; what is felt meanwhile colours it.
"""

from typing import Final, NamedTuple

from schemas.decisions import Action
from schemas.events import Feedback, FeedbackKind, ScaleDirection
from streams.simulate.customers import Person
from streams.simulate.matter import Matter
from streams.simulate.mood import fade
from streams.simulate.plan import US_PER_SECOND
from streams.simulate.regulars import ANSWERS
from streams.simulate.truth import Line, when
from streams.simulate.world import Step, World

_ANSWERS: Final = 0.08  # of those asked, when nothing is remarkable
_ANSWERS_UNHAPPY: Final = 0.25
_ANSWERS_DELIGHTED: Final = 0.2
_WRITES: Final = 0.45  # of those who answer
_COMPLAINS_AGAIN_US: Final = 3_600 * US_PER_SECOND


class _Survey(NamedTuple):
    """How a touchpoint asks. Scales are its own; on the phone menu 1 is best."""

    kind: FeedbackKind
    low: float
    high: float
    direction: ScaleDirection = "higher_is_better"
    channel: str | None = None
    dimension: str | None = None


_SURVEYS: Final[dict[str, tuple[_Survey, ...]]] = {
    "checkout": (_Survey("ces", 1, 7),),
    "payment": (_Survey("ces", 1, 7),),
    "delivery": (_Survey("nps", 0, 10), _Survey("csat", 1, 5), _Survey("stars", 1, 5, dimension="product")),
    "pickup": (_Survey("csat", 1, 5),),
    "store_visit": (_Survey("csat", 1, 5), _Survey("dimension", 0, 10, dimension="service")),
    "hotline": (_Survey("csat", 1, 5, "lower_is_better", "phone"), _Survey("nps", 0, 10)),
    "chat": (_Survey("csat", 1, 5),),
    "store_desk": (_Survey("csat", 1, 5),),
    "service_desk": (_Survey("csat", 1, 5),),
    "refund": (_Survey("dimension", 0, 10, dimension="price"),),
    "check_in": (_Survey("ces", 1, 7),),
    "booking": (_Survey("ces", 1, 7),),
    "arrival": (_Survey("nps", 0, 10), _Survey("dimension", 0, 10, dimension="service")),
    "baggage_claim": (_Survey("csat", 1, 5),),
    "lounge": (_Survey("stars", 1, 5),),
    "appointment": (_Survey("ces", 1, 7),),
    "drop_off": (_Survey("csat", 1, 5), _Survey("dimension", 0, 10, dimension="service")),
    "hand_over": (_Survey("nps", 0, 10), _Survey("csat", 1, 5), _Survey("dimension", 0, 10, dimension="service")),
    "bill": (_Survey("dimension", 0, 10, dimension="price"), _Survey("csat", 1, 5)),
    "adviser": (_Survey("csat", 1, 5),),
    "roadside": (_Survey("nps", 0, 10), _Survey("stars", 1, 5)),
    "self_service": (_Survey("ces", 1, 7),),
    "shop": (_Survey("csat", 1, 5),),
    "activation": (_Survey("nps", 0, 10),),
    "technician": (_Survey("nps", 0, 10), _Survey("csat", 1, 5)),
}


def ask(world: World, person: Person, matter: Matter, touchpoint: str, event_id: str, quality: float) -> None:
    """The end of a contact: an invitation to a survey. `quality`: levels by which it beat (or missed) what satisfies, about −6 to 3."""
    quality = world.met(person, matter, touchpoint, event_id, quality)
    if person.course:
        chance = ANSWERS * world.plan.outspoken
    elif quality <= -2 or person.spell is not None:
        chance = _ANSWERS_UNHAPPY * (0.4 * world.plan.outspoken + 1.5 * person.outspoken)
    else:
        chance = (_ANSWERS_DELIGHTED if quality >= 1.8 else _ANSWERS) * world.plan.outspoken
    if world.random() < chance:
        about_at = world.now
        world.later(60 + 1500 * world.random() ** 2, _answer(touchpoint, event_id, about_at, quality), person, matter)


def _answer(touchpoint: str, event_id: str, about_at: int, quality: float) -> Step:
    def answer(world: World, person: Person, matter: Matter) -> None:
        surveys = _SURVEYS[touchpoint]
        survey = surveys[int(world.random() * len(surveys))]
        fade(person, world.now, world.truth)
        level = _level(world, person, quality)
        share = level / 10 if survey.direction == "higher_is_better" else 1 - level / 10
        score = float(round(survey.low + share * (survey.high - survey.low)))
        text, language = _words(world, person, matter, touchpoint, level) if world.random() < _WRITES else (None, None)
        stated = survey.kind == "dimension"
        feedback = Feedback(
            event_id=world.new_id(),
            subject_type="customer",
            subject_id=person.id,
            occurred_at=world.now,
            source="survey",
            brand=world.company.brand,
            channel=survey.channel or matter.channel,
            touchpoint=touchpoint,
            about_at=about_at,
            about_event_id=event_id,
            kind=survey.kind,
            score=score,
            scale_min=survey.low,
            scale_max=survey.high,
            scale_direction=survey.direction,
            dimension=survey.dimension,
            expectation=round(person.expectation) if stated else None,
            importance=float(int(5 + 6 * world.random())) if stated else None,
            text=text,
            language=language,
            matter=matter.id,
            product=matter.product,
            invitation_id=f"i-{event_id}",
        )
        _say(world, person, feedback)

    return answer


def _level(world: World, person: Person, quality: float) -> float:
    """0–10: the same service is worth less to somebody who expects more, or who is annoyed anyway."""
    felt = 7.0 + 0.9 * quality - 0.5 * (person.expectation - 8) - 2.0 * min(person.annoyance, 2.0)
    return min(10.0, max(0.0, felt + world.rng.gauss(0, 1.0)))


def _words(world: World, person: Person, matter: Matter, touchpoint: str, level: float) -> tuple[str, str]:
    if level <= 4.5 and matter.cause:
        remark = world.remarks.unhappy(person.language, matter.cause, matter.touchpoint)
    elif level >= 7:
        remark = world.remarks.happy(person.language, touchpoint)
    else:
        remark = world.remarks.indifferent(person.language)
    world.truth.tell("remark", customer=person.id, at=when(world.now), tone=remark.tone, text=remark.text)
    return remark.text, "zh-CN" if person.language == "zh" else "en"


def complain(world: World, person: Person, matter: Matter) -> None:
    """A step: a complaint about what last went wrong in this matter."""
    person.complained_at = world.now
    remark = world.remarks.unhappy(person.language, matter.cause, matter.touchpoint)
    world.truth.tell("remark", customer=person.id, at=when(world.now), tone=remark.tone, text=remark.text)
    _utter(world, person, matter, "complaint", matter.touchpoint, remark.text, matter.event_id)


def may_complain(world: World, person: Person, matter: Matter) -> None:
    """An unhappy customer who speaks out does so some minutes later, and not all the time."""
    patient = world.now - person.complained_at < _COMPLAINS_AGAIN_US
    if not patient and world.random() < person.outspoken * (0.5 if person.spell is not None else 0.08):
        person.complained_at = world.now
        world.later(60 + 1700 * world.random(), complain, person, matter)


def may_praise(world: World, person: Person, matter: Matter, touchpoint: str, event_id: str) -> None:
    """Somebody who is pleased again and again, or was helped, says so now and then."""
    if person.pleased >= 2 and world.random() < 0.03 * (0.3 + person.outspoken):
        remark = world.remarks.happy(person.language, touchpoint)
        world.truth.tell("remark", customer=person.id, at=when(world.now), tone=remark.tone, text=remark.text)
        _utter(world, person, matter, "praise", touchpoint, remark.text, event_id)


def answer_about_recovery(world: World, person: Person, matter: Matter, action: Action) -> None:
    """Somebody whose matter was resolved is asked whether it helped; about a third answer."""
    if world.random() < 0.35:
        world.later(120 + 1200 * world.random(), _answer_about(action), person, matter)


def _answer_about(action: Action) -> Step:
    def answer(world: World, person: Person, matter: Matter) -> None:
        fade(person, world.now, world.truth)
        level = _level(world, person, 1.5)
        feedback = Feedback(
            event_id=world.new_id(),
            subject_type="customer",
            subject_id=person.id,
            occurred_at=world.now,
            source="survey",
            brand=world.company.brand,
            channel="phone",
            touchpoint=action.touchpoint,
            kind="csat",
            score=float(round(1 + level * 0.4)),
            scale_min=1.0,
            scale_max=5.0,
            matter=action.matter,
            action_id=action.action_id,
        )
        _say(world, person, feedback)

    return answer


def _utter(
    world: World, person: Person, matter: Matter, kind: FeedbackKind, touchpoint: str, text: str, about: str
) -> None:
    feedback = Feedback(
        event_id=world.new_id(),
        subject_type="customer",
        subject_id=person.id,
        occurred_at=world.now,
        source="voice",
        brand=world.company.brand,
        channel=matter.channel if world.random() < 0.6 else "mail",
        touchpoint=touchpoint,
        about_event_id=about or None,
        kind=kind,
        text=text,
        language="zh-CN" if person.language == "zh" else "en",
        matter=matter.id,
        product=matter.product,
    )
    _say(world, person, feedback)


def _say(world: World, person: Person, feedback: Feedback) -> None:
    world.emitted.append(feedback)
    if person.spell is not None and feedback.kind != "praise":
        said: Line = {
            "at": when(world.now),
            "kind": feedback.kind,
            "event_id": feedback.event_id,
            "score": feedback.score,
        }
        person.spell.said.append(said)
