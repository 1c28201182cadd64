"""Many partitions of job 1 and one task of job 2 in memory, with delays between them: what the limits of a period come to.

All instants are µs of one clock. A partition's events come `lag` after they happened, what it claims reaches job 2 after `to_second`
at most, a word reaches each partition after `back` at most, each in its own time. Order is kept on each way, as Kafka keeps it.
"""

import random
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec

from schemas.controls import Control
from schemas.decisions import Action, Cause
from schemas.events import Touchpoint
from streams.engine.job import Message, Output
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf, first_pack
from streams.experience.incidents import Incidents
from streams.experience.pack_compile import compile_pack
from streams.experience.surroundings import Limits
from streams.replay.decide import Decider
from streams.replay.driver import Driver
from tests.builders import CODEC, LATENESS_SECONDS, SECOND, START, driver, message, records

DAY = 86_400
PACK = """
pack: limited
description: Every failure asks for a voucher, and for a call.
default_locale: en
currency: EUR
dimensions: [service]
journeys: {purchase: {}}
touchpoints: {payment: {journey: purchase}}
signals: {failure: {on: touchpoint, when: 'event.outcome == "failure"', weight: 'has(event.amount) ? event.amount / 1000.0 : 0.01'}}
treatment:
  opens_at: 1
  worsens_by: 1
  closes_below: 0.1
  step_within_seconds: {listen: {other: 60}, respond: {other: 60}, compensate: {other: 60}, improve: {other: 60}}
  verified_within_seconds: 60
  reopens_within_seconds: 60
  fades_after_seconds: 60
audiences: {customer: {reaches: customer}, care: {reaches: staff}}
actions:
  voucher: {on: signal, signal: failure, audience: customer, kind: voucher, step: compensate, text: sorry, amount: 'signal.weight * 1000.0', priority: 60,
            emit: settled, settling_seconds: %(settling)s}
  call: {on: signal, signal: failure, audience: care, kind: call_back, step: respond, text: sorry}
texts: {sorry: {en: Sorry.}}
limits: %(limits)s
"""


def limited(limits: str, settling: float = 120) -> CompiledPack:
    """A pack with these limits (YAML in braces), whose vouchers settle in so many seconds."""
    return compile_pack(limited_text(limits, settling), "limited.yaml")


def limited_text(limits: str, settling: float) -> str:
    """The same as text."""
    return PACK % {"limits": limits, "settling": settling}


class Failure(NamedTuple):
    """Something that asks for a voucher and a call."""

    at: int  # seconds after START
    subject: str
    matter: str
    unit: str | None = None
    brand: str | None = None
    amount: int | None = None  # of the voucher; None: 10

    def message(self, number: int) -> Message:
        """As it comes from Kafka."""
        more = {name: value for name in ("unit", "brand", "amount") if (value := getattr(self, name)) is not None}
        return message(
            "touchpoint",
            f"e{number:04}",
            self.at,
            number,
            self.subject,
            touchpoint="payment",
            outcome="failure",
            matter=self.matter,
            **more,
        )


class Sent(NamedTuple):
    """An action as it went out, and when."""

    at: int
    action: Action


class Delays(NamedTuple):
    """In seconds, each at most."""

    lag: float = 0.0
    to_second: float = 0.0
    back: float = 0.0
    late: float = 0.0  # some events, beyond the lag of their partition

    @property
    def seconds(self) -> float:
        """From a claim's event time to where its word is known everywhere."""
        return self.lag + self.late + self.to_second + self.back


class World:
    """Runs failures to the end. `sent`: all actions, revisions and retractions too, as they went out."""

    def __init__(self, pack: CompiledPack, partitions: int, delays: Delays, rng: random.Random) -> None:
        self._tasks = [driver(pack) for _ in range(partitions)]
        self._lags = [rng.uniform(0, delays.lag) * SECOND for _ in range(partitions)]
        self._second = Driver(Incidents(CODEC, Shelf((pack,)), Limits(LATENESS_SECONDS * SECOND, 500)))
        self._delays, self._rng = delays, rng
        self._queue: list[tuple[float, int, int | None, Message]] = []  # when, order, partition (None: job 2), what
        self._count = 0
        self._free_at: dict[tuple[int | None, str], float] = {}
        self.sent: list[Sent] = []
        self.words: list[Control] = []

    def run(self, failures: list[Failure], until: int) -> None:
        """`until`: seconds after START, when all is at rest."""
        for number, one in enumerate(failures):
            partition = hash_of(one.subject) % len(self._tasks)
            late = self._rng.uniform(0, self._delays.late) * SECOND if self._rng.random() < 0.2 else 0.0
            self._put(START + one.at * SECOND + self._lags[partition] + late, partition, one.message(number))
        while self._queue:
            when, _, partition, what = heappop(self._queue)
            self._advance(when)
            if partition is None:
                self._from_second(when, self._second.take(what))
            elif what.topic == "cx-controls":
                self._from_first(when, self._tasks[partition].control(what))
            else:
                self._from_first(when, self._tasks[partition].take(what))
            if not self._queue:
                self._advance(START + until * SECOND)
        assert not self._second.rejected

    def _advance(self, when: float) -> None:
        """Stream time of every partition has come so far."""
        for task, lag in zip(self._tasks, self._lags, strict=True):
            stream_time = int(when - lag)
            task.stream_time = max(task.stream_time or 0, stream_time)
            while (due := task.next_due()) is not None and due <= stream_time:
                self._from_first(due + lag, task.advance(due))

    def _put(self, when: float, partition: int | None, what: Message) -> None:
        self._count += 1
        heappush(self._queue, (when, self._count, partition, what))

    def _later(self, when: float, most: float, way: tuple[int | None, str]) -> float:
        """When something arrives: in its own time, but not before what went the same way."""
        arrives = max(when + self._rng.uniform(0, most) * SECOND, self._free_at.get(way, 0.0))
        self._free_at[way] = arrives
        return arrives

    def _from_first(self, when: float, outputs: list[Output]) -> None:
        self.sent += [Sent(int(when), one) for one in records(outputs, "cx-actions", Action)]
        for output in outputs:
            if output.topic == "cx-causes":
                self._count += 1
                cause = CODEC.decode(output.value, Cause)
                what = Message("cx-causes", 0, self._count, 0, output.key, output.value)
                self._put(self._later(when, self._delays.to_second, (None, cause.subject_id)), None, what)

    def _from_second(self, when: float, outputs: list[Output]) -> None:
        for output in outputs:
            if output.topic == "cx-controls":
                self.words.append(CODEC.decode(output.value, Control))
                what = Message("cx-controls", 0, 0, 0, output.key, output.value)
                for partition in range(len(self._tasks)):
                    self._put(self._later(when, self._delays.back, (partition, "word")), partition, what)

    def in_force(self, kind: str) -> dict[str, Action]:
        """Actions of a kind that hold in the end, by id."""
        return {name: one for name, one in in_force(each.action for each in self.sent).items() if one.kind == kind}

    def went_out(self, kind: str) -> list[Sent]:
        """Actions of a kind that went out, taken back or not."""
        return [one for one in self.sent if one.action.kind == kind and one.action.revision == 1]


def decided(pack: CompiledPack, made: list[Failure], numbers: Iterable[int] | None = None) -> dict[str, Action]:
    """What `touchstone decide` makes of it, in force. `numbers`: of the messages, where they do not just count up."""
    one = Decider(pack, Limits(LATENESS_SECONDS * SECOND, 500), CODEC)
    one.control(first_pack(pack))
    for number, each in zip(numbers or range(len(made)), made, strict=True):
        one.take(CODEC.decode(each.message(number).value, Touchpoint))
    one.advance(START + 2 * DAY * SECOND)
    return in_force(one.decided)


def in_force(decided: Iterable[object]) -> dict[str, Action]:
    """The actions among what was decided that hold in the end, by id."""
    held: dict[str, Action] = {}
    for record in decided:
        if isinstance(record, Action):
            held.pop(record.action_id, None)
            if not record.retracted:
                held[record.action_id] = record
    return held


def hash_of(subject: str) -> int:
    """Which partition a subject belongs to."""
    return sum(subject.encode())


def as_told(actions: dict[str, Action]) -> dict[str, object]:
    """What two runs must have in common."""
    told = {}
    for name, one in actions.items():
        body = msgspec.to_builtins(one)
        for row in body["evidence"]:
            row.pop("partition"), row.pop("offset")
        told[name] = {key: value for key, value in body.items() if key not in ("revision", "supersedes")}
    return told
