"""One law over all: every acknowledged input is stored or dead-lettered, none vanishes, none counts twice; every action is stored.

Worker and sink are killed with kill -9 while inputs, good and bad, come in; then `touchstone reconcile` is asked.
"""

import json
import random
import time
from collections.abc import Callable

import msgspec
from clickhouse_driver import Client

from streams.engine.job import Message
from tests import sink_records as make
from tests.main_service import DEADLINE_SECONDS, Product
from tests.touchstone_command import touchstone

SUBJECTS = 40
INPUTS = 3_000
BAD_SHARE = 0.05


def inputs(seed: int) -> list[Message]:
    """Customers who fail and say so; one message in twenty cannot be read, or can never be right."""
    dice = random.Random(seed)
    found = []
    for number in range(INPUTS):
        subject = f"c-{dice.randrange(SUBJECTS)}"
        event = make.touchpoint(
            number, subject_id=subject, outcome=dice.choice(("success", "failure")), matter="o-1", brand="retail"
        )
        message = make.message("touchpoints", event, 0)
        if number % 10 == 0:
            message = make.message(
                "feedback", make.feedback(number, subject_id=subject, score=float(dice.randrange(11))), 0
            )
        if dice.random() < BAD_SHARE:
            broken = dice.choice((None, b"\x01no", (message.value or b"")[:-3], (message.value or b"") + b"\x00"))
            message = msgspec.structs.replace(message, value=broken)
        found.append(message)
    return found


def until_rows(one: Product, table: str, more_than: int) -> int:
    """Waits until worker and sink have come so far; how far."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    with Client(
        one.settings.clickhouse_host, port=one.settings.clickhouse_port, database=one.settings.clickhouse_database
    ) as client:
        while True:
            ((count,),) = client.execute(f"SELECT count() FROM {table}_final")
            if count > more_than:
                return int(count)
            assert time.monotonic() < deadline, f"{table} stays at {count} rows"
            time.sleep(0.05)


def test_worker_and_sink_killed_under_load(product: Callable[..., Product]) -> None:
    one = product()
    messages = inputs(5)
    quarters = [messages[start : start + INPUTS // 4] for start in range(0, INPUTS, INPUTS // 4)]
    worker, sink = one.start("worker"), one.start("sink", "clickhouse")
    one.produce(quarters[0])
    decided = until_rows(one, "actions", 0)
    one.produce(quarters[1])
    worker.kill()
    one.expel()
    worker = one.start("worker")
    one.produce(quarters[2])
    until_rows(one, "actions", decided)
    one.produce(quarters[3])
    sink.kill()
    sink = one.start("sink", "clickhouse")
    # The first waits until every input is judged; the second sees the topics with all that came of them.
    for _ in range(2):
        done = touchstone("reconcile", "--wait", "90", "--json", settings=one.settings, seconds=150)
        assert done.returncode == 0, done.stdout + done.stderr + worker.said()[-2000:] + sink.said()[-2000:]
    counts = {found["table"]: found["counts"] for found in json.loads(done.stdout)["topics"]}
    judged = [counts[table] for table in ("touchpoints", "feedback", "action_updates")]
    assert sum(each["messages"] for each in judged) == INPUTS
    bad = sum(one.value is None or not valid(one) for one in messages)
    assert sum(each["messages"] - each["stored"] for each in judged) == bad > 0
    assert sum(each["dead_lettered"] - each["both"] for each in judged) == bad
    assert counts["actions"]["stored"] == counts["actions"]["messages"] > 0
    assert counts["dead_letters"]["messages"] >= bad


def valid(message: Message) -> bool:
    """Does it decode?"""
    from schemas.refusals import InvalidEvent
    from sinks.tables import BY_TOPIC, decode

    try:
        decode(BY_TOPIC[message.topic], make.CODEC, message, message.topic)
    except InvalidEvent:
        return False
    return True
