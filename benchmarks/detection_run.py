"""A simulated run through the decisions, as it arrived: alarms of the pack, its signals, and the answers that it doubts.

Both jobs, as live: what the second finds out (bursts of answers, usual waiting) comes back as a control.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from statistics import median
from typing import Any, Final, NamedTuple

from benchmarks.unhappy import HOUR, Alarm, Spell, spells
from schemas.codec import Codec
from schemas.decisions import Cause, Episode, Experience
from schemas.events import Customer, Feedback, Touchpoint
from schemas.json_form import instant
from streams.engine.job import Message, Output
from streams.experience.causes import is_signal
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf, first_pack
from streams.experience.incidents import Incidents
from streams.experience.subjects import Subjects
from streams.experience.surroundings import Limits
from streams.experience.text import default_analyser
from streams.replay.driver import Driver
from streams.simulate import Happening, Plan, Simulation

Event = Touchpoint | Feedback
_LEARNT: Final = 21 * 24 * HOUR
_TAKEN: Final = ("cx-touchpoints", "cx-feedback", "cx-customers")


class Crowd(NamedTuple):
    """Answers that came together: coached, or `honest`."""

    kind: str
    honest: bool
    since: int
    answers: tuple[str, ...]


class Hour(NamedTuple):
    """In which it was full where it never is."""

    time_zone: str
    since: int
    until: int


class Run(NamedTuple):
    """One simulated run: what arrived, and the truth."""

    happenings: list[Happening]
    spells: list[Spell]
    end: int
    crowds: list[Crowd]
    odd: list[Hour]

    def events(self) -> Iterator[tuple[int, Event]]:
        """When they arrived, in that order."""
        for happening in self.happenings:
            if isinstance(happening.record, Touchpoint | Feedback):
                yield happening.arrival_us, happening.record


class Decided(NamedTuple):
    """`alarms`: an episode opens, worsens or re-opens (kind: said or inferred). `signals`: each (kind: its name).

    `doubted`: answers that weigh less at the end of the run, and when they first did.
    """

    alarms: list[Alarm]
    signals: list[Alarm]
    doubted: dict[str, int]


class Bulk(NamedTuple):
    """How well coached answers are told from others. Shares None where there is nothing to take a share of."""

    coached: int
    bursts: int
    precision: float | None  # of the doubted answers
    recall: float | None  # of the coached answers
    bursts_found: int
    seconds: float | None  # median from a burst's first answer to the first doubt
    honest_doubted: float | None  # share of honest crowds with a doubted answer


def simulated(plan: Plan) -> Run:
    """A whole run in memory."""
    simulation = Simulation(plan)
    happenings = list(simulation)
    truth = list(simulation.truth())
    odd = [
        Hour(line["time_zone"], instant(line["since"]), instant(line["until"]))
        for line in truth
        if line["truth"] == "odd_hour"
    ]
    return Run(happenings, spells(truth, plan.end_us), plan.end_us, _crowds(truth), odd)


def _crowds(truth: Iterable[Mapping[str, Any]]) -> list[Crowd]:
    return [
        Crowd(line["kind"], line["honest"], instant(line["since"]), tuple(line["answers"]))
        for line in truth
        if line["truth"] == "coached"
    ]


def decided(run: Run, pack: CompiledPack, *, both_jobs: bool = False) -> Decided:
    """Dated when the input arrived that brought them up: what is found out late is found late."""
    reader = _Reader(pack, both_jobs=both_jobs)
    for happening in run.happenings:
        if happening.record is not None and happening.topic in _TAKEN:
            reader.take(happening)
    reader.advance(run.end)
    return Decided(reader.alarms, reader.signals, {one: at for one, at in reader.doubted.items() if at is not None})


class _Reader:
    """The jobs, and what is noted of their outputs."""

    def __init__(self, pack: CompiledPack, *, both_jobs: bool) -> None:
        self._codec = Codec()
        shelf, limits = Shelf((pack,)), Limits(HOUR, 500)
        self._subjects = Driver(Subjects(self._codec, shelf, default_analyser(), limits))
        self._incidents = Driver(Incidents(self._codec, shelf, limits)) if both_jobs else None
        self._offsets: dict[str, int] = defaultdict(int)
        self._turns: dict[str, tuple[int, float]] = {}
        self._worsens_by = pack.file.treatment.worsens_by
        self._now = 0
        self.alarms: list[Alarm] = []
        self.signals: list[Alarm] = []
        self.doubted: dict[str, int | None] = {}
        control = first_pack(pack)
        self._subjects.control(self._message("cx-controls", control.control_id.encode(), self._codec.encode(control)))

    def take(self, happening: Happening) -> None:
        self._now = happening.arrival_us
        assert happening.record is not None
        value = self._codec.encode(happening.record)
        self._note(self._subjects.take(self._message(happening.topic, happening.key, value)))
        if self._incidents is not None and self._subjects.stream_time is not None:
            self._found(self._incidents.advance(self._subjects.stream_time))

    def advance(self, until: int) -> None:
        self._now = until
        self._note(self._subjects.advance(until))
        if self._incidents is not None:
            self._found(self._incidents.advance(until))

    def _message(self, topic: str, key: bytes, value: bytes) -> Message:
        self._offsets[topic] += 1
        return Message(topic, 0, self._offsets[topic], 0, key, value)

    def _found(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if output.topic == "cx-controls":
                self._note(self._subjects.control(self._message("cx-controls", output.key, output.value)))

    def _note(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if output.topic == "cx-causes":
                self._cause(output)
            elif output.topic == "cx-episodes":
                self._episode(self._codec.decode(output.value, Episode))
            elif output.topic == "cx-experiences" and self._incidents is not None:
                experience = self._codec.decode(output.value, Experience)
                since = self.doubted.get(experience.event_id) or self._now
                self.doubted[experience.event_id] = since if experience.trust < 1.0 else None

    def _cause(self, output: Output) -> None:
        cause = self._codec.decode(output.value, Cause)
        if is_signal(cause.cause):
            self.signals.append(Alarm(cause.subject_id, self._now, cause.cause))
        if self._incidents is not None:
            self._found(self._incidents.take(self._message("cx-causes", output.key, output.value)))

    def _episode(self, episode: Episode) -> None:
        before = self._turns.get(episode.episode_id, (-1, 0.0))
        worse = episode.reopened > before[0] or episode.peak_score >= before[1] + self._worsens_by
        if worse and episode.state != "closed":
            self.alarms.append(Alarm(episode.subject_id, self._now, episode.origin))
            self._turns[episode.episode_id] = (episode.reopened, episode.peak_score)


class Waits(NamedTuple):
    """`waited_beyond_usual` against the hours in which it really was unusually full, from the fourth week on."""

    signals: int
    odd: int  # of them in such an hour
    waits: int
    blind: float | None  # share of all waits that lie in such an hour: what blind alarms would hit


def judge_waits(run: Run, signals: Iterable[Alarm]) -> Waits:
    """Waits of the same customer's time zone; those who wait through the web have none that anybody could see."""
    since = run.odd[0].since + _LEARNT if run.odd else run.end
    zones = {one.record.subject_id: one.record.time_zone for one in run.happenings if isinstance(one.record, Customer)}

    def odd(customer: str, at: int) -> bool:
        return any(hour.time_zone == zones.get(customer) and hour.since <= at < hour.until for hour in run.odd)

    given = [one for one in signals if one.kind == "waited_beyond_usual" and one.at >= since]
    waits = [
        (one.record.subject_id, one.record.occurred_at)
        for one in run.happenings
        if isinstance(one.record, Touchpoint) and one.record.waiting_seconds is not None and one.at_us >= since
    ]
    hits = sum(odd(customer, at) for customer, at in waits)
    return Waits(
        len(given), sum(odd(one.customer, one.at) for one in given), len(waits), hits / len(waits) if waits else None
    )


def judge_bulk(crowds: Iterable[Crowd], doubted: Mapping[str, int]) -> Bulk:
    """The doubted answers (and when) against the truth."""
    crowds = list(crowds)
    coached = {answer for crowd in crowds if not crowd.honest for answer in crowd.answers}
    bursts = [crowd for crowd in crowds if not crowd.honest]
    honest = [crowd for crowd in crowds if crowd.honest]
    first = [min((doubted[one] for one in crowd.answers if one in doubted), default=None) for crowd in bursts]
    delays = [(at - crowd.since) / 1e6 for crowd, at in zip(bursts, first, strict=True) if at is not None]
    hit = len(coached & doubted.keys())
    touched = sum(any(one in doubted for one in crowd.answers) for crowd in honest)
    return Bulk(
        coached=len(coached),
        bursts=len(bursts),
        precision=hit / len(doubted) if doubted else None,
        recall=hit / len(coached) if coached else None,
        bursts_found=len(delays),
        seconds=median(delays) if delays else None,
        honest_doubted=touched / len(honest) if honest else None,
    )
