"""A range of the log through the core again, and how the actions differ from those that were emitted. It has no way to send.

Within a range, order of arrival is not kept but order of event time: live ends in the same actions for everything that came
in time. What differs has a class: the pack, the edges of the range (memory from before it, timers after it), or too late in live.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

import msgspec

from schemas.records import Action, Cause, Control
from schemas.refusals import InvalidEvent
from streams.codec import OUTPUTS, codec
from streams.connect.log import read_log
from streams.engine.job import Message, Output
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf, first_pack
from streams.experience.folding import TOPICS
from streams.experience.incidents import Incidents
from streams.experience.subjects import Subjects
from streams.experience.surroundings import Limits
from streams.experience.text import default_analyser
from streams.packs_folder import audiences_of
from streams.replay.driver import Driver
from streams.settings import Settings

Class = Literal["pack", "edge", "late", "other"]
NOT_CONTENT: Final = ("revision", "supersedes", "evidence", "losers", "pack", "pack_version", "rule_version")


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
    """What a replay found. `late`: inputs that were too late for their window."""

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
        self._pack = pack
        self._progress = progress
        self._codec = codec(settings, OUTPUTS, audiences_of(self._shelf))
        self._inputs = self._refused = self._late = 0
        self._newest_at = 0
        self._oldest_at = 1 << 62
        self.actions: dict[str, Action] = {}  # in force at the end

    def run(self, range_: Range) -> Report:
        """Reads, decides, compares."""
        controls = self._controls()
        by_partition: dict[int, list[Message]] = {}
        for message in self._read(TOPICS, range_):
            by_partition.setdefault(message.partition, []).append(message)
        causes: list[Output] = []
        for _, messages in sorted(by_partition.items()):
            causes += self._partition(messages, controls)
        self._run_incidents(causes)
        return self._compare(self._live(range_))

    def _read(self, topics: Iterable[str], range_: Range) -> Iterable[Message]:
        for message in read_log(self._settings, topics, begin=range_.begin, end=range_.end, since_ms=range_.since_ms):
            if range_.until_ms is None or message.timestamp_ms < range_.until_ms:
                yield message

    def _controls(self) -> list[Control]:
        """Controls by time; packs are replaced by the one that is given."""
        found = {}
        for message in read_log(self._settings, ["cx-controls"]):
            try:
                control = self._codec.decode(message.value, Control)
            except InvalidEvent:
                continue
            if self._pack is None or control.pack is None:
                found[control.control_id] = control
        if self._pack is not None:
            found["pack"] = first_pack(self._pack)
        return sorted(found.values(), key=lambda one: (one.in_force_at, one.written_at))

    def _partition(self, messages: list[Message], controls: list[Control]) -> list[Output]:
        job = Subjects(self._codec, self._shelf, default_analyser(), self._limits)
        driver = Driver(job)
        for control in controls:
            driver.control(Message("cx-controls", 0, 0, 0, control.control_id.encode(), self._codec.encode(control)))
        decoded = []
        for message in messages:
            self._inputs += 1
            try:
                decoded.append((job.decode(message).value.order, message))
            except InvalidEvent:
                self._refused += 1
        outputs: list[Output] = []
        for (at, _, _), message in sorted(decoded, key=lambda item: (item[0], item[1].offset)):
            self._newest_at, self._oldest_at = max(self._newest_at, at), min(self._oldest_at, at)
            outputs += driver.take(message)
            self._progress(1)
        self._late += len(driver.rejected)
        for output in outputs:
            if output.topic == "cx-actions":
                self._hold(self.actions, self._codec.decode(output.value, Action))
        return [output for output in outputs if output.topic == "cx-causes"]

    def _run_incidents(self, causes: list[Output]) -> None:
        driver = Driver(Incidents(self._codec, self._shelf, self._limits))
        dated = [
            (self._codec.decode(output.value, Cause).occurred_at, index, output) for index, output in enumerate(causes)
        ]
        for _, index, output in sorted(dated, key=lambda item: item[:2]):
            for result in driver.take(Message("cx-causes", 0, index, 0, output.key, output.value)):
                if result.topic == "cx-actions":
                    self._hold(self.actions, self._codec.decode(result.value, Action))

    @staticmethod
    def _hold(held: dict[str, Action], action: Action) -> None:
        if action.retracted:
            held.pop(action.action_id, None)
        else:
            held[action.action_id] = action

    def _live(self, range_: Range) -> dict[str, Action]:
        """The actions that were emitted and hold, decided within the range of event time that was replayed."""
        held: dict[str, Action] = {}
        revisions: dict[str, int] = {}
        since = Range(since_ms=range_.since_ms)
        for message in self._read(["cx-actions"], since):
            action = self._codec.decode(message.value, Action)
            if action.revision > revisions.get(action.action_id, 0):
                revisions[action.action_id] = action.revision
                self._hold(held, action)
        return {name: one for name, one in held.items() if self._oldest_at <= one.decided_at <= self._newest_at}

    def _compare(self, live: dict[str, Action]) -> Report:
        differences = []
        for name in sorted({*live, *self.actions}):
            ours, theirs = self.actions.get(name), live.get(name)
            fields = _differing(ours, theirs)
            if fields:
                differences.append(self._difference(ours, theirs, fields))
        differences.sort(key=lambda one: (one.decided_at, one.subject_id, one.rule))
        same = len({*live, *self.actions}) - len(differences)
        return Report(self._inputs, self._refused, self._late, len(live), len(self.actions), same, differences)

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
        if one.emit == "settled" and one.decided_at > self._newest_at - self._limits.lateness:
            return "edge"
        if one.decided_at < self._oldest_at + self._limits.lateness:
            return "edge"
        return "late" if self._late else "other"


def _differing(ours: Action | None, theirs: Action | None) -> list[str]:
    """Names of the fields that differ; one side missing: what that is."""
    if ours is None or theirs is None:
        return ["only in live"] if ours is None else ["only in the replay"]
    names = [name for name in Action.__struct_fields__ if name not in NOT_CONTENT]
    return [name for name in names if getattr(ours, name) != getattr(theirs, name)]
