"""What conditions see: the input, the customer, the touchpoint as the pack has it, and functions over what happened before."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from schemas.events import Feedback, SubjectType, Touchpoint
from streams.experience import matters
from streams.experience.delivered import Account, account_of
from streams.experience.festivals import festival_on, is_birthday, local_day
from streams.experience.habits import Habits
from streams.experience.score import Curve, dissatisfaction
from streams.experience.state import Episode, Fold, Profile, Touch
from streams.experience.touches import recent_touches
from streams.experience.waits import Usual

SECOND = 1_000_000
OTHER = "other"  # the touchpoint and journey of what a pack does not know


class TouchpointView(msgspec.Struct, frozen=True):
    """The touchpoint as the pack has it; nulls where the pack says nothing, or does not know it."""

    name: str = OTHER
    journey: str = OTHER
    dimension: str | None = None
    expectation: float | None = None
    importance: float | None = None
    ideal: float | None = None
    expects_nothing: bool = False
    asks_for_help: bool = False
    self_service: bool = False
    names_price: bool = False
    waiting_promised_seconds: float | None = None
    owner: str | None = None


class SubjectView(msgspec.Struct, frozen=True):
    """Whom the input is about."""

    type: SubjectType


class Joined(msgspec.Struct):
    """A feedback against the O state at the moment it is about."""

    experience: float | None = None
    expectation: float | None = None
    satisfaction: float | None = None
    sentiment: float | None = None
    worst_aspect: str | None = None
    baseline: float | None = None
    complaints: int = 0
    failures: int = 0
    contacts: int = 0
    channels: int = 0
    waiting_seconds: float | None = None
    score: float = 0.0
    answers: int = 0
    lowest: float | None = None
    spread: float | None = None
    mean_satisfaction: float | None = None
    emotion: float | None = None
    emotion_points: int = 0
    emotion_level: float | None = None
    emotion_slope: float | None = None
    emotion_worst: float | None = None
    peak_end: float | None = None
    trust: float = 1.0  # what this answer weighs: less where it looks coached or given in bulk


class EpisodeView(msgspec.Struct):
    """The episode that an action is about."""

    journey: str
    touchpoint: str
    cause: str
    stage: str
    score: float
    peak_score: float
    reopened: int
    worsened: int
    missed: int
    said: bool
    inferred: bool
    recurrences: int
    waiting: bool
    worked: bool


class SignalView(msgspec.Struct):
    """The signal that an action follows."""

    name: str
    journey: str
    touchpoint: str
    weight: float
    said: bool
    trust: float = 1.0  # of the answer that gave it
    closes: bool = False  # it has shown that an episode is over


class Frame(msgspec.Struct):
    """One input and what surrounds it. Functions take seconds and look back from the input's event time."""

    fold: Fold
    at: int
    touchpoint: TouchpointView
    event: Touchpoint | Feedback | None = None
    joined: Joined | None = None
    episode: EpisodeView | None = None
    signal: SignalView | None = None
    curve: Curve | None = None  # of the pack
    valued: Account | None = None  # what the matter of this event gave and took, where that is known already
    habits: Habits | None = None  # what is usual; with `zone`, its time zone
    zone: ZoneInfo | None = None
    festivals: Mapping[str, str] | None = None  # of the pack
    house_zone: str = "UTC"  # where the customer's is unknown
    _touches: list[Touch] | None = None

    @property
    def customer(self) -> Profile:
        """What is known of the customer."""
        return self.fold.profile

    @property
    def subject(self) -> SubjectView:
        """A customer, somebody anonymous, a unit."""
        return SubjectView(self.fold.subject_type)

    def touches(self) -> list[Touch]:
        """Recent touches, oldest first, the input itself included."""
        if self._touches is None:
            self._touches = recent_touches(self.fold)
        return self._touches

    def _count(self, seconds: float, wanted: Callable[[Touch], bool]) -> int:
        since = self.at - seconds * SECOND
        return sum(1 for touch in self.touches() if touch.at >= since and touch.at <= self.at and wanted(touch))

    def failures(self, seconds: float) -> int:
        """Failures at this touchpoint."""
        name = self.touchpoint.name
        return self._count(seconds, lambda touch: touch.outcome == "failure" and touch.touchpoint == name)

    def failures_anywhere(self, seconds: float) -> int:
        """Failures at any touchpoint."""
        return self._count(seconds, lambda touch: touch.outcome == "failure")

    def abandoned(self, seconds: float) -> int:
        """Contacts at this touchpoint that the customer gave up."""
        name = self.touchpoint.name
        return self._count(seconds, lambda touch: touch.outcome == "abandoned" and touch.touchpoint == name)

    def contacts(self, seconds: float) -> int:
        """Contacts in which the customer asked for help about this matter; 0 where the event names no matter."""
        matter = self.event.matter if self.event is not None else None
        if matter is None:
            return 0
        return self._count(seconds, lambda touch: touch.asks_for_help and touch.matter == matter)

    def channels(self, seconds: float) -> int:
        """Different channels in which the customer asked for help about this matter."""
        matter = self.event.matter if self.event is not None else None
        if matter is None:
            return 0
        since = self.at - seconds * SECOND
        return len(
            {
                touch.channel
                for touch in self.touches()
                if touch.asks_for_help and touch.matter == matter and since <= touch.at <= self.at
            }
        )

    def _history(self) -> tuple[Touchpoint | None, Sequence[Touch]]:
        """The event and the touches among which are earlier ones about its matter; none where there are none: the matter's
        name would stand in them.
        """
        event = self.event
        if not isinstance(event, Touchpoint):
            return None, ()
        matter = event.matter
        return event, self.touches() if matter and self.fold.recent.count(matter.encode()) > 1 else ()

    def self_service_failures(self, seconds: float) -> int:
        """Times that self-service about this matter failed or was given up before."""
        event, touches = self._history()
        return 0 if event is None else matters.self_service_failures(touches, event, self.at - seconds * SECOND)

    def asked_again(self) -> int:
        """Of what the customer is asked for now, how much was told about this matter before."""
        event, touches = self._history()
        return 0 if event is None else matters.asked_again(touches, event)

    def staff(self, seconds: float) -> int:
        """Different people who have served this matter, this event's included."""
        event, touches = self._history()
        return 0 if event is None else len(matters.staff(touches, event, self.at - seconds * SECOND))

    def staff_changed(self) -> bool:
        """Somebody serves this matter who has not before, and others have."""
        event, touches = self._history()
        return event is not None and matters.staff_changed(touches, event)

    def price_rise(self) -> float:
        """By what share the amount is above what was named before; 0.0 where it is not."""
        event, touches = self._history()
        return 0.0 if event is None else matters.price_rise(touches, event)

    def promise_moved_seconds(self) -> float:
        """How much later the promised time is than it was first told here about this matter."""
        event, touches = self._history()
        return 0.0 if event is None else matters.promise_moved_seconds(touches, event, self.touchpoint.name)

    def waiting_spread(self, seconds: float) -> float:
        """The longest wait at this touchpoint less the middle one; 0.0 for fewer than three waits."""
        since, name = self.at - seconds * SECOND, self.touchpoint.name
        here = (touch for touch in self.touches() if touch.touchpoint == name and since <= touch.at <= self.at)
        return matters.waiting_spread([one.waiting_seconds for one in here if one.waiting_seconds is not None])

    def _usual(self) -> Usual | None:
        if self.zone is None or not self.habits or self.event is None:
            return None
        return self.habits.usual(self.event.brand, self.touchpoint.name, self.at, self.zone)

    def usual_waiting_seconds(self) -> float:
        """How long people usually wait here in this hour of the week; 0.0 where that is not known."""
        usual = self._usual()
        return 0.0 if usual is None else usual.median_seconds

    def unusual_waiting(self) -> float:
        """How many deviations this wait lies above what is usual; 0.0 where that is not known."""
        waited = self.event.waiting_seconds if isinstance(self.event, Touchpoint) else None
        usual = None if waited is None else self._usual()
        return 0.0 if usual is None or waited is None else usual.unusual(waited)

    def successes(self) -> int:
        """How often the customer has succeeded at this touchpoint, this event included."""
        return self.fold.successes.get(self.touchpoint.name, 0)

    def festival(self) -> str:
        """Today's festival, as the pack calls it; `none`."""
        return festival_on(self._day(), self.festivals or {})

    def birthday(self) -> bool:
        """Has the customer birthday today? From the attribute `birthday`."""
        return is_birthday(self._day(), self.customer.attributes.get("birthday"))

    def _day(self) -> date:
        return local_day(self.at, self.customer.time_zone, self.house_zone)

    def late_seconds(self) -> float:
        """How much later than promised this event is; 0.0 without a promise or in time."""
        promised = self.event.promised_at if isinstance(self.event, Touchpoint) else None
        return max(0.0, (self.at - promised) / SECOND) if promised is not None else 0.0

    def account(self) -> Account | None:
        """What the matter of this input gave the customer and took."""
        if self.valued is None and self.event is not None:
            self.valued = account_of(self.fold.accounts, self.event.matter)
        return self.valued

    def delivered_value(self) -> float:
        """What is left of it for the customer, in money; 0.0 without a matter, or where the pack does not say how to value."""
        account = self.account()
        return account.value if account is not None else 0.0

    def delivered_value_before(self) -> float:
        """The same before this event."""
        account = self.account()
        return account.before if account is not None else 0.0

    def score(self) -> float:
        """Dissatisfaction in this touchpoint's journey now, 0–1."""
        return dissatisfaction(self.fold.signs, self.touchpoint.journey, self.at, self.curve)

    def episode_open(self) -> bool:
        """Has the customer an episode that is not closed, in any journey?"""
        return open_episode(self.fold) is not None


def open_episode(fold: Fold) -> Episode | None:
    """An episode that is not closed; the oldest."""
    return next((episode for episode in fold.episodes if episode.state != "closed"), None)
