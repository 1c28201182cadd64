"""Input of detection job v0: seeded, event time 1 ms apart, one feedback to 20 touchpoints, written to Kafka as fast as it can be."""

import asyncio
import random
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer

from benchmarks.detection import FEEDBACK, TOUCHPOINTS
from benchmarks.detection_rules import FEEDBACK_ID, FEEDBACK_SCHEMA, TOUCHPOINT_ID, TOUCHPOINT_SCHEMA, writer
from streams.engine.partitioning import partition_of
from streams.kafka_config import aiokafka_client_config
from streams.settings import Settings

START_AT = 1_700_000_000_000_000
CUSTOMERS = 20_000
PARTITIONS = 4
_write_touchpoint = writer(TOUCHPOINT_SCHEMA, TOUCHPOINT_ID)
_write_feedback = writer(FEEDBACK_SCHEMA, FEEDBACK_ID)


class Record(NamedTuple):
    """`topic` without prefix, `at` event time in µs."""

    topic: str
    key: bytes
    value: bytes
    at: int


def records(touchpoints: int, seed: int = 7, *, zipf: bool = False) -> Iterator[Record]:
    """In order of event time."""
    draw = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(CUSTOMERS)] if zipf else None
    customers = draw.choices(range(CUSTOMERS), weights, k=touchpoints)
    for number, customer in enumerate(customers):
        name = f"customer-{customer:06d}"
        at = START_AT + number * 1000
        yield Record(TOUCHPOINTS, name.encode(), _write_touchpoint(_touchpoint(draw, name, at)), at)
        if number % 20 == 19:
            at += 500
            yield Record(FEEDBACK, name.encode(), _write_feedback(_feedback(draw, name, at)), at)


def _uuid(draw: random.Random) -> str:
    digits = f"{draw.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _touchpoint(draw: random.Random, customer: str, at: int) -> dict[str, Any]:
    chance = draw.random()
    return {
        "event_id": _uuid(draw),
        "customer_id": customer,
        "occurred_at": at,
        "channel": draw.choice(("web", "app", "phone", "store")),
        "journey": draw.choice(("purchase", "delivery", "service")),
        "touchpoint": draw.choice(("checkout", "payment", "hotline", "delivery", "return")),
        "action": draw.choice(("view", "click", "call")),
        "outcome": "success" if chance < 0.92 else "failure" if chance < 0.97 else "abandoned",
        "duration_ms": draw.randrange(60_000) if draw.random() < 0.7 else None,
        "amount": draw.random() * 500 if draw.random() < 0.3 else None,
        "attributes": {"device": draw.choice(("ios", "android", "pc")), "region": draw.choice(("north", "south"))},
    }


def _feedback(draw: random.Random, customer: str, at: int) -> dict[str, Any]:
    return {
        "event_id": _uuid(draw),
        "customer_id": customer,
        "occurred_at": at,
        "journey": "purchase",
        "touchpoint": "checkout",
        "kind": draw.choice(("nps", "csat", "ces")),
        "score": float(draw.randrange(11)),
        "text": "It took too long." if draw.random() < 0.3 else None,
    }


async def write(settings: Settings, messages: Iterable[Record], partitions: int = PARTITIONS) -> int:
    """All present before the start, in ordinary producer batches of at most 16 kB. Returns the number of messages.

    Kafka's timestamp is event time, in whole milliseconds rounded up: some engines align their inputs by it.
    """
    producer = AIOKafkaProducer(**aiokafka_client_config(settings), max_batch_size=16 << 10, linger_ms=0)
    await producer.start()
    count = 0
    open_batches: dict[tuple[str, int], Any] = {}
    sent: list[asyncio.Future[Any]] = []
    try:
        for topic, key, value, at in messages:
            where, timestamp = (settings.topic(topic), partition_of(key, partitions)), -(-at // 1000)
            batch = open_batches.get(where)
            if batch is None or batch.append(key=key, value=value, timestamp=timestamp) is None:
                if batch is not None:
                    sent.append(await producer.send_batch(batch, where[0], partition=where[1]))
                batch = open_batches[where] = producer.create_batch()
                batch.append(key=key, value=value, timestamp=timestamp)
            count += 1
        for where, batch in open_batches.items():
            sent.append(await producer.send_batch(batch, where[0], partition=where[1]))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return count
