"""A range of the log through the core again, and how the actions differ from those that were emitted. It has no way to send.

Within a range, order of arrival is not kept but order of event time: live ends in the same actions for everything that came
in time. What differs has a class: the pack, the analyser of texts, the edges of the range (memory from before it, timers after it), or too late in live:
the worker had refused it, or it came when a message to the customer had settled and could not be called back.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

import msgspec

from schemas.controls import Control
from schemas.decisions import Action, Cause
from schemas.refusals import InvalidEvent
from streams.admin import Admin
from streams.analysers import analyser
from streams.codec import OUTPUTS, codec
from streams.connect.log import read_log
from streams.engine.job import Message, Output
from streams.engine.partitioning import partition_of
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf, first_pack
from streams.experience.folding import TOPICS
from streams.experience.incidents import Incidents
from streams.experience.insights import RULE_NAME as INSIGHT  # they rest on more weeks than a range
from streams.experience.members import steers
from streams.experience.subjects import Subjects
from streams.experience.surroundings import Limits
from streams.packs_folder import audiences_of
from streams.replay.driver import Driver
from streams.replay.live_refusals import LateInLive, late_in_live
from streams.settings import Settings

Class = Literal["pack", "analyser", "edge", "late", "other"]
NOT_CONTENT: Final = ("revision", "supersedes", "evidence", "losers", "pack", "pack_version", "rule_version")


_TONE: Final = re.compile(r"(?:^|; )tone [+-]\d\.\d\d by (\S+)$")  # as signals.py tells it


class Difference(msgspec.Struct):
    """An action that only one side has, or that says something else. `why`: its class."""

    action_id: str
    subject_id: str
    decided_at: int
    rule: str
    kind: str
    audience: str
    side: Literal["live", "replay", "both"]
    why: Class
    fields: list[str]


class Report(msgspec.Struct):
    """What a replay found. `late`: inputs of these subjects were too late in live."""

    inputs: int
    refused: int
    late: int
    live: int
    replayed: int
    same: int
    differences: list[Difference]

    def by_class(self) -> dict[str, int]:
        """How many differences each class has."""
        return dict(Counter(one.why for one in self.differences))


class Range(msgspec.Struct):
    """What to replay: by time of arrival (ms), or offsets by (full topic name, partition); None: all that is there."""

    since_ms: int | None = None
    until_ms: int | None = None
    begin: Mapping[tuple[str, int], int] | None = None
    end: Mapping[tuple[str, int], int] | None = None


class Replay:
    """One replay. `pack` None: the packs that were in force, as cx-controls has them."""

    def __init__(
        self,
        settings: Settings,
        shelf: Shelf,
        limits: Limits,
        pack: CompiledPack | None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._shelf = Shelf((*shelf.packs(), *([pack] if pack is not None else [])))
        self._limits = limits
        self._analyser = analyser(settings)
        self._analysers: set[str] = set()  # that the live actions name
        self._pack = pack
        self._progress = progress
        self._codec = codec(settings, OUTPUTS, audiences_of(self._shelf))
        self._inputs = self._refused = 0
        self._future = settings.worker_future_limit_seconds * 1_000_000
        self._late = LateInLive(set(), set())
        self._keys: set[bytes] = set()
        self._events: set[str] = set()
        self._partitions = 0
        self._cut = False  # some offsets of some topics: whatever else there was is outside
        self._newest_at: dict[int, int] = {}  # by partition: each has come as far as its own events
        self._oldest_at = 1 << 62
        self.actions: dict[str, Action] = {}  # in force at the end

    def run(self, range_: Range) -> Report:
        """Reads, decides, compares."""
        self._cut = range_.begin is not None
        self._late = late_in_live(self._settings)
        controls = self._controls()
        by_partition: dict[int, list[Message]] = {}
        for message in self._read(TOPICS, range_):
            by_partition.setdefault(message.partition, []).append(message)
        words = self._pass(by_partition, controls, [])
        if words:  # on bursts of answers: what they weigh is known only now
            self._inputs = self._refused = 0
            self.actions.clear()
            self._pass(by_partition, controls, words)
        return self._compare(self._live(range_))

    def _pass(
        self, by_partition: Mapping[int, list[Message]], controls: Mapping[int, list[Control]], words: list[Control]
    ) -> list[Control]:
        """Both jobs once; gives the words on bursts of answers."""
        causes: list[Output] = []
        for partition, messages in sorted(by_partition.items()):
            causes += self._partition(messages, [*controls.get(partition, []), *words])
        return self._run_incidents(causes)

    def _read(self, topics: Iterable[str], range_: Range) -> Iterable[Message]:
        for message in read_log(self._settings, topics, begin=range_.begin, end=range_.end, since_ms=range_.since_ms):
            if range_.until_ms is None or message.timestamp_ms < range_.until_ms:
                yield message

    def _controls(self) -> dict[int, list[Control]]:
        """Controls by partition and time, without those that were refused; packs are replaced by the one that is given."""
        with Admin(self._settings) as admin:
            self._partitions = admin.topics()[self._settings.topic("cx-controls")].partitions
        found: dict[int, dict[str, Control]] = {partition: {} for partition in range(self._partitions)}
        for message in read_log(self._settings, ["cx-controls"]):
            try:
                control = self._codec.decode(message.value, Control)
            except InvalidEvent:
                continue
            refused = (message.partition, message.offset) in self._late.controls
            if control.incident is not None:
                continue  # found anew; what is usual was learnt from more than the range
            if not refused and (self._pack is None or control.pack is None):
                found[message.partition][control.control_id] = control
        if self._pack is not None:
            for controls in found.values():
                controls["pack"] = first_pack(self._pack)
        return {
            partition: sorted(controls.values(), key=lambda one: (one.in_force_at, one.written_at))
            for partition, controls in found.items()
        }

    def _partition(self, messages: list[Message], controls: list[Control]) -> list[Output]:
        job = Subjects(self._codec, self._shelf, self._analyser, self._limits)
        driver = Driver(job)
        for control in controls:
            driver.control(Message("cx-controls", 0, 0, 0, control.control_id.encode(), self._codec.encode(control)))
        decoded = []
        for message in messages:
            self._inputs += 1
            try:
                one = job.decode(message)
            except InvalidEvent:
                self._refused += 1
                continue
            if self._is_misplaced(message, one.at):
                self._refused += 1
                continue
            decoded.append((one.value.order, message))
            self._keys.add(one.key)
            self._events.add(one.value.source.event_id)
        outputs: list[Output] = []
        for (at, _, _), message in sorted(decoded, key=lambda item: (item[0], item[1].offset)):
            self._newest_at[message.partition] = at
            self._oldest_at = min(self._oldest_at, at)
            outputs += driver.take(message)
            self._progress(1)
        self._late.keys.update(one.message.key for one in driver.rejected if one.message.key is not None)
        for output in outputs:
            if output.topic == "cx-actions":
                self._hold(self.actions, self._codec.decode(output.value, Action))
        return [output for output in outputs if output.topic == "cx-causes"]

    def _is_misplaced(self, message: Message, at: int) -> bool:
        """The engine refuses these two before a job sees them."""
        wrong = message.key is not None and partition_of(message.key, self._partitions) != message.partition
        return wrong or at > message.timestamp_ms * 1000 + self._future

    def _run_incidents(self, causes: list[Output]) -> list[Control]:
        words = []
        driver = Driver(Incidents(self._codec, self._shelf, self._limits))
        dated = [
            (self._codec.decode(output.value, Cause).occurred_at, index, output) for index, output in enumerate(causes)
        ]
        for _, index, output in sorted(dated, key=lambda item: item[:2]):
            for result in driver.take(Message("cx-causes", 0, index, 0, output.key, output.value)):
                if result.topic == "cx-actions":
                    action = self._codec.decode(result.value, Action)
                    if action.rule != INSIGHT:
                        self._hold(self.actions, action)
                elif result.topic == "cx-controls":
                    control = self._codec.decode(result.value, Control)
                    if control.incident is not None and steers(control.incident.cause, self._shelf.packs()):
                        words.append(control)
        return words

    @staticmethod
    def _hold(held: dict[str, Action], action: Action) -> None:
        if action.retracted:
            held.pop(action.action_id, None)
        else:
            held[action.action_id] = action

    def _live(self, range_: Range) -> dict[str, Action]:
        """The actions that were emitted and hold, of subjects and within the event time that were replayed."""
        held: dict[str, Action] = {}
        revisions: dict[str, int] = {}
        since = Range(since_ms=range_.since_ms)
        for message in self._read(["cx-actions"], since):
            action = self._codec.decode(message.value, Action)
            if action.rule != INSIGHT and action.revision > revisions.get(action.action_id, 0):
                revisions[action.action_id] = action.revision
                self._hold(held, action)
        return {
            name: one
            for name, one in held.items()
            if self._oldest_at <= one.decided_at <= self._end_for(one)
            and (one.subject_type == "touchpoint" or one.subject_id.encode() in self._keys)
        }

    def _compare(self, live: dict[str, Action]) -> Report:
        self._late.keys.intersection_update(self._keys | {_cause_key(one) for one in live.values()})
        tones = (_TONE.search(row.detail or "") for one in live.values() for row in one.evidence)
        self._analysers = {tone[1] for tone in tones if tone is not None}
        differences = []
        for name in sorted({*live, *self.actions}):
            ours, theirs = self.actions.get(name), live.get(name)
            fields = _differing(ours, theirs)
            if fields:
                differences.append(self._difference(ours, theirs, fields))
        differences.sort(key=lambda one: (one.decided_at, one.subject_id, one.rule))
        same = len({*live, *self.actions}) - len(differences)
        return Report(
            self._inputs, self._refused, len(self._late.keys), len(live), len(self.actions), same, differences
        )

    def _difference(self, ours: Action | None, theirs: Action | None, fields: list[str]) -> Difference:
        one = ours or theirs
        assert one is not None  # a difference has at least one side
        side: Literal["live", "replay", "both"] = "both" if ours and theirs else "replay" if ours else "live"
        return Difference(
            one.action_id,
            one.subject_id,
            one.decided_at,
            one.rule,
            one.kind,
            one.audience,
            side,
            self._why(one, theirs),
            fields,
        )

    def _why(self, one: Action, theirs: Action | None) -> Class:
        if self._pack is not None and (theirs is None or theirs.pack_version != self._pack.version):
            return "pack"
        evidence = [*one.evidence, *(theirs.evidence if theirs is not None else ())]
        if self._analysers - {self._analyser.version} and any(_TONE.search(row.detail or "") for row in evidence):
            return "analyser"
        settled = one.emit == "settled"
        end = self._end_for(one)
        if one.decided_at < self._oldest_at + self._limits.lateness or one.decided_at > end:
            return "edge"
        if settled and one.decided_at > end - self._limits.lateness:
            return "edge"
        if one.subject_type == "touchpoint" and one.expires_at is not None and one.expires_at > end:
            return "edge"  # it went on beyond the range
        if self._cut or (theirs is not None and any(row.event_id not in self._events for row in theirs.evidence)):
            return "edge"
        late = _cause_key(one) if one.subject_type == "touchpoint" else one.subject_id.encode()
        return "late" if settled or late in self._late.keys else "other"

    def _end_for(self, action: Action) -> int:
        """Event time at which the range ends for an action (µs): its subject's partition, for an incident the one that is behind."""
        if action.subject_type == "touchpoint":
            return min(self._newest_at.values(), default=0)
        return self._newest_at.get(partition_of(action.subject_id.encode(), self._partitions), 0)


def _cause_key(action: Action) -> bytes:
    """Key of an incident's causes."""
    return "|".join((action.brand or "", action.touchpoint or "", action.cause or "")).encode()


def _differing(ours: Action | None, theirs: Action | None) -> list[str]:
    """Names of the fields that differ; one side missing: what that is."""
    if ours is None or theirs is None:
        return ["only in live"] if ours is None else ["only in the replay"]
    names = [name for name in Action.__struct_fields__ if name not in NOT_CONTENT]
    return [name for name in names if getattr(ours, name) != getattr(theirs, name)]
