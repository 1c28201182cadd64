"""What the conditions of a pack may name, by where they stand in it."""

from typing import get_args

from schemas.decisions import EpisodeStage
from schemas.events import Feedback, Touchpoint
from streams.experience.conditions import (
    BOOL,
    DOUBLE,
    INT,
    NULLABLE,
    SYMBOL,
    Environment,
    Signature,
    Type,
    struct_type,
)
from streams.experience.festivals import NONE
from streams.experience.frame import OTHER, EpisodeView, Joined, SignalView, SubjectView, TouchpointView
from streams.experience.pack import PackFile
from streams.experience.state import Profile

_COUNTS = ("failures", "failures_anywhere", "abandoned", "contacts", "channels")
_FUNCTIONS = {
    **{name: Signature((DOUBLE,), INT) for name in _COUNTS},
    "self_service_failures": Signature((DOUBLE,), INT),
    "asked_again": Signature((), INT),
    "staff": Signature((DOUBLE,), INT),
    "staff_changed": Signature((), BOOL),
    "price_rise": Signature((), DOUBLE),
    "promise_moved_seconds": Signature((), DOUBLE),
    "usual_waiting_seconds": Signature((), DOUBLE),
    "unusual_waiting": Signature((), DOUBLE),
    "waiting_spread": Signature((DOUBLE,), DOUBLE),
    "late_seconds": Signature((), DOUBLE),
    "delivered_value": Signature((), DOUBLE),
    "delivered_value_before": Signature((), DOUBLE),
    "score": Signature((), DOUBLE),
    "episode_open": Signature((), BOOL),
    "successes": Signature((), INT),
    "birthday": Signature((), BOOL),
}


def environments(pack: PackFile) -> dict[str, Environment]:
    """What conditions may name, by where they stand. Names of touchpoints, journeys, signals and causes are closed sets:
    one that the pack does not have is an error at load and not a rule that never fires.
    """
    touchpoint, journey = SYMBOL(*pack.touchpoints, OTHER), SYMBOL(*pack.journeys, OTHER)
    cause = SYMBOL(*{signal.cause or name: None for name, signal in pack.signals.items()})
    place: dict[str, Type[object] | None] = {"touchpoint": touchpoint, "journey": journey}
    said: dict[str, Type[object] | None] = {"touchpoint": NULLABLE(touchpoint), "journey": NULLABLE(journey)}
    around: dict[str, Type[object]] = {
        "customer": struct_type(Profile, {"consents": None}),
        "subject": struct_type(SubjectView),
        "touchpoint": struct_type(TouchpointView, {"name": touchpoint, "journey": journey}),
    }
    event = struct_type(Touchpoint, {**said, "touchpoint": touchpoint})
    episode = struct_type(EpisodeView, {**place, "cause": cause, "stage": SYMBOL(*get_args(EpisodeStage))})
    signal = struct_type(SignalView, {**place, "name": SYMBOL(*pack.signals)})
    seen: dict[str, dict[str, Type[object]]] = {
        "touchpoint": {"event": event},
        "feedback": {"event": struct_type(Feedback, said), "joined": struct_type(Joined)},
        "watch": {},
        "episode": {"episode": episode},
        "signal": {"signal": signal},
    }
    functions = {**_FUNCTIONS, "festival": Signature((), SYMBOL(NONE, *pack.festivals))}
    return {name: Environment({**around, **variables}, functions) for name, variables in seen.items()}
