"""Watches the topics from outside, read-committed, as any subscriber would: what comes in, who is told what, and how soon."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Final, NamedTuple

from schemas.codec import Codec
from schemas.decisions import Action, Episode
from schemas.events import Customer, Feedback, Touchpoint
from schemas.refusals import InvalidEvent
from streams.admin import Admin
from streams.connect.log import LogReader
from streams.engine.job import Message
from streams.settings import Settings

SHOWN: Final = 40  # lines kept for the screen
POLL_MS: Final = 100
INPUTS: Final = ("cx-customers", "cx-touchpoints", "cx-feedback", "cx-action-updates")
RESULTS: Final = ("cx-actions", "cx-episodes", "cx-dead-letters")


class Happened(NamedTuple):
    """A line about something that a customer did or said, or that came out. `mood`: bad, said, good, plain."""

    at: int
    name: str
    what: str
    mood: str


class Told(NamedTuple):
    """A line about an action."""

    action: Action
    name: str


class Caused(NamedTuple):
    """An action that an event caused at once: where it stands, its event time (µs), arrival of the event and of the action (ms)."""

    partition: int
    offset: int
    decided_at: int
    cause_ms: int
    action_ms: int


class Watch:
    """What has been seen so far. A thread of its own reads; others only look."""

    def __init__(self, settings: Settings, on_action: Callable[[Action], None]) -> None:
        self._settings = settings
        self._on_action = on_action
        self._codec = Codec()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._names: dict[str, str] = {}
        self._arrived: dict[
            tuple[str, int, int], tuple[int, int]
        ] = {}  # an input's position → arrival (ms), event time
        self.failure: BaseException | None = None
        self.happened: deque[Happened] = deque(maxlen=SHOWN)
        self.told: deque[Told] = deque(maxlen=SHOWN)
        self.inputs: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.actions: dict[str, Action] = {}  # in force
        self.retracted = 0
        self.open_episodes: set[str] = set()
        self.episodes: set[str] = set()
        self.caused: list[Caused] = []
        self.newest_at = 0

    def to_action(self) -> list[float]:
        """Seconds from the arrival of an event to the arrival of the action that it caused, sorted."""
        return sorted((one.action_ms - one.cause_ms) / 1000 for one in list(self.caused))

    def start(self) -> None:
        """Begins at the beginning of the topics."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        try:
            with Admin(self._settings) as admin:
                begins = admin.begin_offsets(self._settings.topic(topic) for topic in (*INPUTS, *RESULTS))
            with LogReader(self._settings, begins) as log:
                while not self._stop.is_set():
                    for message in log.poll(POLL_MS):
                        self._see(message)
        except BaseException as error:  # noqa: BLE001 - shown by whoever looks
            self.failure = error

    def _see(self, message: Message) -> None:
        topic = message.topic
        if topic == "cx-dead-letters":
            self.refused[dict(message.headers).get("touchstone.reason", b"?").decode()] += 1
            return
        if topic in INPUTS:
            self.inputs[topic] += 1
        try:
            at = self._read(message)
        except InvalidEvent:
            return  # refused by the worker, too: it comes back as a dead letter
        self._arrived[topic, message.partition, message.offset] = message.timestamp_ms, at

    def _read(self, message: Message) -> int:
        """Event time of an input (µs); 0 for anything else."""
        if message.topic == "cx-customers":
            customer = self._codec.decode(message.value, Customer)
            self._names[customer.subject_id] = customer.name or customer.subject_id
        elif message.topic == "cx-touchpoints":
            event = self._codec.decode(message.value, Touchpoint)
            self._touch(event)
            return event.occurred_at
        elif message.topic == "cx-feedback":
            feedback = self._codec.decode(message.value, Feedback)
            self._feedback(feedback)
            return feedback.occurred_at
        elif message.topic == "cx-actions":
            self._action(self._codec.decode(message.value, Action), message)
        elif message.topic == "cx-episodes":
            self._episode(self._codec.decode(message.value, Episode))
        return 0

    def name(self, subject: str) -> str:
        """How a customer wants to be addressed."""
        return self._names.get(subject, subject)

    def _touch(self, event: Touchpoint) -> None:
        self.newest_at = max(self.newest_at, event.occurred_at)
        if event.outcome == "failure":
            self._say(event.occurred_at, event.subject_id, f"{event.touchpoint} failed", "bad")
        elif event.outcome == "abandoned":
            self._say(event.occurred_at, event.subject_id, f"gave up at {event.touchpoint}", "bad")
        elif event.waiting_seconds is not None and event.waiting_seconds > 300:
            self._say(
                event.occurred_at,
                event.subject_id,
                f"waited {event.waiting_seconds / 60:.0f} min at {event.touchpoint}",
                "bad",
            )

    def _feedback(self, feedback: Feedback) -> None:
        self.newest_at = max(self.newest_at, feedback.occurred_at)
        score = "" if feedback.score is None else f" {feedback.score:g}"
        text = f" “{feedback.text}”" if feedback.text else ""
        self._say(feedback.occurred_at, feedback.subject_id, f"{feedback.kind}{score}{text}", "said")

    def _say(self, at: int, subject: str, what: str, mood: str) -> None:
        self.happened.append(Happened(at, self.name(subject), what, mood))

    def _action(self, action: Action, message: Message) -> None:
        self._on_action(action)
        if action.retracted:
            self.retracted += 1
            self.actions.pop(action.action_id, None)
            return
        first = action.action_id not in self.actions and action.revision == 1
        self.actions[action.action_id] = action
        if not first:
            return
        self.told.append(Told(action, self.name(action.subject_id)))
        cause = self._cause(action)
        if cause is not None:
            self.caused.append(
                Caused(message.partition, message.offset, action.decided_at, cause, message.timestamp_ms)
            )

    def _cause(self, action: Action) -> int | None:
        """Arrival (ms) of the event that caused an action at once; None where a timer did, or its settling."""
        if action.emit == "settled":
            return None
        known = [self._arrived.get((row.topic, row.partition, row.offset)) for row in action.evidence]
        return max((one[0] for one in known if one is not None and one[1] == action.decided_at), default=None)

    def _episode(self, episode: Episode) -> None:
        self.episodes.add(episode.subject_id)
        if episode.state == "open" and not episode.retracted:
            self.open_episodes.add(episode.episode_id)
        else:
            self.open_episodes.discard(episode.episode_id)
