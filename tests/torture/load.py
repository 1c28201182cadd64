"""What is sent: messages of a seed, each with an id of its own in a header, so that also what cannot be decoded can be followed."""

import itertools
import random
import time
from collections.abc import Iterator
from typing import NamedTuple

from schemas.codec import Codec
from streams.engine.job import Message
from tests import sink_records as make

ID_HEADER = "torture.id"
SPAN_SECONDS = 6000  # of event time, ended two hours ago
MINUTE_US = 60_000_000
ENDLESS = 40_000  # messages that take SPAN_SECONDS, when there is no end
CODEC = Codec()


class Outgoing(NamedTuple):
    """A message to send, and its id."""

    id: str
    topic: str  # without prefix
    key: bytes
    value: bytes | None
    partition: int | None = None


class Load(NamedTuple):
    """How many (None: no end), and what of them is bad. Event times are whole minutes, so that many of a key are equal."""

    seed: int
    count: int | None
    keys: int = 60
    poison_share: float = 0.0
    name: str = "e"
    twice_share: float = 0.0  # of events that the producer sends a second time

    def messages(self) -> Iterator[Outgoing]:
        """In the order in which they are sent."""
        draw = random.Random(f"{self.seed}/{self.name}")
        start = int(time.time() - 7200 - SPAN_SECONDS) * 1_000_000 // MINUTE_US * MINUTE_US
        nominal = self.count or ENDLESS
        for number in range(self.count) if self.count is not None else itertools.count():
            at = start + number * SPAN_SECONDS * 1_000_000 // nominal
            at = (at - draw.randrange(MINUTE_US)) // MINUTE_US * MINUTE_US
            one = plain(draw, f"{self.name}{self.seed}-{number}", at, self.keys)
            if draw.random() < self.poison_share:
                one = one._replace(value=_broken(draw, one.value or b""))
            yield one
            if draw.random() < self.twice_share:
                yield one


def plain(draw: random.Random, name: str, at: int, keys: int = 60, subject: str = "") -> Outgoing:
    """A good message of that id and event time (µs); of `subject`, else of one of so many keys."""
    subject = subject or f"k{draw.randrange(keys)}"
    values: dict[str, object] = {"event_id": name, "subject_id": subject, "occurred_at": at}
    if draw.random() < 0.2:
        record, topic = make.feedback(**values, score=float(draw.randrange(11))), "cx-feedback"
    else:
        record, topic = make.touchpoint(**values, outcome=draw.choice(("success", "failure"))), "cx-touchpoints"
    return Outgoing(name, topic, subject.encode(), CODEC.encode(record))


def _broken(draw: random.Random, value: bytes) -> bytes | None:
    return draw.choice((None, b"\x01no", value[:-3], value + b"\x00", b"\x00\x00\x00\x27\x0f" + value[5:]))


def fuzzed(seed: int, count: int) -> Iterator[Outgoing]:
    """Mutated Avro: bits turned, bytes put in, taken out, doubled, the end of another message."""
    draw = random.Random(seed)
    other = b"\x00"
    for number in range(count):
        at = int(time.time() - draw.randrange(1800)) * 1_000_000
        one = plain(draw, f"{draw.getrandbits(64):016x}", at)  # ids that do not become each other
        value = bytearray(one.value or b"")
        for _ in range(draw.choice((1, 1, 2, 5))):
            _mutate(draw, value, other)
        other = one.value or b""
        yield one._replace(id=f"fuzz{seed}-{number}", value=bytes(value) or b"\x00")


def _mutate(draw: random.Random, value: bytearray, other: bytes) -> None:
    at = draw.randrange(len(value) + 1)
    match draw.randrange(5):
        case 0 if at < len(value):
            value[at] ^= 1 << draw.randrange(8)
        case 1:
            value[at:at] = draw.randbytes(draw.choice((1, 2, 9)))
        case 2:
            del value[at : at + draw.choice((1, 2, 20))]
        case 3:
            value[at : at + 10] = b"\xff" * 9 + b"\x01"  # the greatest length that a varint can say
        case _:
            value[at:] = other[draw.randrange(len(other)) :]


def of_lives(messages: list[Message]) -> Iterator[Outgoing]:
    """Inputs of the main job, which bring ids of their own."""
    for number, one in enumerate(messages):
        assert one.key is not None
        yield Outgoing(f"m{number}-{one.key.decode()}", one.topic, one.key, one.value)
